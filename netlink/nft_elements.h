// Elements of the sets and maps of table `inet drawbridge`, on their way into a transaction.
//
// A key is its parts one behind the other: a name padded with NUL to 16 bytes, an address in
// network order; in a verdict map it carries "accept". Internal to netlink/.
#pragma once

#include "netlink/kernel_state.h"

#include <set>

namespace drawbridge {

class NftBatch;

/// The kernel takes an element that is there already.
void append_additions(NftBatch& batch, std::set<Element> const& elements);

/// The kernel refuses the transaction when an element is not there.
void append_removals(NftBatch& batch, std::set<Element> const& elements);

}  // namespace drawbridge
