// Links and addresses as rtnetlink messages, there and back. Pure.
//
// Internal to this folder (libnl types). source: linux/if_link.h, linux/if_addr.h, linux/veth.h,
// linux/neighbour.h
#pragma once

#include "netlink/route_message.h"
#include "netlink/route_socket.h"

#include <optional>

namespace drawbridge::link_message {

/// Empty parsers' answers mean: a message of another type, or of a link without a name.
std::optional<Link> parse_link(nlmsghdr* message);
std::optional<LinkAddress> parse_address(nlmsghdr* message);
/// returns  nothing for an entry that ages, or that stands for the link itself
std::optional<ForwardingEntry> parse_static_entry(nlmsghdr* message);
/// returns  an address of 4 or 16 bytes; nothing for another size
std::optional<IpAddress> parse_ip(nlattr const* attribute);

/// returns  true for a bridge, an end of a veth pair or an ifb that carries our mark, in use or
///          retired
bool is_ours(Link const& link);

RouteMessage get_by_name(std::string const& name);
RouteMessage get_by_index(std::uint32_t index);
RouteMessage list_links();
/// index  0 for those of all links
RouteMessage list_addresses(std::uint32_t index);
/// port  0 for those of all ports of all bridges
RouteMessage list_forwarding_entries(std::uint32_t port);

/// Everything that makes the bridge, in order. The index is ours to choose: then no message has to
/// wait for the answer to another.
std::vector<RouteMessage> create_bridge(Bridge const& bridge, std::uint32_t index);
/// The container's end gets `index` + 1.
std::vector<RouteMessage> create_veth(Veth const& veth, std::uint32_t index, std::uint32_t master);
/// An ifb: what is sent to it comes in again where it came from.
RouteMessage new_limiter(std::string const& name, std::uint32_t index);
/// Marks the ifb of this pair, and brings it up.
void add_limiter(std::vector<RouteMessage>& batch, Veth const& veth, std::uint32_t index);
/// Marks a host end, and tells the bridge that it is on all about the port. Its forwarding entry
/// comes before the flags: it is never a port that nothing is sent to.
void add_host_end(std::vector<RouteMessage>& batch, Veth const& veth, std::uint32_t index,
                  std::uint32_t master);
RouteMessage add_address(std::uint32_t index, IpPrefix const& address);
RouteMessage remove_address(std::uint32_t index, IpPrefix const& address);

RouteMessage remove_static_entry(std::uint32_t port, MacAddress const& mac);
/// Entries that the bridge learned at this port.
RouteMessage forget_learned(std::uint32_t port);
RouteMessage set_isolated(std::uint32_t port, bool isolated);
RouteMessage set_hairpin(std::uint32_t port, bool hairpin);
/// As sysctl net.ipv4.conf.LINK.route_localnet=1, also where /proc/sys is read-only.
RouteMessage allow_loopback(std::uint32_t index);

RouteMessage set_alias(std::uint32_t index, std::string const& alias);
RouteMessage set_name(std::uint32_t index, std::string const& name);
RouteMessage set_mtu(std::uint32_t index, std::uint32_t mtu_bytes);
RouteMessage set_master(std::uint32_t index, std::uint32_t master);
RouteMessage set_group(std::uint32_t index, std::uint32_t group);
RouteMessage bring_up(std::uint32_t index);
RouteMessage bring_down(std::uint32_t index);
/// Off its bridge, down, and marked as retired.
RouteMessage retire_port(std::uint32_t index);
RouteMessage remove(std::uint32_t index);
RouteMessage remove_group(std::uint32_t group);

}  // namespace drawbridge::link_message
