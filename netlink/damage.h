// What was wrong, told by what puts it right. Pure.
#pragma once

#include "netlink/plan.h"

#include <string>

namespace drawbridge {

struct Damage {
  std::string kind;  // one word: "bridge", "port", "address", "element", "forwarding"
  std::string text;  // one line: "bridge db-… was down"

  bool operator==(Damage const&) const = default;
};

/// repair    a step of a plan; of elements, only how many
/// observed  what the plan started from
Damage damage_of(Operation const& repair, KernelState const& observed);

/// returns  "element pair { db-1 . db-2 : accept } was missing"
std::string missing_text(Element const& element);
/// returns  "element nets { eth9 } was not ours"
std::string not_ours_text(Element const& element);

}  // namespace drawbridge
