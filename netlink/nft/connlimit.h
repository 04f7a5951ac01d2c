// The chains that drop connections beyond a limit: the one part of our tables that is made on
// demand, a chain for each distinct limit, when an element of map `connlimit` first leads there.
//
// They count for each network and source address: sets openers4 and openers6. Internal to netlink/.
#pragma once

#include "netlink/kernel_state.h"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace drawbridge {

class NftBatch;

/// returns  true for a name that connlimit_chain() gives
bool is_connlimit_chain(std::string_view chain);

/// returns  the chains that elements of `connlimit` lead to
std::set<std::string> connlimit_chains_of(std::set<Element> const& elements);

/// Makes the chains in the table of this family, if it is the one that has them.
///
/// chains  none is there yet
void append_connlimit_chains(NftBatch& batch, std::set<std::string> const& chains,
                             std::uint16_t family);

/// Forgets who opened how many connections, if this family's table knows. Whoever is in the sets
/// keeps the limit that he came in with, so it is needed when a network gets another.
void append_openers_removal(NftBatch& batch, std::uint16_t family);

}  // namespace drawbridge
