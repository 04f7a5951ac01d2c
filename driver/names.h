// Names and addresses that follow from ids: stable over restarts, unique on this host. Pure.
#pragma once

#include "model/network.h"
#include "netlink/kernel_state.h"

#include <string>
#include <string_view>

namespace drawbridge {

/// returns  "db-" and the first 12 characters of the id
std::string bridge_name(NetworkId const& network);
/// returns  "dv-" and the first 12 characters of the id: the end that is a port of the bridge
std::string host_end_name(EndpointId const& endpoint);
/// returns  "dc-" and the first 12 characters of the id: the end that the engine moves and renames
std::string container_end_name(EndpointId const& endpoint);

/// The MAC address that goes with an IP address, so that a neighbour's cache entry stays right when
/// the address moves to another container. Locally administered, unicast.
///
/// returns  02:db and the four bytes of an IPv4 address, or four bytes hashed from an IPv6 address
MacAddress mac_for(IpAddress const& address);
/// The same for an endpoint or a bridge without any address: hashed from its id.
MacAddress mac_for(std::string_view id);

/// The MAC address of a network's bridge, which stays the same whatever ports come and go: members
/// cache it as the gateway's.
MacAddress bridge_mac(Network const& network);

/// returns  fe80::/64 and the address that the kernel makes of a MAC; source: RFC 4291, appendix A
IpAddress link_local_of(MacAddress const& mac);

/// A number for a team or a compose project: hashed from its name, never 0 and none of the small
/// numbers that administrators use.
LinkGroup group_of(std::string_view name);

/// returns  true for 1 to 15 printable ASCII characters without '/', ':' and blanks, not "." or
///          ".."; source: Linux dev_valid_name()
bool is_interface_name(std::string_view name);

/// returns  true for what the engine uses as ids: 1 to 128 letters and digits
bool is_object_id(std::string_view id);

/// returns  true for 12 to 64 hex digits, as Docker writes them: the id of a network or its
///          beginning
bool is_network_id(std::string_view text);

}  // namespace drawbridge
