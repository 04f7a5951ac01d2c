// What is published of an endpoint, from what our tables hold: the way back of port_elements.h.
// Pure. source: docs/adr/0029-rebuilding-state.md
#pragma once

#include "model/network.h"
#include "netlink/kernel_state.h"

#include <set>
#include <vector>

namespace drawbridge {

/// Elements do not say whether every address of one family was meant or of both: where the network
/// could serve both, both are taken to be meant, as `-p 8080:80` has it. Ports that only the daemon
/// relays, such as those of ::1, are not among the elements.
///
/// returns  in order, neighbours gathered
std::vector<PublishedPort> ports_from(std::set<Element> const& elements, Network const& network,
                                      Endpoint const& endpoint);

}  // namespace drawbridge
