// Repairs between the daemon and `drawbridge reconcile`: JSON of GET and POST /reconcile on the
// control socket. Pure. docs/operations.md names the members.
#pragma once

#include "base/result.h"
#include "driver/repair.h"

#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// returns  JSON: a list of objects
std::string encode_repairs(std::vector<Repair> const& repairs);

/// errors  malformed   not what encode_repairs() makes; the text says what is wrong
Result<std::vector<Repair>> decode_repairs(std::string_view body);

}  // namespace drawbridge
