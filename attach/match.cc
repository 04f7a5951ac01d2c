#include "attach/match.h"

#include <algorithm>
#include <string>

namespace drawbridge {
namespace {

constexpr std::string_view virtual_host = "VIRTUAL_HOST=";

std::string label_of(Container const& container, char const* key) {
  auto const found = container.labels.find(key);
  return found == container.labels.end() ? "" : found->second;
}

bool has_label_beginning(Container const& container, std::string const& beginning) {
  auto const first = container.labels.lower_bound(beginning);
  return first != container.labels.end() && first->first.starts_with(beginning);
}

// Compose writes "True".
bool is_one_off(Container const& container) {
  std::string const value = label_of(container, "com.docker.compose.oneoff");
  return value == "True" || value == "true";
}

bool has_virtual_host(Container const& container) {
  std::vector<std::string> const none;
  std::vector<std::string> const& all = container.environment ? *container.environment : none;
  return std::any_of(all.begin(), all.end(), [](std::string const& each) {
    return each.starts_with(virtual_host) && each.size() > virtual_host.size();
  });
}

bool is_of_traefik(Container const& container) {
  return has_label_beginning(container, "traefik.") &&
         label_of(container, "traefik.enable") != "false";
}

bool is_of_caddy(Container const& container) {
  return container.labels.contains("caddy") || has_label_beginning(container, "caddy.") ||
         has_label_beginning(container, "caddy_");
}

bool has_label(Container const& container, Match const& match) {
  auto const label = container.labels.find(match.text);
  return label != container.labels.end() && (!match.value || *match.value == label->second);
}

}  // namespace

bool is_routable(Container const& container) {
  std::string const asked = label_of(container, "drawbridge.proxy");
  if (asked == "false" || is_one_off(container)) {
    return false;
  }
  return asked == "true" || has_virtual_host(container) || is_of_traefik(container) ||
         is_of_caddy(container);
}

bool could_become_routable(Container const& container) {
  return !container.environment && !is_routable(container) && !is_one_off(container) &&
         label_of(container, "drawbridge.proxy") != "false";
}

// Behind a '*' each place is tried in turn; a later '*' makes the earlier one final.
bool matches_glob(std::string_view pattern, std::string_view text) {
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && (pattern[p] == '?' || pattern[p] == text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', p) == std::string_view::npos;
}

bool matches(Match const& match, Container const& container) {
  switch (match.kind) {
    case Match::Kind::routable:
      return is_routable(container);
    case Match::Kind::label:
      return has_label(container, match);
    case Match::Kind::name:
      return matches_glob(match.text, container.name);
  }
  return false;
}

bool matches(std::vector<Match> const& any_of, Container const& container) {
  return std::any_of(any_of.begin(), any_of.end(),
                     [&](Match const& match) { return matches(match, container); });
}

}  // namespace drawbridge
