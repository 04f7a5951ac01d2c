// What `drawbridge reconcile` prints, and its exit code. Pure.
#pragma once

#include "driver/repair.h"

#include <string>
#include <vector>

namespace drawbridge {

/// returns  a line for each repair, done or not; "nothing to repair" where there is none
std::string repair_text(std::vector<Repair> const& repairs, bool dry_run);

/// returns  0 where all is in order now, 1 where something is not
int exit_code_of(std::vector<Repair> const& repairs, bool dry_run);

}  // namespace drawbridge
