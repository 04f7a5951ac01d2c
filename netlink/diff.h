// The one comparison: what is, what should be, and the plan between them. Pure.
//
// Create, delete, roll-back, start-up repair and reconciliation are this function with different
// arguments. Removals come before additions; rules change before a link appears and after it goes.
#pragma once

#include "netlink/plan.h"

#include <set>

namespace drawbridge {

/// returns  the operations from `observed` to `desired`; empty when they agree. Names in
///          `observed.foreign` are left alone: the caller refuses what collides with them.
Plan diff(KernelState const& observed, KernelState const& desired);

/// returns  what brings our sets and maps from the one content to the other; both halves are empty
///          when they agree
ChangeElements difference(std::set<Element> const& before, std::set<Element> const& after);

}  // namespace drawbridge
