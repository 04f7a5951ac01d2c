// What the values of network options are made of: names, ports, and lists with commas. Pure.
#pragma once

#include "base/result.h"
#include "model/policy.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// reason  what is wrong and what to write instead, on one line and without key and value
tl::unexpected<Error> bad_value(std::string reason);

/// returns  true when each character of `text` is one of `characters`
bool has_only(std::string_view text, std::string_view characters);

/// returns  true for letters, digits, '_', '-' and '.', at least one of them
bool is_name(std::string_view text);

/// errors  invalid_argument   not 1 to 65535
Result<std::uint16_t> parse_port(std::string_view text);

/// `80` or `8000-8010`.
///
/// errors  invalid_argument   not 1 to 65535, or backwards
Result<PortRange> parse_port_range(std::string_view text);

/// Blanks around an entry are no part of it.
///
/// returns  at least one entry, each with something in it
/// errors   invalid_argument   nothing, too much, or a control character
Result<std::vector<std::string_view>> split_list(std::string_view text);

}  // namespace drawbridge
