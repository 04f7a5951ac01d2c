#include "netlink/link_message.h"

#include "netlink/mark.h"

#include <netlink/errno.h>

#include <array>

#include <linux/if.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <sys/socket.h>

namespace drawbridge::link_message {
namespace {

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

ndmsg entry_header(std::uint32_t port) {
  ndmsg header{};
  header.ndm_family = AF_BRIDGE;
  header.ndm_ifindex = static_cast<int>(port);
  return header;
}

/// One that neither ages nor moves to another port: bridge(8) calls it "static".
RouteMessage forwarding_message(int type, int flags, std::uint32_t port, MacAddress const& mac) {
  ndmsg header = entry_header(port);
  header.ndm_state = NUD_NOARP;
  header.ndm_flags = NTF_MASTER;
  RouteMessage message(type, flags, header);
  message.put(NDA_LLADDR, mac);
  return message;
}

/// The flags of a port are taken in a message that could also create the link, and in no other.
template <class Fill>
void put_port_flags(RouteMessage& message, Fill fill) {
  message.nest(IFLA_LINKINFO, [&] {
    message.put(IFLA_INFO_SLAVE_KIND, std::string("bridge"));
    message.nest(IFLA_INFO_SLAVE_DATA, fill);
  });
}

/// Everything but the master: the flags of a link that has none are refused.
RouteMessage describe_host_end(Veth const& veth, std::uint32_t index, bool is_port) {
  RouteMessage message(RTM_NEWLINK, 0, link_header(index));
  message.put(IFLA_IFALIAS, mark_of(veth.owner)).put(IFLA_GROUP, veth.group.number);
  std::uint8_t const is_open = veth.mac == MacAddress{} ? 1 : 0;
  if (is_port) {
    put_port_flags(message, [&] {
      message.put(IFLA_BRPORT_UNICAST_FLOOD, is_open).put(IFLA_BRPORT_LEARNING, is_open);
      message.put(IFLA_BRPORT_ISOLATED, static_cast<std::uint8_t>(veth.isolated));
      message.put(IFLA_BRPORT_MODE, static_cast<std::uint8_t>(veth.hairpin));
    });
  }
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
  message.put(IFLA_GROUP, bridge.group.number);
  message.nest(IFLA_LINKINFO, [&] {
    message.put(IFLA_INFO_KIND, std::string("bridge"));
    message.nest(IFLA_INFO_DATA, [&] { message.put(IFLA_BR_STP_STATE, std::uint32_t{0}); });
  });
  return message;
}

/// The container's end: a link in the message of another.
void put_peer(RouteMessage& message, Veth const& veth, std::uint32_t index) {
  message.nest(VETH_INFO_PEER, [&] {
    message.append(link_header(index));
    message.put(IFLA_IFNAME, veth.container_end).put(IFLA_MTU, veth.mtu_bytes);
  });
}

RouteMessage new_veth(Veth const& veth, std::uint32_t index, std::uint32_t master) {
  RouteMessage message(RTM_NEWLINK, create_flags, link_header(index));
  message.put(IFLA_IFNAME, veth.host_end).put(IFLA_MTU, veth.mtu_bytes);
  if (master != 0) {
    message.put(IFLA_MASTER, master);
  }
  message.nest(IFLA_LINKINFO, [&] {
    message.put(IFLA_INFO_KIND, std::string("veth"));
    message.nest(IFLA_INFO_DATA, [&] { put_peer(message, veth, index + 1); });
  });
  return message;
}

}  // namespace

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

RouteMessage list_forwarding_entries(std::uint32_t port) {
  return {RTM_GETNEIGH, 0, entry_header(port)};
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
  if (bridge.route_localnet) {
    batch.push_back(allow_loopback(index));
  }
  if (bridge.up) {
    batch.push_back(bring_up(index));
  }
  return batch;
}

void add_host_end(std::vector<RouteMessage>& batch, Veth const& veth, std::uint32_t index,
                  std::uint32_t master) {
  if (master != 0 && veth.mac != MacAddress{}) {
    batch.push_back(
        forwarding_message(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, index, veth.mac));
  }
  batch.push_back(describe_host_end(veth, index, master != 0));
}

std::vector<RouteMessage> create_veth(Veth const& veth, std::uint32_t index, std::uint32_t master) {
  std::vector<RouteMessage> batch;
  batch.push_back(new_veth(veth, index, master));
  add_host_end(batch, veth, index, master);
  batch.push_back(set_alias(index + 1, container_mark_of(veth.owner)));
  batch.push_back(set_link_local(index, IN6_ADDR_GEN_MODE_NONE));
  if (veth.up) {
    batch.push_back(bring_up(index));
  }
  return batch;
}

RouteMessage new_limiter(std::string const& name, std::uint32_t index) {
  RouteMessage message(RTM_NEWLINK, create_flags, link_header(index));
  message.put(IFLA_IFNAME, name);
  message.nest(IFLA_LINKINFO, [&] { message.put(IFLA_INFO_KIND, std::string("ifb")); });
  return message;
}

void add_limiter(std::vector<RouteMessage>& batch, Veth const& veth, std::uint32_t index) {
  batch.push_back(set_alias(index, limiter_mark_of(veth.owner)));
  batch.push_back(set_link_local(index, IN6_ADDR_GEN_MODE_NONE));
  batch.push_back(bring_up(index));
}

RouteMessage add_address(std::uint32_t index, IpPrefix const& address) {
  return address_message(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, index, address);
}

RouteMessage remove_address(std::uint32_t index, IpPrefix const& address) {
  RouteMessage message = address_message(RTM_DELADDR, 0, index, address);
  message.forgive(NLE_NOADDR).forgive(NLE_NODEV);
  return message;
}

RouteMessage remove_static_entry(std::uint32_t port, MacAddress const& mac) {
  RouteMessage message = forwarding_message(RTM_DELNEIGH, 0, port, mac);
  message.forgive(NLE_OBJ_NOTFOUND);
  return message;
}

RouteMessage forget_learned(std::uint32_t port) {
  RouteMessage message(RTM_NEWLINK, 0, link_header(port));
  put_port_flags(message, [&] { message.put(IFLA_BRPORT_FLUSH, std::uint8_t{1}); });
  return message;
}

RouteMessage set_isolated(std::uint32_t port, bool isolated) {
  RouteMessage message(RTM_NEWLINK, 0, link_header(port));
  put_port_flags(message,
                 [&] { message.put(IFLA_BRPORT_ISOLATED, static_cast<std::uint8_t>(isolated)); });
  return message;
}

RouteMessage set_hairpin(std::uint32_t port, bool hairpin) {
  RouteMessage message(RTM_NEWLINK, 0, link_header(port));
  put_port_flags(message,
                 [&] { message.put(IFLA_BRPORT_MODE, static_cast<std::uint8_t>(hairpin)); });
  return message;
}

RouteMessage allow_loopback(std::uint32_t index) {
  RouteMessage message(RTM_SETLINK, 0, link_header(index));
  message.nest(IFLA_AF_SPEC, [&] {
    message.nest(AF_INET, [&] {
      message.nest(IFLA_INET_CONF,
                   [&] { message.put(IPV4_DEVCONF_ROUTE_LOCALNET, std::uint32_t{1}); });
    });
  });
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
