// What an HTTP request asks for: its target. Pure. source: RFC 3986, section 2
#pragma once

#include <string>
#include <string_view>

namespace drawbridge {

/// returns  whether `text` can stand in a request's first line: "/networks?dangling=1"
bool is_target(std::string_view text);

/// returns  `text` as one part of a target, be it in the path or behind '?'
std::string percent_encoded(std::string_view text);

}  // namespace drawbridge
