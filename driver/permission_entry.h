// The grammar of one entry of `allow_from` and `egress`: PEER[:PROTOCOL[/PORT[-PORT]]]. Pure.
#pragma once

#include "base/result.h"
#include "model/policy.h"

#include <string_view>

namespace drawbridge {

/// entry   as split_list() gives it: "web:tcp/80", "fd00::/8:udp/5000-5010", "10.0.0.1"
/// errors  invalid_argument   what is wrong and what to write instead
Result<Permission> parse_permission(std::string_view entry);

}  // namespace drawbridge
