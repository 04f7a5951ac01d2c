// Published ports as elements of our sets and maps. Pure.
//
// One element for a port or for a range that keeps its numbers, whatever there is beside it.
// source: docs/firewall.md "What a network puts in"
#pragma once

#include "model/network.h"
#include "netlink/kernel_state.h"

#include <set>
#include <vector>

namespace drawbridge {

/// Who reaches the published ports of a network, and how often.
void add_publish_elements(std::set<Element>& elements, Network const& network);

/// Where the ports of an endpoint lead.
void add_port_elements(std::set<Element>& elements, Network const& network,
                       Endpoint const& endpoint);

/// What members reach by way of the daemon only. Members may share a port number, on different
/// addresses of this host, and an element is for all of these: so it is of the network.
///
/// members   all of the network
void add_relayed_elements(std::set<Element>& elements, Network const& network,
                          std::vector<Endpoint const*> const& members);

/// returns  true where 127.0.0.1 leads to the endpoint
bool is_reached_by_loopback(Network const& network, Endpoint const& endpoint);
/// returns  true where the endpoint's own packets come back to it
bool turns_back(Network const& network, Endpoint const& endpoint);

}  // namespace drawbridge
