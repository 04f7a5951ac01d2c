// The values of `proxy`, `proxy_mode` and `attach`, and their counterparts in the configuration.
// Pure.
#pragma once

#include "base/result.h"
#include "model/matching.h"

#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// errors of all  invalid_argument   what is wrong and what to write instead, on one line and
///                                   without key and value

/// A list of containers' names; each once, in order.
Result<std::vector<std::string>> parse_proxies(std::string_view text);

/// `route` or `join`.
Result<ProxyMode> parse_proxy_mode(std::string_view text);

/// `routable`, `label:KEY[=VALUE]` or `name:GLOB`.
Result<Match> parse_match(std::string_view text);

/// A list of them; each once, in order.
Result<std::vector<Match>> parse_matches(std::string_view text);

/// returns  one as it may be typed: "label:role=db"
std::string to_text(Match const& match);

}  // namespace drawbridge
