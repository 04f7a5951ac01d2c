// Elements of the sets and maps of our tables, on their way into a transaction.
//
// A key is its parts one behind the other, each in whole registers of four bytes: a name padded
// with NUL to 16 bytes, addresses and ports in network order, a link group in host order. In a set
// of intervals it has two ends. Internal to netlink/.
#pragma once

#include "netlink/kernel_state.h"

#include <cstdint>
#include <set>

namespace drawbridge {

class NftBatch;

/// Those of `elements` that belong into the table of `family` (NFPROTO_INET, NFPROTO_BRIDGE). The
/// kernel takes an element that is there already, unless its value is another one.
void append_additions(NftBatch& batch, std::set<Element> const& elements, std::uint16_t family);

/// The same. The kernel refuses the transaction when an element is not there.
void append_removals(NftBatch& batch, std::set<Element> const& elements, std::uint16_t family);

}  // namespace drawbridge
