// The table of `drawbridge ports`. Pure.
#pragma once

#include "plugin/port_listing.h"

#include <string>
#include <vector>

namespace drawbridge {

/// returns  a line of titles and one for each port, by host port; below them a line for each host
///          port that is not held
std::string port_table(std::vector<ListedPort> ports);

}  // namespace drawbridge
