// The text of `drawbridge status`. Pure.
#pragma once

#include "plugin/status_report.h"

#include <chrono>
#include <string>

namespace drawbridge {

/// returns  lines of "key: value"
std::string status_text(StatusReport const& report);

/// returns  the two greatest units: "3 d 4 h", "2 min 5 s", "7 s"
std::string duration_text(std::chrono::seconds duration);

}  // namespace drawbridge
