#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>
#include <string>
#include <utility>

namespace drawbridge::log {
namespace {

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::debug:
      return spdlog::level::debug;
    case Level::info:
      return spdlog::level::info;
    case Level::warn:
      return spdlog::level::warn;
    case Level::error:
      return spdlog::level::err;
  }
  return spdlog::level::info;
}

constexpr char const* text_pattern = "%Y-%m-%dT%H:%M:%S.%e%z %l %v";
// The line itself goes in escaped (see json_escaped), so the pattern needs no more than quotes.
constexpr char const* json_pattern =
    R"({"time":"%Y-%m-%dT%H:%M:%S.%e%z","level":"%l","message":"%v"})";

struct Logger {
  std::shared_ptr<spdlog::logger> sink = spdlog::stderr_logger_mt("drawbridge");
  Format format = Format::text;

  Logger() { sink->set_pattern(text_pattern); }
};

Logger& logger() {
  static Logger the_logger;
  return the_logger;
}

std::string json_escaped(std::string_view line) {
  std::string out;
  for (char const c : line) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out;
}

/// A name that a user chose must not be able to forge a second log line.
std::string one_line(std::string_view line) {
  std::string out(line);
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < 0x20) {
      c = ' ';
    }
  }
  return out;
}

}  // namespace

void configure(Level level, Format format) {
  Logger& log = logger();
  log.format = format;
  log.sink->set_level(to_spdlog(level));
  log.sink->set_pattern(format == Format::json ? json_pattern : text_pattern);
}

Result<Level> parse_level(std::string_view text) {
  constexpr std::pair<std::string_view, Level> names[] = {{"debug", Level::debug},
                                                          {"info", Level::info},
                                                          {"warn", Level::warn},
                                                          {"error", Level::error}};
  for (auto const& [name, level] : names) {
    if (text == name) {
      return level;
    }
  }
  return fail(Errc::invalid_argument,
              fmt::format("log level \"{}\": use debug, info, warn or error", text));
}

Result<Format> parse_format(std::string_view text) {
  if (text == "text") {
    return Format::text;
  }
  if (text == "json") {
    return Format::json;
  }
  return fail(Errc::invalid_argument, fmt::format("log format \"{}\": use text or json", text));
}

bool enabled(Level level) {
  return logger().sink->should_log(to_spdlog(level));
}

void write(Level level, std::string_view line) {
  Logger& log = logger();
  std::string const text = log.format == Format::json ? json_escaped(line) : one_line(line);
  log.sink->log(to_spdlog(level), spdlog::string_view_t(text.data(), text.size()));
}

}  // namespace drawbridge::log
