// What the sets of our tables hold in the kernel, as elements. Internal to netlink/.
#pragma once

#include "base/result.h"
#include "netlink/kernel_state.h"

#include <cstdint>
#include <set>
#include <vector>

namespace drawbridge {

class NftSocket;

/// Reads every set of the tables of these families, but for those that rules fill.
///
/// likely    what they should hold: what is as it is there comes back as it is there
/// families  NFPROTO_INET, NFPROTO_BRIDGE
/// returns   what they hold, and of `likely` what belongs to a table of no such family. The parts
///           of a key that is not in `likely` are texts: good for telling only
/// errors    not_found   one of the sets is not there
///           kernel      refused
Result<std::set<Element>> elements_held(NftSocket& socket, std::set<Element> const& likely,
                                        std::vector<std::uint16_t> const& families);

}  // namespace drawbridge
