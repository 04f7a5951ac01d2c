// Variables that a service manager sets for this process alone: read once, then unset.
#pragma once

#include <charconv>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

namespace drawbridge {

/// Only before there are threads.
///
/// returns  the value of a variable, which is unset then; empty when it is not set
inline std::string take_variable(char const* name) {
  char const* const value = std::getenv(name);
  std::string taken = value == nullptr ? "" : value;
  ::unsetenv(name);
  return taken;
}

/// returns  none when `text` is anything but a number that `Number` can hold
template <class Number>
std::optional<Number> number_in(std::string_view text) {
  Number number = 0;
  auto const [end, code] = std::from_chars(text.data(), text.data() + text.size(), number);
  bool const is_whole = code == std::errc() && end == text.data() + text.size();
  return is_whole ? std::optional(number) : std::nullopt;
}

}  // namespace drawbridge
