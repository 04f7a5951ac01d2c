// Permissions as the kernel's sets of intervals take them: no two for one packet. Pure.
#pragma once

#include "model/policy.h"

#include <vector>

namespace drawbridge {

/// Says the same in entries that do not overlap: ranges of ports of one peer and protocol are
/// joined, and of a CIDR inside of another only that stays which the outer one leaves over. Peers
/// that are written differently count as different, even a name and an id: who knows better writes
/// them alike and calls this again.
///
/// returns  sorted
/// source   Linux net/netfilter/nft_set_pipapo.c: an element that overlaps another is refused
std::vector<Permission> without_overlaps(std::vector<Permission> permissions);

}  // namespace drawbridge
