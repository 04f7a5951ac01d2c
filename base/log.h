// One log for the process, on stderr: `log::info("network {} created", id)`.
//
// spdlog stays behind log.cc; a file that logs pays for fmt's core header only. Nothing below
// plugin/ logs above debug, except the start-up and repair reports that the user must see.
#pragma once

#include "base/result.h"

#include <fmt/core.h>

#include <cstdint>
#include <string_view>

namespace drawbridge::log {

enum class Level : std::uint8_t { debug, info, warn, error };
enum class Format : std::uint8_t { text, json };

/// Sets level and format. Until then: info, text.
void configure(Level level, Format format);

/// errors  invalid_argument   not one of debug, info, warn, error
Result<Level> parse_level(std::string_view text);
/// errors  invalid_argument   not one of text, json
Result<Format> parse_format(std::string_view text);

bool enabled(Level level);
void write(Level level, std::string_view line);

template <class... Args>
void debug(fmt::format_string<Args...> text, Args&&... args) {
  if (enabled(Level::debug)) {
    write(Level::debug, fmt::format(text, std::forward<Args>(args)...));
  }
}

template <class... Args>
void info(fmt::format_string<Args...> text, Args&&... args) {
  write(Level::info, fmt::format(text, std::forward<Args>(args)...));
}

template <class... Args>
void warn(fmt::format_string<Args...> text, Args&&... args) {
  write(Level::warn, fmt::format(text, std::forward<Args>(args)...));
}

template <class... Args>
void error(fmt::format_string<Args...> text, Args&&... args) {
  write(Level::error, fmt::format(text, std::forward<Args>(args)...));
}

}  // namespace drawbridge::log
