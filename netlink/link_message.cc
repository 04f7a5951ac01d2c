#include "netlink/link_message.h"

#include "netlink/mark.h"

#include <netlink/errno.h>

#include <array>
#include <cstring>

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/socket.h>

namespace drawbridge::link_message {
namespace {

template <int max>
using Attributes = std::array<nlattr*, max + 1>;

template <int max>
Attributes<max> parse_attributes(nlmsghdr* message, std::size_t header_size) {
  Attributes<max> attributes{};
  nlmsg_parse(message, static_cast<int>(header_size), attributes.data(), max, nullptr);
  return attributes;
}

std::uint32_t number_in(nlattr const* attribute) {
  return attribute == nullptr ? 0 : nla_get_u32(attribute);
}

std::string text_in(nlattr const* attribute) {
  if (attribute == nullptr) {
    return {};
  }
  char const* const start = static_cast<char const*>(nla_data(attribute));
  return {start, strnlen(start, static_cast<std::size_t>(nla_len(attribute)))};
}

std::string kind_in(nlattr* link_info) {
  Attributes<IFLA_INFO_MAX> attributes{};
  if (link_info != nullptr) {
    nla_parse_nested(attributes.data(), IFLA_INFO_MAX, link_info, nullptr);
  }
  return text_in(attributes[IFLA_INFO_KIND]);
}

MacAddress mac_in(nlattr const* attribute) {
  MacAddress mac;
  if (attribute != nullptr && nla_len(attribute) == static_cast<int>(mac.bytes.size())) {
    std::memcpy(mac.bytes.data(), nla_data(attribute), mac.bytes.size());
  }
  return mac;
}

ifinfomsg link_header(std::uint32_t index, unsigned flags = 0, unsigned changed = 0) {
  ifinfomsg header{};
  header.ifi_family = AF_UNSPEC;
  header.ifi_index = static_cast<int>(index);
  header.ifi_flags = flags;
  header.ifi_change = changed;
  return header;
}

/// Counters are the larger part of a link's description, and nobody here reads them.
RouteMessage without_counters(RouteMessage message) {
  message.put(IFLA_EXT_MASK, std::uint32_t{RTEXT_FILTER_SKIP_STATS});
  return message;
}

template <class Value>
RouteMessage change(std::uint32_t index, int attribute, Value const& value) {
  RouteMessage message(RTM_SETLINK, 0, link_header(index));
  message.put(attribute, value);
  return message;
}

/// Says how the link gets its IPv6 link-local address. The kernel takes this in no message that
/// creates a link (6.18: EAFNOSUPPORT), and in none at all where IPv6 is off or the MTU is below
/// 1280: there it has no IPv6 address to be wrong.
RouteMessage set_link_local(std::uint32_t index, std::uint8_t mode) {
  RouteMessage message(RTM_SETLINK, 0, link_header(index));
  message.nest(IFLA_AF_SPEC, [&] {
    message.nest(AF_INET6, [&] { message.put(IFLA_INET6_ADDR_GEN_MODE, mode); });
  });
  message.forgive(NLE_AF_NOSUPPORT);
  return message;
}

bool has_ipv6(Bridge const& bridge) {
  for (IpPrefix const& address : bridge.addresses) {
    if (address.family() == Family::ipv6) {
      return true;
    }
  }
  return false;
}

RouteMessage address_message(int type, int flags, std::uint32_t index, IpPrefix const& address) {
  ifaddrmsg header{};
  header.ifa_family = address.family() == Family::ipv4 ? AF_INET : AF_INET6;
  header.ifa_prefixlen = static_cast<std::uint8_t>(address.length);
  header.ifa_index = index;
  // Without a container on it a bridge has no carrier, and duplicate detection would never end.
  header.ifa_flags = address.family() == Family::ipv6 ? IFA_F_NODAD : 0;
  RouteMessage message(type, flags, header);
  message.put(IFA_LOCAL, address.address).put(IFA_ADDRESS, address.address);
  return message;
}

constexpr int create_flags = NLM_F_CREATE | NLM_F_EXCL;

RouteMessage new_bridge(Bridge const& bridge, std::uint32_t index) {
  RouteMessage message(RTM_NEWLINK, create_flags, link_header(index));
  message.put(IFLA_IFNAME, bridge.name).put(IFLA_ADDRESS, bridge.mac);
  message.nest(IFLA_LINKINFO, [&] {
    message.put(IFLA_INFO_KIND, std::string("bridge"));
    message.nest(IFLA_INFO_DATA, [&] { message.put(IFLA_BR_STP_STATE, std::uint32_t{0}); });
  });
  return message;
}

RouteMessage new_veth(Veth const& veth, std::uint32_t index, std::uint32_t master) {
  RouteMessage message(RTM_NEWLINK, create_flags, link_header(index));
  message.put(IFLA_IFNAME, veth.host_end).put(IFLA_MTU, veth.mtu_bytes);
  if (master != 0) {
    message.put(IFLA_MASTER, master);
  }
  message.nest(IFLA_LINKINFO, [&] {
    message.put(IFLA_INFO_KIND, std::string("veth"));
    message.nest(IFLA_INFO_DATA, [&] {
      message.nest(VETH_INFO_PEER, [&] {
        message.append(link_header(index + 1));
        message.put(IFLA_IFNAME, veth.container_end).put(IFLA_MTU, veth.mtu_bytes);
      });
    });
  });
  return message;
}

}  // namespace

std::optional<Link> parse_link(nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWLINK && message->nlmsg_type != RTM_DELLINK) {
    return std::nullopt;
  }
  auto const* const header = static_cast<ifinfomsg const*>(nlmsg_data(message));
  auto const attributes = parse_attributes<IFLA_MAX>(message, sizeof *header);
  if (attributes[IFLA_IFNAME] == nullptr) {
    return std::nullopt;
  }
  Link link;
  link.index = static_cast<std::uint32_t>(header->ifi_index);
  link.name = text_in(attributes[IFLA_IFNAME]);
  link.kind = kind_in(attributes[IFLA_LINKINFO]);
  link.alias = text_in(attributes[IFLA_IFALIAS]);
  link.mac = mac_in(attributes[IFLA_ADDRESS]);
  link.mtu_bytes = number_in(attributes[IFLA_MTU]);
  link.up = (header->ifi_flags & IFF_UP) != 0;
  link.master = number_in(attributes[IFLA_MASTER]);
  bool const peer_is_here = attributes[IFLA_LINK_NETNSID] == nullptr;
  link.peer = peer_is_here ? number_in(attributes[IFLA_LINK]) : 0;
  link.group = number_in(attributes[IFLA_GROUP]);
  return link;
}

