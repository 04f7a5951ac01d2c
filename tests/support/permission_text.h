// Permissions as one line of text: "web", "10.0.0.0/8:tcp/80-90, fd00::/8:0-5". What is not there
// is everything.
#pragma once

#include "model/policy.h"

#include <string>
#include <vector>

namespace drawbridge {

std::string text_of(std::vector<Permission> const& permissions);

}  // namespace drawbridge
