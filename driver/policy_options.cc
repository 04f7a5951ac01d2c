#include "driver/policy_options.h"

#include "base/text.h"
#include "driver/option_text.h"
#include "driver/permission_entry.h"
#include "driver/permission_set.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace drawbridge {
namespace {

constexpr std::size_t max_team_bytes = 64;

template <class T, std::size_t count>
Result<T> word(std::string_view text, std::pair<std::string_view, T> const (&words)[count],
               std::string_view hint) {
  for (auto const& [name, value] : words) {
    if (text == name) {
      return value;
    }
  }
  return bad_value(fmt::format("{}: {}", text.empty() ? "is empty" : "is unknown", hint));
}

Result<std::vector<Permission>> read_permissions(std::string_view text) {
  Result<std::vector<std::string_view>> const entries = split_list(text);
  if (!entries) {
    return fail(entries.error());
  }
  std::vector<Permission> permissions;
  for (std::string_view const entry : *entries) {
    Result<Permission> permission = parse_permission(entry);
    if (!permission) {
      return fail(permission.error());
    }
    permissions.push_back(*std::move(permission));
  }
  return permissions;
}

Result<Hub> named_hub(Hub::Kind kind, std::string_view entry, std::string_view name) {
  if (!is_name(name)) {
    return bad_value(fmt::format("{} is no {}: give letters, digits, '_', '-' and '.'",
                                 in_quotes(entry),
                                 kind == Hub::Kind::project ? "project" : "container's name"));
  }
  return Hub{kind, std::string(name), std::nullopt};
}

Result<Hub> label_hub(std::string_view entry, std::string_view label) {
  std::size_t const equals = label.find('=');
  std::string_view const key = label.substr(0, equals);
  if (key.empty()) {
    return bad_value(
        fmt::format("{} has no label: write label:KEY or label:KEY=VALUE", in_quotes(entry)));
  }
  Hub hub{Hub::Kind::label, std::string(key), std::nullopt};
  if (equals != std::string_view::npos) {
    hub.value = label.substr(equals + 1);
  }
  return hub;
}

Result<Hub> read_hub(std::string_view entry) {
  std::size_t const colon = entry.find(':');
  if (colon == std::string_view::npos) {
    return named_hub(Hub::Kind::container, entry, entry);
  }
  std::string_view const kind = entry.substr(0, colon);
  std::string_view const rest = entry.substr(colon + 1);
  if (kind == "project") {
    return named_hub(Hub::Kind::project, entry, rest);
  }
  return kind == "label" ? label_hub(entry, rest)
                         : Result<Hub>(bad_value(
                               fmt::format("{} is unknown: write a container's name, project:NAME, "
                                           "label:KEY or label:KEY=VALUE",
                                           in_quotes(entry))));
}

constexpr std::pair<std::string_view, Egress> egress_words[] = {
    {"all", Egress::all}, {"internet", Egress::internet}, {"none", Egress::none}};

bool is_egress_word(std::string_view text) {
  return std::any_of(std::begin(egress_words), std::end(egress_words),
                     [&](auto const& each) { return each.first == text; });
}

/// Networks are no destinations: whom they let in is theirs to say.
tl::unexpected<Error> no_destination(std::string const& name) {
  if (is_egress_word(name)) {
    return bad_value(
        fmt::format("{} stands alone: leave it or the other entries out", in_quotes(name)));
  }
  return bad_value(
      fmt::format("{} is no address: give all, internet, none, or a list of addresses and "
                  "CIDRs; for networks there is allow_from of the other one",
                  in_quotes(name)));
}

}  // namespace

Result<Isolation> parse_isolation(std::string_view text) {
  constexpr std::pair<std::string_view, Isolation> words[] = {{"network", Isolation::network},
                                                              {"members", Isolation::members},
                                                              {"project", Isolation::project}};
  return word(text, words, "give network, members or project");
}

Result<GatewayMode> parse_gateway_mode(std::string_view text) {
  constexpr std::pair<std::string_view, GatewayMode> words[] = {
      {"nat", GatewayMode::nat},
      {"nat-unprotected", GatewayMode::nat_unprotected},
      {"routed", GatewayMode::routed},
      {"isolated", GatewayMode::isolated}};
  return word(text, words, "give nat, nat-unprotected, routed or isolated");
}

Result<bool> parse_docker_bool(std::string_view text) {
  constexpr std::pair<std::string_view, bool> words[] = {
      {"1", true},    {"t", true},      {"T", true},      {"true", true},
      {"TRUE", true}, {"True", true},   {"0", false},     {"f", false},
      {"F", false},   {"false", false}, {"FALSE", false}, {"False", false}};
  return word(text, words, "give true or false");
}

Result<bool> parse_gateway(std::string_view text) {
  constexpr std::pair<std::string_view, bool> words[] = {{"auto", true}, {"none", false}};
  return word(text, words, "give auto or none");
}

Result<std::string> parse_team(std::string_view text) {
  if (!is_name(text) || text.size() > max_team_bytes) {
    return bad_value(fmt::format(
        "is no team: give a name of 1 to {} letters, digits, '_', '-' and '.'", max_team_bytes));
  }
  return std::string(text);
}

Result<IpAddress> parse_host_address(std::string_view text, Family family) {
  Result<IpAddress> address = IpAddress::parse(text);
  if (!address || address->family != family || address->bits == 0) {
    return bad_value(
        fmt::format("give an {} address of this host", family == Family::ipv4 ? "IPv4" : "IPv6"));
  }
  return address;
}

Result<std::vector<Hub>> parse_hubs(std::string_view text) {
  Result<std::vector<std::string_view>> const entries = split_list(text);
  if (!entries) {
    return fail(entries.error());
  }
  std::vector<Hub> hubs;
  for (std::string_view const entry : *entries) {
    Result<Hub> hub = read_hub(entry);
    if (!hub) {
      return fail(hub.error());
    }
    hubs.push_back(*std::move(hub));
  }
  std::sort(hubs.begin(), hubs.end());
  hubs.erase(std::unique(hubs.begin(), hubs.end()), hubs.end());
  return hubs;
}

Result<std::vector<Permission>> parse_permissions(std::string_view text) {
  Result<std::vector<Permission>> permissions = read_permissions(text);
  return permissions ? without_overlaps(*std::move(permissions)) : permissions;
}

Result<EgressRule> parse_egress(std::string_view text) {
  for (auto const& [name, egress] : egress_words) {
    if (text == name) {
      return EgressRule{egress, {}};
    }
  }
  Result<std::vector<Permission>> const permissions = parse_permissions(text);
  if (!permissions) {
    return fail(permissions.error());
  }
  EgressRule rule{Egress::listed, {}};
  for (Permission const& permission : *permissions) {
    if (auto const* network = std::get_if<NetworkPeer>(&permission.from)) {
      return no_destination(network->name_or_id);
    }
    rule.list.push_back({std::get<IpPrefix>(permission.from), permission.service});
  }
  return rule;
}

std::string to_text(Hub const& hub) {
  if (hub.kind == Hub::Kind::container) {
    return hub.name;
  }
  std::string const value = hub.value ? "=" + *hub.value : std::string();
  return (hub.kind == Hub::Kind::project ? "project:" : "label:") + hub.name + value;
}

}  // namespace drawbridge
