// What a link is to us, and a link of ours as the value that it is compared by. Pure.
// Internal to netlink/.
#pragma once

#include "netlink/kernel_state.h"
#include "netlink/route_socket.h"

#include <cstdint>
#include <set>
#include <string>

namespace drawbridge {

enum class LinkRole : std::uint8_t { bridge, veth, container_end, limiter, retired, foreign };

LinkRole role_of(Link const& link);

/// Of a link with the role of a bridge.
Bridge bridge_from(Link const& link, std::set<IpPrefix> addresses);

/// Of a link with the role of a veth: the host's end. Without `mac`, see told_mac_of().
///
/// container_end, bridge  names; empty where there is none
Veth veth_from(Link const& link, std::string container_end, std::string bridge);

/// returns  true when the bridge knows who is behind the port, and asks no frame about it
bool is_told_of(Link const& port);

/// static_macs  those of the port's forwarding entries that do not age
/// returns      the one address that the bridge was told of; all zero unless it knows that one only
MacAddress told_mac_of(Link const& port, std::set<MacAddress> const& static_macs);

}  // namespace drawbridge
