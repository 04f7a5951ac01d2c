// Small questions about text.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// returns  the candidate that takes the fewest edits to become `word`; nothing when even that one
///          shares less than half of its letters
std::optional<std::string_view> nearest(std::string_view word,
                                        std::vector<std::string_view> const& candidates);

/// What somebody typed, as a message shows it.
///
/// returns  the text in double quotes and on one line: a control character becomes '?', and what is
///          longer than 100 bytes ends in "..."
std::string in_quotes(std::string_view text);

}  // namespace drawbridge
