#include "plugin/config.h"

#include "base/text.h"
#include "plugin/json_reader.h"

#include <boost/json.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>
#include <system_error>
#include <vector>

namespace drawbridge {
namespace json = boost::json;
namespace {

constexpr std::array<std::string_view, 5> known_keys = {"pools", "default_pool", "docker_socket",
                                                        "log_level", "log_format"};
constexpr std::array<std::string_view, 2> known_pool_keys = {"prefixes", "prefix"};
constexpr std::size_t max_file_bytes = 1024 * 1024;

std::size_t line_at(std::string_view text, std::size_t offset) {
  std::string_view const before = text.substr(0, offset);
  return 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

/// Adds the line where the first quoted word of the message stands in the file.
Error with_line(std::string_view text, Error const& error) {
  std::size_t const open = error.message.find('"');
  std::size_t const close = error.message.find('"', open + 1);
  if (open == std::string::npos || close == std::string::npos) {
    return error;
  }
  std::string const quoted = error.message.substr(open, close - open + 1);
  std::size_t const offset = text.find(quoted);
  return offset == std::string_view::npos
             ? error
             : error.within(fmt::format("line {}", line_at(text, offset)));
}

Result<json::object> parse_text(std::string_view text) {
  json::stream_parser parser;
  boost::system::error_code error;
  std::size_t const read = parser.write_some(text.data(), text.size(), error);
  if (!error) {
    parser.finish(error);
  }
  std::size_t const rest = text.find_first_not_of(" \t\r\n", read);
  if (error || rest != std::string_view::npos) {
    std::size_t const line = line_at(text, error ? read : rest);
    return fail(Errc::invalid_argument,
                fmt::format("line {}: not JSON: {}", line,
                            error ? error.message() : "text after the closing brace"));
  }
  json::value value = parser.release();
  if (!value.is_object()) {
    return fail(Errc::invalid_argument, "line 1: not a JSON object");
  }
  return std::move(value.as_object());
}

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

void check_source(JsonReader const& in, PoolSource const& source) {
  if (source.prefixes.empty()) {
    in.refuse({Errc::invalid_argument, fmt::format("\"{}\" has no prefixes", source.name)});
  }
  for (IpPrefix const& prefix : source.prefixes) {
    int const longest = bits_of(prefix.family()) - 1;
    bool const fits =
        source.carve_length_ipv4 >= prefix.length && source.carve_length_ipv4 <= longest;
    if (prefix.has_host_bits() || prefix.family() != source.prefixes.front().family() || !fits) {
      in.refuse(
          {Errc::invalid_argument, fmt::format("\"{}\" cannot carve /{} from {}", source.name,
                                               source.carve_length_ipv4, prefix.to_string())});
    }
  }
}

PoolSource read_source(JsonReader const& pools, std::string const& name) {
  JsonReader const in = pools.object(name);
  refuse_unknown_keys(in, known_pool_keys);
  PoolSource source;
  source.name = name;
  for (std::string const& text : in.texts("prefixes")) {
    Result<IpPrefix> const prefix = IpPrefix::parse(text);
    if (prefix) {
      source.prefixes.push_back(*prefix);
    } else {
      in.refuse(prefix.error());
    }
  }
  source.carve_length_ipv4 = in.number("prefix").value_or(24);
  check_source(in, source);
  return source;
}

void read_pools(JsonReader const& in, PoolConfig& config) {
  if (in.raw().contains("pools")) {
    config.sources.clear();
    JsonReader const pools = in.object("pools");
    for (std::string const& name : pools.keys()) {
      config.sources.push_back(read_source(pools, name));
    }
  }
  if (in.raw().contains("default_pool")) {
    config.default_source = in.text("default_pool");
  }
  bool const known =
      std::any_of(config.sources.begin(), config.sources.end(),
                  [&](PoolSource const& source) { return source.name == config.default_source; });
  if (!known) {
    in.refuse({Errc::invalid_argument,
               fmt::format("\"default_pool\" names {}, which is not among the pools",
                           config.default_source)});
  }
}

template <class T>
void read_word(JsonReader const& in, std::string_view key, Result<T> (*parse)(std::string_view),
               T& target) {
  if (!in.raw().contains(key)) {
    return;
  }
  Result<T> const value = parse(in.text(key));
  if (value) {
    target = *value;
  } else {
    in.refuse(value.error().within(fmt::format("\"{}\"", key)));
  }
}

Result<Config> config_from(json::object object) {
  JsonDocument document(std::move(object));
  JsonReader const in = document.root();
  Config config;
  refuse_unknown_keys(in, known_keys);
  read_pools(in, config.pools);
  config.docker_socket = in.text("docker_socket");
  read_word(in, "log_level", log::parse_level, config.log_level);
  read_word(in, "log_format", log::parse_format, config.log_format);
  return document.finish(std::move(config));
}

/// returns  the file's text; nothing when there is no such file
Result<std::optional<std::string>> read_text(std::filesystem::path const& file) {
  std::error_code error;
  if (!std::filesystem::exists(file, error)) {
    return std::optional<std::string>();
  }
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream || text.str().size() > max_file_bytes) {
    return fail(Errc::invalid_argument, fmt::format("{}: cannot be read", file.string()));
  }
  return std::optional<std::string>(text.str());
}

std::vector<std::filesystem::path> files_of(std::filesystem::path const& file) {
  std::vector<std::filesystem::path> parts;
  std::error_code error;
  for (auto const& entry :
       std::filesystem::directory_iterator(file.parent_path() / "conf.d", error)) {
    if (entry.path().extension() == ".json") {
      parts.push_back(entry.path());
    }
  }
  std::sort(parts.begin(), parts.end());
  parts.insert(parts.begin(), file);
  return parts;
}

}  // namespace

Result<Config> parse_config(std::string_view text) {
  Result<json::object> object = parse_text(text);
  if (!object) {
    return fail(object.error());
  }
  Result<Config> config = config_from(std::move(*object));
  return config ? config : fail(with_line(text, config.error()));
}

Result<Config> read_config(std::filesystem::path const& file) {
  json::object merged;
  for (std::filesystem::path const& part : files_of(file)) {
    Result<std::optional<std::string>> const text = read_text(part);
    if (!text) {
      return fail(text.error());
    }
    if (!*text) {
      continue;
    }
    // Each file must be good by itself, so that an error can name it.
    Result<Config> const alone = parse_config(**text);
    if (!alone) {
      return fail(alone.error().within(part.string()));
    }
    Result<json::object> object = parse_text(**text);
    for (json::key_value_pair const& member : *object) {
      merged[member.key()] = member.value();
    }
  }
  Result<Config> config = config_from(std::move(merged));
  return config ? config : fail(config.error().within(file.string()));
}

}  // namespace drawbridge
