// Which proxies reach a member, as elements of our sets. Pure.
//
// They belong to the member: they come when it has joined, whichever of the two was first, and go
// when it goes. source: docs/firewall.md "What a network puts in"
#pragma once

#include "model/network.h"
#include "model/proxy_route.h"
#include "netlink/kernel_state.h"

#include <set>

namespace drawbridge {

/// Adds what lets proxies in to a joined endpoint: those of `routes` that lead to it, of the
/// families that it has an address of.
void add_route_elements(std::set<Element>& elements, Endpoint const& endpoint,
                        std::set<ProxyRoute> const& routes);

/// returns  the member's address that a route leads to; nothing when it has none of that family
std::optional<IpAddress> end_of(ProxyRoute const& route, Endpoint const& endpoint);

}  // namespace drawbridge
