#include "base/text.h"

#include <algorithm>
#include <numeric>

namespace drawbridge {
namespace {

/// Levenshtein's distance, one row at a time.
std::size_t edits_between(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), std::size_t{0});
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      std::size_t const replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return row[b.size()];
}

}  // namespace

std::optional<std::string_view> nearest(std::string_view word,
                                        std::vector<std::string_view> const& candidates) {
  // Nobody types a key this long by mistake, and the comparison is quadratic.
  constexpr std::size_t longest_word = 128;
  std::optional<std::string_view> best;
  std::size_t best_edits = 0;
  for (std::string_view const candidate : candidates) {
    std::size_t const edits = edits_between(word.substr(0, longest_word), candidate);
    if (2 * edits <= candidate.size() && (!best || edits < best_edits)) {
      best = candidate;
      best_edits = edits;
    }
  }
  return best;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t longest_text = 100;
  std::size_t end = std::min(text.size(), longest_text);
  // Not in the middle of a character: its later bytes in UTF-8 are 10xxxxxx.
  while (end < text.size() && end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) {
    --end;
  }
  std::string shown(text.substr(0, end));
  std::replace_if(
      shown.begin(), shown.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, '?');
  return '"' + shown + (end < text.size() ? "..." : "") + '"';
}

}  // namespace drawbridge
