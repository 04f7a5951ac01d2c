// What the readers of the configuration's parts share: which keys there are. Internal to
// config*.cc.
#pragma once

#include "base/text.h"
#include "plugin/json_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace drawbridge {

/// Refuses the first key that is not known, and says which may be meant.
template <std::size_t count>
void refuse_unknown_keys(JsonReader const& in, std::array<std::string_view, count> const& known) {
  for (std::string const& key : in.keys()) {
    if (std::find(known.begin(), known.end(), key) != known.end()) {
      continue;
    }
    std::optional<std::string_view> const meant = nearest(key, {known.begin(), known.end()});
    std::string const hint =
        meant ? fmt::format(": did you mean \"{}\"", *meant) : std::string(" in this version");
    in.refuse({Errc::invalid_argument, fmt::format("\"{}\" is not a known key{}", key, hint)});
  }
}

/// returns  whether the file says something; null says nothing
inline bool has(JsonReader const& in, std::string_view key) {
  boost::json::value const* const value = in.raw().if_contains(key);
  return value != nullptr && !value->is_null();
}

}  // namespace drawbridge
