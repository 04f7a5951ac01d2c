// The half of link_message.h that reads what the kernel says.
#include "netlink/link_message.h"
#include "netlink/mark.h"

#include <array>
#include <cstring>

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
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

template <int max>
Attributes<max> parse_nested(nlattr* attribute) {
  Attributes<max> attributes{};
  if (attribute != nullptr) {
    nla_parse_nested(attributes.data(), max, attribute, nullptr);
  }
  return attributes;
}

bool is_on(nlattr const* attribute) {
  return attribute != nullptr && nla_get_u8(attribute) != 0;
}

PortFlags port_flags_in(nlattr* slave_data) {
  auto const attributes = parse_nested<IFLA_BRPORT_MAX>(slave_data);
  return {is_on(attributes[IFLA_BRPORT_ISOLATED]), is_on(attributes[IFLA_BRPORT_UNICAST_FLOOD]),
          is_on(attributes[IFLA_BRPORT_LEARNING]), is_on(attributes[IFLA_BRPORT_MODE])};
}

/// The kernel lists every setting of the link, the first of which has number 1.
bool routes_loopback(nlattr* af_spec) {
  constexpr int position = IPV4_DEVCONF_ROUTE_LOCALNET - 1;
  auto const families = parse_nested<AF_INET>(af_spec);
  auto const settings = parse_nested<IFLA_INET_MAX>(families[AF_INET]);
  nlattr const* const values = settings[IFLA_INET_CONF];
  if (values == nullptr || nla_len(values) < static_cast<int>((position + 1) * sizeof(int))) {
    return false;
  }
  return static_cast<std::uint32_t const*>(nla_data(values))[position] != 0;
}

MacAddress mac_in(nlattr const* attribute) {
  MacAddress mac;
  if (attribute != nullptr && nla_len(attribute) == static_cast<int>(mac.bytes.size())) {
    std::memcpy(mac.bytes.data(), nla_data(attribute), mac.bytes.size());
  }
  return mac;
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
  auto const info = parse_nested<IFLA_INFO_MAX>(attributes[IFLA_LINKINFO]);
  link.kind = text_in(info[IFLA_INFO_KIND]);
  link.alias = text_in(attributes[IFLA_IFALIAS]);
  link.mac = mac_in(attributes[IFLA_ADDRESS]);
  link.mtu_bytes = number_in(attributes[IFLA_MTU]);
  link.up = (header->ifi_flags & IFF_UP) != 0;
  link.master = number_in(attributes[IFLA_MASTER]);
  bool const peer_is_here = attributes[IFLA_LINK_NETNSID] == nullptr;
  link.peer = peer_is_here ? number_in(attributes[IFLA_LINK]) : 0;
  link.group = number_in(attributes[IFLA_GROUP]);
  link.qdisc = text_in(attributes[IFLA_QDISC]);
  link.port = port_flags_in(info[IFLA_INFO_SLAVE_DATA]);
  link.route_localnet = routes_loopback(attributes[IFLA_AF_SPEC]);
  return link;
}

/// Others are learned ones, which age, and the addresses of the links themselves.
std::optional<ForwardingEntry> parse_static_entry(nlmsghdr* message) {
  if (message->nlmsg_type != RTM_NEWNEIGH) {
    return std::nullopt;
  }
  auto const* const header = static_cast<ndmsg const*>(nlmsg_data(message));
  auto const attributes = parse_attributes<NDA_MAX>(message, sizeof *header);
  bool const is_static = header->ndm_family == AF_BRIDGE && header->ndm_state == NUD_NOARP &&
                         (header->ndm_flags & NTF_SELF) == 0;
  if (!is_static || attributes[NDA_LLADDR] == nullptr) {
    return std::nullopt;
  }
  return ForwardingEntry{static_cast<std::uint32_t>(header->ndm_ifindex),
                         mac_in(attributes[NDA_LLADDR])};
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
  bool const is_kind_of_ours = link.kind == "bridge" || link.kind == "veth" || link.kind == "ifb";
  return is_kind_of_ours && is_mark(link.alias);
}

}  // namespace drawbridge::link_message
