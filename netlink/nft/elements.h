// Elements of the sets and maps of our tables, on their way into a transaction.
//
// A key is its parts one behind the other, each in whole registers of four bytes: a name padded
// with NUL to 16 bytes, addresses and ports in network order, a link group in host order. In a set
// of intervals it has two ends. The kernel gives them back in the same form. Internal to netlink/.
#pragma once

#include "base/result.h"
#include "netlink/kernel_state.h"

#include <compare>
#include <cstdint>
#include <set>
#include <string>

namespace drawbridge {

class NftBatch;
class NftSocket;

/// Those of `elements` that belong into the table of `family` (NFPROTO_INET, NFPROTO_BRIDGE). The
/// kernel takes an element that is there already, unless its value is another one.
void append_additions(NftBatch& batch, std::set<Element> const& elements, std::uint16_t family);

/// The same. The kernel refuses the transaction when an element is not there.
void append_removals(NftBatch& batch, std::set<Element> const& elements, std::uint16_t family);

/// An element as the kernel stores it, in bytes.
struct StoredElement {
  std::string key;
  std::string key_end;  // of an interval, else empty
  std::string value;    // of a map, else empty

  auto operator<=>(StoredElement const&) const = default;
};

/// returns  the element as the kernel stores it
StoredElement stored_form(Element const& element);

/// returns  those of `elements` that belong into `set`, as the kernel stores them
std::set<StoredElement> stored_form(std::set<Element> const& elements, char const* set);

/// returns  what `set` holds in the kernel
/// errors   not_found   there is no such set
///          kernel      refused
Result<std::set<StoredElement>> stored_in(NftSocket& socket, char const* set);

/// Takes out of the sets of `family` what the kernel has there and `elements` have not.
///
/// errors  not_found   one of the sets is not there
Result<void> append_removals_beyond(NftBatch& batch, NftSocket& socket,
                                    std::set<Element> const& elements, std::uint16_t family);

/// returns  the bridges of `elements` that the accept rules for our prefix do not cover
std::set<std::string> named_bridges(std::set<Element> const& elements);

}  // namespace drawbridge
