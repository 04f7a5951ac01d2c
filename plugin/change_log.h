// What the driver says it changed, a line of the log each.
#pragma once

#include "base/log.h"

#include <string>
#include <vector>

namespace drawbridge {

inline void log_changes(std::vector<std::string> const& changes) {
  for (std::string const& change : changes) {
    log::info("{}", change);
  }
}

}  // namespace drawbridge
