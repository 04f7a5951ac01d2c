// Which addresses are not the Internet for `egress=internet`: what chain egress_internet drops, and
// what the judge of established flows cuts.
//
// Not is_public() of address.h, which asks what somebody on the Internet may own.
// source: RFC 1918, RFC 3927, RFC 6598, RFC 4193, RFC 4291
#pragma once

#include <array>
#include <string_view>

namespace drawbridge {

struct PrivateRange {
  std::string_view prefix;  // 10.0.0.0/8
  char const* description;  // a rule's comment
};

inline constexpr std::array<PrivateRange, 7> private_ranges{{
    {"10.0.0.0/8", "private addresses"},
    {"172.16.0.0/12", "private addresses"},
    {"192.168.0.0/16", "private addresses"},
    {"169.254.0.0/16", "link-local addresses: metadata services"},
    {"100.64.0.0/10", "addresses shared with a provider"},
    {"fc00::/7", "private addresses"},
    {"fe80::/10", "link-local addresses"},
}};

}  // namespace drawbridge
