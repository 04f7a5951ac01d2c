// Small questions about text.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace drawbridge {

/// returns  the candidate that takes the fewest edits to become `word`; nothing when even that one
///          shares less than half of its letters
std::optional<std::string_view> nearest(std::string_view word,
                                        std::vector<std::string_view> const& candidates);

}  // namespace drawbridge
