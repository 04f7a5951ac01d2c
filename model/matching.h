// Which containers are meant: the options `proxy`, `proxy_mode` and `attach` of a network, and
// their counterparts in the configuration. docs/proxies.md is the user's page.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace drawbridge {

/// `proxy_mode`: how a proxy reaches the containers that are routable.
enum class ProxyMode : std::uint8_t {
  route,  // the kernel lets exactly its addresses through to exactly them
  join,   // it is made a member of their network
};

/// Containers by what they are: `routable`, `label:KEY[=VALUE]`, `name:GLOB`.
struct Match {
  enum class Kind : std::uint8_t { routable, label, name };

  Kind kind = Kind::routable;
  std::string text;                  // the label's key, or the pattern: '*' and '?' stand for any
  std::optional<std::string> value;  // of the label; absent: whatever it is

  auto operator<=>(Match const&) const = default;
};

}  // namespace drawbridge
