// What our tables hold, as far as we know: parts of it, and changes to it. Pure.
// Internal to netlink/.
#pragma once

#include "netlink/kernel_state.h"

#include <set>

namespace drawbridge {

/// returns  the part of `elements` that belongs to `set`
std::set<Element> part_of(std::set<Element> const& elements, char const* set);

/// returns  the part that holds facts of this host, whatever networks there are: uplinks, name
///          servers, and the mark of what was written
std::set<Element> host_part_of(std::set<Element> const& elements);

/// returns  `elements` without that part
std::set<Element> network_part_of(std::set<Element> elements);

/// Takes out what belongs to `set`.
void erase_part(std::set<Element>& elements, char const* set);

/// What an operation really changes, given what the table holds.
struct Change {
  std::set<Element> gone;
  std::set<Element> fresh;

  Change(std::set<Element> const& held, std::set<Element> const& remove,
         std::set<Element> const& add);

  void apply_to(std::set<Element>& elements) const;
};

}  // namespace drawbridge