std::optional<IpAddress> parse_ip(nlattr const* attribute) {
  if (attribute == nullptr || (nla_len(attribute) != 4 && nla_len(attribute) != 16)) {
    return std::nullopt;
  }
  IpAddress address{nla_len(attribute) == 4 ? Family::ipv4 : Family::ipv6, 0};
  auto const* const bytes = static_cast<std::uint8_t const*>(nla_data(attribute));
  for (int i = 0; i < nla_len(attribute); ++i) {
    address.bits = (address.bits << 8) | bytes[i];
  }
  return address;
}

std::optional<LinkAddress> parse_address(nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWADDR && message->nlmsg_type != RTM_DELADDR) {
    return std::nullopt;
  }
  auto const* const header = static_cast<ifaddrmsg const*>(nlmsg_data(message));
  auto const attributes = parse_attributes<IFA_MAX>(message, sizeof *header);
  // Behind a point-to-point link IFA_ADDRESS is the other side's; IFA_LOCAL is always ours.
  nlattr const* const own = attributes[IFA_LOCAL];
  std::optional<IpAddress> const ip = parse_ip(own != nullptr ? own : attributes[IFA_ADDRESS]);
  if (!ip) {
    return std::nullopt;
  }
  return LinkAddress{header->ifa_index, IpPrefix{*ip, header->ifa_prefixlen}};
}

bool is_ours(Link const& link) {
  bool const is_kind_of_ours = link.kind == "bridge" || link.kind == "veth";
  return is_kind_of_ours && is_mark(link.alias);
}

