#include "driver/attach_options.h"

#include "base/text.h"
#include "driver/option_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace drawbridge {
namespace {

/// Reads a list whose entries differ from each other.
template <class T>
Result<std::vector<T>> parse_distinct(std::string_view text, Result<T> (*parse)(std::string_view)) {
  Result<std::vector<std::string_view>> const entries = split_list(text);
  if (!entries) {
    return fail(entries.error());
  }
  std::vector<T> values;
  for (std::string_view const entry : *entries) {
    Result<T> value = parse(entry);
    if (!value) {
      return fail(value.error());
    }
    if (std::find(values.begin(), values.end(), *value) == values.end()) {
      values.push_back(*std::move(value));
    }
  }
  return values;
}

Result<std::string> parse_container(std::string_view text) {
  return is_name(text)
             ? Result<std::string>(std::string(text))
             : bad_value(fmt::format("{} is no container's name: give letters, digits, '_', '-' "
                                     "and '.'",
                                     in_quotes(text)));
}

Result<Match> parse_label(std::string_view entry, std::string_view label) {
  std::size_t const equals = label.find('=');
  std::string_view const key = label.substr(0, equals);
  if (key.empty()) {
    return bad_value(
        fmt::format("{} has no label: write label:KEY or label:KEY=VALUE", in_quotes(entry)));
  }
  Match match{Match::Kind::label, std::string(key), std::nullopt};
  if (equals != std::string_view::npos) {
    match.value = label.substr(equals + 1);
  }
  return match;
}

Result<Match> parse_name(std::string_view entry, std::string_view pattern) {
  std::string literal(pattern);
  std::erase_if(literal, [](char each) { return each == '*' || each == '?'; });
  bool const is_good = !pattern.empty() && (literal.empty() || is_name(literal));
  return is_good ? Result<Match>(Match{Match::Kind::name, std::string(pattern), std::nullopt})
                 : bad_value(fmt::format("{} is no pattern: write name: and a container's name, "
                                         "with '*' and '?' for any characters",
                                         in_quotes(entry)));
}

}  // namespace

Result<std::vector<std::string>> parse_proxies(std::string_view text) {
  return parse_distinct(text, parse_container);
}

Result<ProxyMode> parse_proxy_mode(std::string_view text) {
  if (text == "route") {
    return ProxyMode::route;
  }
  return text == "join" ? Result<ProxyMode>(ProxyMode::join)
                        : bad_value(fmt::format("{}: give route or join",
                                                text.empty() ? "is empty" : "is unknown"));
}

Result<Match> parse_match(std::string_view text) {
  if (text == "routable") {
    return Match{};
  }
  std::size_t const colon = text.find(':');
  std::string_view const kind = text.substr(0, colon);
  std::string_view const rest =
      colon == std::string_view::npos ? std::string_view() : text.substr(colon + 1);
  if (kind == "label") {
    return parse_label(text, rest);
  }
  return kind == "name" ? parse_name(text, rest)
                        : Result<Match>(bad_value(fmt::format(
                              "{} is unknown: write routable, label:KEY, label:KEY=VALUE or "
                              "name:PATTERN",
                              in_quotes(text))));
}

Result<std::vector<Match>> parse_matches(std::string_view text) {
  return parse_distinct(text, parse_match);
}

std::string to_text(Match const& match) {
  switch (match.kind) {
    case Match::Kind::label:
      return match.value ? fmt::format("label:{}={}", match.text, *match.value)
                         : "label:" + match.text;
    case Match::Kind::name:
      return "name:" + match.text;
    case Match::Kind::routable:
      break;
  }
  return "routable";
}

}  // namespace drawbridge
