#include "plugin/config.h"

#include "base/text.h"
#include "driver/network_options.h"
#include "plugin/config_attach.h"
#include "plugin/config_keys.h"
#include "plugin/json_reader.h"

#include <boost/json.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

namespace drawbridge {
namespace json = boost::json;
namespace {

constexpr std::array<std::string_view, 11> known_keys = {
    "pools",       "default_pool",    "refuse_public", "reuse_delay_s", "defaults",  "proxies",
    "attachments", "ensure_networks", "docker_socket", "log_level",     "log_format"};
constexpr std::array<std::string_view, 5> known_pool_keys = {"prefixes", "prefix", "prefix6",
                                                             "overflow", "on_host_route"};
constexpr std::size_t max_file_bytes = 1024 * 1024;
constexpr int max_reuse_delay_s = 24 * 60 * 60;

std::size_t line_at(std::string_view text, std::size_t offset) {
  std::string_view const before = text.substr(0, offset);
  return 1 + static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n'));
}

/// returns  where the quoted word stands at or behind `from`: as a key, or else anywhere
std::size_t find_word(std::string_view text, std::string_view quoted, std::size_t from) {
  for (std::size_t at = text.find(quoted, from); at != std::string_view::npos;
       at = text.find(quoted, at + 1)) {
    std::size_t const next = text.find_first_not_of(" \t\r\n", at + quoted.size());
    if (next != std::string_view::npos && text[next] == ':') {
      return at;
    }
  }
  return text.find(quoted, from);
}

/// returns  the first word in double quotes, with them; empty when there is none
std::string_view quoted_word(std::string_view message) {
  std::size_t const open = message.find('"');
  std::size_t const close = message.find('"', open + 1);
  bool const is_whole = open != std::string_view::npos && close != std::string_view::npos;
  return is_whole ? message.substr(open, close - open + 1) : std::string_view();
}

/// Adds the line where the first quoted word of the message stands in the file; for a message that
/// begins with a pool or a key of its own, that of the next quoted word inside of it.
Error with_line(std::string_view text, Error const& error) {
  std::string_view const word = quoted_word(error.message);
  std::size_t offset = word.empty() ? std::string_view::npos : find_word(text, word, 0);
  if (offset == std::string_view::npos) {
    return error;
  }
  std::string const start = fmt::format("{}: ", word);
  std::string const pool_start = "pool " + start;
  if (error.message.starts_with(start) || error.message.starts_with(pool_start)) {
    std::size_t const behind = error.message.find(start) + start.size();
    std::string_view const inner = quoted_word(std::string_view(error.message).substr(behind));
    std::size_t const found =
        inner.empty() ? std::string_view::npos : find_word(text, inner, offset + word.size());
    offset = found == std::string_view::npos ? offset : found;
  }
  return error.within(fmt::format("line {}", line_at(text, offset)));
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

Result<HostRoutePolicy> parse_policy(std::string_view text) {
  constexpr std::pair<std::string_view, HostRoutePolicy> words[] = {
      {"avoid", HostRoutePolicy::avoid},
      {"warn", HostRoutePolicy::warn},
      {"trust", HostRoutePolicy::trust},
  };
  for (auto const& [word, policy] : words) {
    if (text == word) {
      return policy;
    }
  }
  return fail(Errc::invalid_argument, fmt::format("{} is unknown: use avoid, warn or trust", text));
}

std::vector<IpPrefix> read_prefixes(JsonReader const& in) {
  std::vector<IpPrefix> prefixes;
  for (std::string const& text : in.texts("prefixes")) {
    Result<IpPrefix> const prefix = IpPrefix::parse(text);
    if (prefix) {
      prefixes.push_back(*prefix);
    } else {
      in.refuse(prefix.error());
    }
  }
  return prefixes;
}

/// `prefix` is the length of IPv4, or that of IPv6 in a pool that has nothing else.
void read_lengths(JsonReader const& in, PoolSource& source) {
  std::optional<int> const prefix = in.number("prefix");
  std::optional<int> const prefix6 = in.number("prefix6");
  bool const has_ipv4 = !prefixes_of(source, Family::ipv4).empty();
  bool const has_ipv6 = !prefixes_of(source, Family::ipv6).empty();
  if (prefix6 && !has_ipv6) {
    in.refuse({Errc::invalid_argument, "\"prefix6\" needs an IPv6 prefix in the pool"});
  }
  if (prefix && prefix6 && !has_ipv4) {
    in.refuse({Errc::invalid_argument,
               "\"prefix6\" says what \"prefix\" does in a pool without IPv4: leave one out"});
  }
  int& meant = has_ipv4 ? source.carve_length_ipv4 : source.carve_length_ipv6;
  meant = prefix.value_or(meant);
  source.carve_length_ipv6 = prefix6.value_or(source.carve_length_ipv6);
}

template <class T>
void read_word(JsonReader const& in, std::string_view key, Result<T> (*parse)(std::string_view),
               T& target) {
  if (!has(in, key)) {
    return;
  }
  Result<T> const value = parse(in.text(key));
  if (value) {
    target = *value;
  } else {
    in.refuse(value.error().within(fmt::format("\"{}\"", key)));
  }
}

Result<PoolSource> read_source(std::string const& name, json::object object) {
  JsonDocument document(std::move(object));
  JsonReader const in = document.root();
  PoolSource source;
  source.name = name;
  refuse_unknown_keys(in, known_pool_keys);
  source.prefixes = read_prefixes(in);
  read_lengths(in, source);
  source.overflow = in.text("overflow");
  read_word(in, "on_host_route", parse_policy, source.on_host_route);
  return document.finish(std::move(source));
}

Result<PoolSource> checked_source(std::string const& name, json::value const& value) {
  if (!value.is_object()) {
    return fail(Errc::invalid_argument, fmt::format("pool \"{}\": is not an object", name));
  }
  Result<PoolSource> source = read_source(name, value.as_object());
  if (!source) {
    return fail(source.error().within(fmt::format("pool \"{}\"", name)));
  }
  Result<void> const good = check_source(*source);
  return good ? source : fail(good.error());
}

void read_pools(JsonReader const& in, PoolConfig& config) {
  if (has(in, "pools")) {
    config.sources.clear();
    for (json::key_value_pair const& member : in.object("pools").raw()) {
      Result<PoolSource> source = checked_source(member.key(), member.value());
      if (!source) {
        return in.refuse(source.error());
      }
      config.sources.push_back(*std::move(source));
    }
  }
  if (Result<void> const good = check_sources(config); !good) {
    in.refuse(good.error());
  }
}

void read_reuse_delay(JsonReader const& in, PoolConfig& config) {
  std::optional<int> const seconds = in.number("reuse_delay_s");
  if (!seconds) {
    return;
  }
  if (*seconds < 0 || *seconds > max_reuse_delay_s) {
    in.refuse({Errc::invalid_argument,
               fmt::format("\"reuse_delay_s\" is {}: use 0 to {}", *seconds, max_reuse_delay_s)});
  }
  config.reuse_delay = std::chrono::seconds(*seconds);
}

void read_defaults(JsonReader const& in, Config& config) {
  JsonReader const defaults = in.object("defaults");
  for (std::string const& key : defaults.keys()) {
    if (!has(defaults, key)) {
      continue;
    }
    std::string const value = defaults.text(key);
    if (Result<void> const good = check_default(key, value); !good) {
      return in.refuse(good.error().within("\"defaults\""));
    }
    config.defaults.emplace(key, value);
  }
}

/// Reads all but what one file of several need not know: whether the default pool is there.
Result<Config> config_from(json::object object) {
  JsonDocument document(std::move(object));
  JsonReader const in = document.root();
  Config config;
  refuse_unknown_keys(in, known_keys);
  read_pools(in, config.pools);
  if (has(in, "default_pool")) {
    config.pools.default_source = in.text("default_pool");
  }
  config.pools.refuse_public = in.flag("refuse_public");
  read_reuse_delay(in, config.pools);
  read_defaults(in, config);
  read_word(in, "docker_socket", parse_docker_socket, config.docker_socket);
  read_attach_wishes(in, config.attach);
  read_word(in, "log_level", log::parse_level, config.log_level);
  read_word(in, "log_format", log::parse_format, config.log_format);
  return document.finish(std::move(config));
}

Result<void> check_default_pool(PoolConfig const& config) {
  if (find_source(config, config.default_source) != nullptr) {
    return {};
  }
  return fail(Errc::invalid_argument,
              fmt::format("\"default_pool\" is {}, which is not among the pools: {}",
                          config.default_source, fmt::join(names_of(config), ", ")));
}

/// One file as it was read.
struct Part {
  std::filesystem::path file;
  std::string text;
  json::object keys;
};

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

/// Each file must be good by itself, so that an error can name it.
Result<Part> parse_part(std::filesystem::path const& file, std::string text) {
  Result<json::object> keys = parse_text(text);
  if (!keys) {
    return fail(keys.error());
  }
  if (Result<Config> const alone = config_from(*keys); !alone) {
    return fail(with_line(text, alone.error()));
  }
  return Part{file, std::move(text), *std::move(keys)};
}

Result<std::vector<Part>> read_parts(std::filesystem::path const& main_file) {
  std::vector<Part> parts;
  for (std::filesystem::path const& file : files_of(main_file)) {
    Result<std::optional<std::string>> text = read_text(file);
    if (!text) {
      return fail(text.error());
    }
    if (!*text) {
      continue;
    }
    Result<Part> part = parse_part(file, **std::move(text));
    if (!part) {
      return fail(part.error().within(file.string()));
    }
    parts.push_back(*std::move(part));
  }
  return parts;
}

/// Names the file that had the last word on the default pool, or else on the pools.
Error with_file(std::vector<Part> const& parts, Error const& error) {
  for (std::string_view const key : {"default_pool", "pools"}) {
    auto const part = std::find_if(parts.rbegin(), parts.rend(), [&](Part const& candidate) {
      return candidate.keys.contains(key);
    });
    if (part != parts.rend()) {
      std::string const quoted = fmt::format("\"{}\"", key);
      std::size_t const line = line_at(part->text, find_word(part->text, quoted, 0));
      Error const located = error.within(fmt::format("line {}", line));
      return part->file.empty() ? located : located.within(part->file.string());
    }
  }
  return error;
}

Result<Config> merge(std::vector<Part> const& parts) {
  json::object merged;
  for (Part const& part : parts) {
    for (json::key_value_pair const& member : part.keys) {
      merged[member.key()] = member.value();
    }
  }
  Result<Config> config = config_from(std::move(merged));
  if (!config) {
    return config;
  }
  Result<void> const named = check_default_pool(config->pools);
  return named ? config : fail(with_file(parts, named.error()));
}

}  // namespace

Result<std::string> parse_docker_socket(std::string_view text) {
  constexpr std::string_view scheme = "unix://";
  std::string_view const path = text.starts_with(scheme) ? text.substr(scheme.size()) : text;
  if (!text.empty() && !path.starts_with('/')) {
    return fail(
        Errc::invalid_argument,
        fmt::format("{} is not an absolute path: use one such as /var/run/docker.sock", text));
  }
  return std::string(path);
}

Result<Config> parse_config(std::string_view text) {
  Result<Part> const part = parse_part("", std::string(text));
  return part ? merge({*part}) : fail(part.error());
}

Result<Config> read_config(std::filesystem::path const& file) {
  Result<std::vector<Part>> const parts = read_parts(file);
  return parts ? merge(*parts) : fail(parts.error());
}

}  // namespace drawbridge
