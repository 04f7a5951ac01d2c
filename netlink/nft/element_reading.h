// Elements of our sets as values again, from the bytes that the kernel holds: the way back of
// elements.h. Internal to netlink/.
#pragma once

#include "base/result.h"
#include "netlink/kernel_state.h"
#include "netlink/nft/elements.h"

#include <cstdint>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

namespace drawbridge {

class NftSocket;

/// An address is a prefix where an interval has more than one.
///
/// returns  nothing for bytes that cannot be an element of `set`
std::optional<Element> element_from(std::string_view set, StoredElement const& stored);

/// returns  what our tables of these families hold, but for facts of the host and what rules put in
///          themselves; nothing where there is no table of ours
/// errors   kernel   refused
Result<std::set<Element>> elements_in_tables(NftSocket& socket,
                                             std::vector<std::uint16_t> const& families);

}  // namespace drawbridge
