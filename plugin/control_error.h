// How the control socket says that what was asked for failed. Pure.
#pragma once

#include <string>
#include <string_view>

namespace drawbridge {

/// The HTTP status of such a reply; its body has the reason as "Err".
inline constexpr int control_failure = 500;

/// returns  the reason
std::string decode_control_error(std::string_view body);

}  // namespace drawbridge