RouteMessage get_by_name(std::string const& name) {
  RouteMessage message(RTM_GETLINK, 0, link_header(0));
  message.put(IFLA_IFNAME, name);
  return without_counters(std::move(message));
}

RouteMessage get_by_index(std::uint32_t index) {
  return without_counters(RouteMessage(RTM_GETLINK, 0, link_header(index)));
}

RouteMessage list_links() {
  return get_by_index(0);
}

RouteMessage list_addresses(std::uint32_t index) {
  ifaddrmsg header{};
  header.ifa_family = AF_UNSPEC;
  header.ifa_index = index;
  return {RTM_GETADDR, 0, header};
}

std::vector<RouteMessage> create_bridge(Bridge const& bridge, std::uint32_t index) {
  std::vector<RouteMessage> batch;
  batch.push_back(new_bridge(bridge, index));
  batch.push_back(set_alias(index, mark_of(bridge.owner)));
  batch.push_back(
      set_link_local(index, has_ipv6(bridge) ? IN6_ADDR_GEN_MODE_EUI64 : IN6_ADDR_GEN_MODE_NONE));
  // An MTU that is set after the creation stays; one that comes with it follows the ports' MTU.
  batch.push_back(set_mtu(index, bridge.mtu_bytes));
  for (IpPrefix const& address : bridge.addresses) {
    batch.push_back(add_address(index, address));
  }
  if (bridge.up) {
    batch.push_back(bring_up(index));
  }
  return batch;
}

std::vector<RouteMessage> create_veth(Veth const& veth, std::uint32_t index, std::uint32_t master) {
  std::vector<RouteMessage> batch;
  batch.push_back(new_veth(veth, index, master));
  batch.push_back(set_alias(index, mark_of(veth.owner)));
  batch.push_back(set_alias(index + 1, container_mark_of(veth.owner)));
  batch.push_back(set_link_local(index, IN6_ADDR_GEN_MODE_NONE));
  if (veth.up) {
    batch.push_back(bring_up(index));
  }
  return batch;
}

RouteMessage add_address(std::uint32_t index, IpPrefix const& address) {
  return address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, address);
}

RouteMessage remove_address(std::uint32_t index, IpPrefix const& address) {
  RouteMessage message = address_message(RTM_DELADDR, 0, index, address);
  message.forgive(NLE_NOADDR).forgive(NLE_NODEV);
  return message;
}

RouteMessage set_alias(std::uint32_t index, std::string const& alias) {
  return change(index, IFLA_IFALIAS, alias);
}

RouteMessage set_name(std::uint32_t index, std::string const& name) {
  return change(index, IFLA_IFNAME, name);
}

RouteMessage set_mtu(std::uint32_t index, std::uint32_t mtu_bytes) {
  return change(index, IFLA_MTU, mtu_bytes);
}

RouteMessage set_master(std::uint32_t index, std::uint32_t master) {
  return change(index, IFLA_MASTER, master);
}

RouteMessage set_group(std::uint32_t index, std::uint32_t group) {
  return change(index, IFLA_GROUP, group);
}

RouteMessage bring_up(std::uint32_t index) {
  return {RTM_SETLINK, 0, link_header(index, IFF_UP, IFF_UP)};
}

RouteMessage bring_down(std::uint32_t index) {
  return {RTM_SETLINK, 0, link_header(index, 0, IFF_UP)};
}

RouteMessage retire_port(std::uint32_t index) {
  RouteMessage message = bring_down(index);
  message.put(IFLA_MASTER, std::uint32_t{0}).put(IFLA_IFALIAS, std::string(retired_mark));
  return message;
}

RouteMessage remove(std::uint32_t index) {
  RouteMessage message(RTM_DELLINK, 0, link_header(index));
  message.forgive(NLE_NODEV);
  return message;
}

RouteMessage remove_group(std::uint32_t group) {
  RouteMessage message(RTM_DELLINK, 0, link_header(0));
  message.put(IFLA_GROUP, group).forgive(NLE_NODEV);
  return message;
}

}  // namespace drawbridge::link_message
