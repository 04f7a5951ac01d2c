// A network's policy as elements of our sets and maps. Pure.
//
// One element per decision, whatever the number of networks and members: what goes with another
// network is one element per peer of `allow_from`, and a team is known by a number.
// source: docs/firewall.md "What a network puts in"
#pragma once

#include "driver/network_directory.h"
#include "netlink/kernel_state.h"

#include <set>

namespace drawbridge {

/// Who reaches whom, from the network's spec; peers that `directory` does not know add nothing.
void add_policy_elements(std::set<Element>& elements, Network const& network,
                         NetworkDirectory const& directory);

/// Only what depends on other networks: the permissions of `allow_from`.
void add_permission_elements(std::set<Element>& elements, Network const& network,
                             NetworkDirectory const& directory);

/// What a joined member may send, and in which company.
void add_member_elements(std::set<Element>& elements, Network const& network,
                         Endpoint const& endpoint);

}  // namespace drawbridge
