// The heart: what the kernel should hold for the networks that exist. Pure.
//
// Nothing else decides about links and rules. Creating, deleting, joining, repairing and restarting
// differ only in which networks and endpoints they pass in.
#pragma once

#include "driver/network_directory.h"
#include "model/network.h"
#include "netlink/kernel_state.h"

namespace drawbridge {

/// Adds a network's bridge, its elements and what they need to `state`. `directory` knows which
/// bridges the peers are that its policy names.
void add_network(KernelState& state, Network const& network, NetworkDirectory const& directory);

/// Adds a joined endpoint's veth pair and its ports to `state`; an endpoint that has not joined
/// needs nothing. What the members of its network have in common is add_relayed_elements().
void add_endpoint(KernelState& state, Network const& network, Endpoint const& endpoint);

}  // namespace drawbridge
