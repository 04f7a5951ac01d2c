#include "driver/policy_options.h"

#include "base/text.h"
#include "driver/permission_set.h"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

namespace drawbridge {
namespace {

constexpr std::size_t max_entries = 64;
constexpr std::size_t max_entry_bytes = 255;
constexpr std::size_t max_team_bytes = 64;
constexpr std::string_view name_characters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

tl::unexpected<Error> bad(std::string reason) {
  return fail(Errc::invalid_argument, std::move(reason));
}

template <class T, std::size_t count>
Result<T> word(std::string_view text, std::pair<std::string_view, T> const (&words)[count],
               std::string_view hint) {
  for (auto const& [name, value] : words) {
    if (text == name) {
      return value;
    }
  }
  return bad(fmt::format("{}: {}", text.empty() ? "is empty" : "is unknown", hint));
}

bool has_only(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

bool is_name(std::string_view text) {
  return !text.empty() && has_only(text, name_characters);
}

bool has_control_character(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

std::string_view without_blanks(std::string_view text) {
  std::size_t const first = text.find_first_not_of(' ');
  return first == std::string_view::npos
             ? std::string_view()
             : text.substr(first, text.find_last_not_of(' ') - first + 1);
}

Result<void> check_entry(std::string_view entry, std::size_t number) {
  if (entry.empty()) {
    return bad(fmt::format("entry {} is empty: write entries with one comma between them", number));
  }
  if (entry.size() > max_entry_bytes) {
    return bad(fmt::format("entry {} has {} characters: at most {} can be", number, entry.size(),
                           max_entry_bytes));
  }
  if (has_control_character(entry)) {
    return bad(fmt::format("entry {} has control characters: leave them out", number));
  }
  return {};
}

/// Blanks around an entry are no part of it.
Result<std::vector<std::string_view>> split_list(std::string_view text) {
  if (without_blanks(text).empty()) {
    return bad("is empty: name something, or leave the option out");
  }
  auto const commas = static_cast<std::size_t>(std::count(text.begin(), text.end(), ','));
  if (commas >= max_entries) {
    return bad(fmt::format("has {} entries: at most {} can be", commas + 1, max_entries));
  }
  std::vector<std::string_view> entries;
  for (std::size_t begin = 0; begin <= text.size();) {
    std::size_t const end = std::min(text.find(',', begin), text.size());
    entries.push_back(without_blanks(text.substr(begin, end - begin)));
    if (Result<void> const good = check_entry(entries.back(), entries.size()); !good) {
      return fail(good.error());
    }
    begin = end + 1;
  }
  return entries;
}

/// `tcp`, `udp/53`, `sctp/5000-5010`: of an entry that which is behind its peer.
struct ServiceText {
  std::uint8_t protocol = 0;
  std::string_view ports;  // "53" of "udp/53"
  bool has_ports = false;
};

/// returns  nothing unless the text begins with a protocol
std::optional<ServiceText> read_protocol(std::string_view text) {
  constexpr std::pair<std::string_view, std::uint8_t> protocols[] = {
      {"tcp", 6}, {"udp", 17}, {"sctp", 132}};
  std::size_t const slash = text.find('/');
  for (auto const& [name, number] : protocols) {
    if (text.substr(0, slash) != name) {
      continue;
    }
    bool const has_ports = slash != std::string_view::npos;
    return ServiceText{number, has_ports ? text.substr(slash + 1) : std::string_view(), has_ports};
  }
  return std::nullopt;
}

struct EntryText {
  std::string_view peer;
  std::optional<ServiceText> service;
};

/// An IPv6 peer holds colons too: the last one with a protocol behind it ends the peer.
EntryText split_entry(std::string_view entry) {
  for (std::size_t end = entry.size(); end > 0;) {
    std::size_t const colon = entry.rfind(':', end - 1);
    if (colon == std::string_view::npos) {
      break;
    }
    if (std::optional<ServiceText> service = read_protocol(entry.substr(colon + 1))) {
      return {entry.substr(0, colon), service};
    }
    end = colon;
  }
  return {entry, std::nullopt};
}

std::optional<std::uint16_t> read_port(std::string_view text) {
  std::uint16_t port = 0;
  auto const [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  bool const is_good = error == std::errc{} && end == text.data() + text.size() && port > 0;
  return is_good ? std::optional(port) : std::nullopt;
}

Result<PortRange> read_ports(std::string_view text) {
  std::size_t const dash = text.find('-');
  std::optional<std::uint16_t> const first = read_port(text.substr(0, dash));
  std::optional<std::uint16_t> const last =
      dash == std::string_view::npos ? first : read_port(text.substr(dash + 1));
  if (!first || !last) {
    return bad(fmt::format("{} is no port: write 80 or 8000-8010, with numbers from 1 to 65535",
                           in_quotes(text)));
  }
  if (*first > *last) {
    return bad(fmt::format("{} goes backwards: write {}-{}", in_quotes(text), *last, *first));
  }
  return PortRange{*first, *last};
}

Result<Service> read_service(ServiceText const& text) {
  Service service;
  service.protocols = {text.protocol, text.protocol};
  if (!text.has_ports) {
    return service;
  }
  Result<PortRange> const ports = read_ports(text.ports);
  if (!ports) {
    return fail(ports.error());
  }
  service.ports = *ports;
  return service;
}

Result<IpPrefix> read_address(std::string_view text) {
  Result<IpAddress> const address = IpAddress::parse(text);
  if (!address) {
    return bad(
        fmt::format("{} is no address: write one such as 10.0.0.1 or fd00::1, or a CIDR "
                    "such as 10.0.0.0/8",
                    in_quotes(text)));
  }
  return IpPrefix{*address, bits_of(address->family)};
}

Result<IpPrefix> read_cidr(std::string_view text) {
  Result<IpPrefix> const prefix = IpPrefix::parse(text);
  if (!prefix) {
    return bad(
        fmt::format("{} is no CIDR: write one such as 10.0.0.0/8 or fd00::/8", in_quotes(text)));
  }
  if (prefix->has_host_bits()) {
    return bad(fmt::format("{} has host bits set: write {}, or {} for the one address",
                           in_quotes(text), prefix->network().to_string(),
                           prefix->address.to_string()));
  }
  return prefix;
}

/// returns  where something begins that stands in the place of a protocol and is none: "web:80",
///          "10.0.0.0/8:icmp"
std::optional<std::size_t> find_no_protocol(std::string_view text) {
  std::size_t const colon = text.rfind(':');
  if (colon == std::string_view::npos) {
    return std::nullopt;
  }
  bool const is_only_colon = text.find(':') == colon;
  bool const is_behind_length = text.find('/') < colon;
  return is_only_colon || is_behind_length ? std::optional(colon) : std::nullopt;
}

/// returns  true for digits and dots too: a mistyped address is no network's name
bool looks_like_address(std::string_view text) {
  bool const has_dot = text.find('.') != std::string_view::npos;
  return text.find(':') != std::string_view::npos || (has_dot && has_only(text, "0123456789."));
}

using Peer = std::variant<NetworkPeer, IpPrefix>;

Result<Peer> read_network(std::string_view text) {
  if (!is_name(text)) {
    return bad(
        fmt::format("{} is no network: give a name of letters, digits, '_', '-' and '.', or "
                    "the network's id",
                    in_quotes(text)));
  }
  return Peer(NetworkPeer{std::string(text)});
}

Result<Peer> read_peer(std::string_view text) {
  std::optional<std::size_t> const colon = find_no_protocol(text);
  if (text.empty() || colon == 0u) {
    return bad("an entry has no peer: write PEER:tcp/80 with a network, an address or a CIDR");
  }
  if (colon) {
    return bad(fmt::format("{} in {} is no protocol: write {}:tcp/80, with tcp, udp or sctp",
                           in_quotes(text.substr(*colon + 1)), in_quotes(text),
                           text.substr(0, *colon)));
  }
  bool const is_cidr = text.find('/') != std::string_view::npos;
  if (!is_cidr && !looks_like_address(text)) {
    return read_network(text);
  }
  Result<IpPrefix> const prefix = is_cidr ? read_cidr(text) : read_address(text);
  return prefix ? Result<Peer>(Peer(*prefix)) : Result<Peer>(fail(prefix.error()));
}

Result<Permission> read_permission(std::string_view entry) {
  EntryText const text = split_entry(entry);
  Result<Peer> peer = read_peer(text.peer);
  if (!peer) {
    return fail(peer.error());
  }
  Result<Service> const service = text.service ? read_service(*text.service) : Service{};
  return service ? Result<Permission>(Permission{*std::move(peer), *service})
                 : fail(service.error());
}

Result<std::vector<Permission>> read_permissions(std::string_view text) {
  Result<std::vector<std::string_view>> const entries = split_list(text);
  if (!entries) {
    return fail(entries.error());
  }
  std::vector<Permission> permissions;
  for (std::string_view const entry : *entries) {
    Result<Permission> permission = read_permission(entry);
    if (!permission) {
      return fail(permission.error());
    }
    permissions.push_back(*std::move(permission));
  }
  return permissions;
}

Result<Hub> named_hub(Hub::Kind kind, std::string_view entry, std::string_view name) {
  if (!is_name(name)) {
    return bad(fmt::format("{} is no {}: give letters, digits, '_', '-' and '.'", in_quotes(entry),
                           kind == Hub::Kind::project ? "project" : "container's name"));
  }
  return Hub{kind, std::string(name), std::nullopt};
}

Result<Hub> label_hub(std::string_view entry, std::string_view label) {
  std::size_t const equals = label.find('=');
  std::string_view const key = label.substr(0, equals);
  if (key.empty()) {
    return bad(
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
  return kind == "label"
             ? label_hub(entry, rest)
             : Result<Hub>(bad(fmt::format("{} is unknown: write a container's name, project:NAME, "
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
    return bad(fmt::format("{} stands alone: leave it or the other entries out", in_quotes(name)));
  }
  return bad(
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
    return bad(fmt::format("is no team: give a name of 1 to {} letters, digits, '_', '-' and '.'",
                           max_team_bytes));
  }
  return std::string(text);
}

Result<IpAddress> parse_host_address(std::string_view text, Family family) {
  Result<IpAddress> const address = IpAddress::parse(text);
  if (!address || address->family != family || address->bits == 0) {
    return bad(
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
