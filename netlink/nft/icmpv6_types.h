// Types of ICMPv6 messages that the rules of both tables name. source: RFC 4861, 4.3 and 4.4
#pragma once

#include <cstdint>

namespace drawbridge {

inline constexpr std::uint8_t neighbor_solicitation = 135;
inline constexpr std::uint8_t neighbor_advertisement = 136;

}  // namespace drawbridge
