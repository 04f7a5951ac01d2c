#include "driver/port_options.h"

#include "base/text.h"
#include "driver/option_text.h"
#include "driver/policy_options.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace drawbridge {
namespace {

constexpr std::pair<std::string_view, Publish> publish_words[] = {
    {"all", Publish::all}, {"host", Publish::host}, {"none", Publish::none}};

tl::unexpected<Error> no_client(std::string const& name) {
  bool const is_word = std::any_of(std::begin(publish_words), std::end(publish_words),
                                   [&](auto const& each) { return each.first == name; });
  return is_word ? bad_value(fmt::format("{} stands alone: leave it or the other entries out",
                                         in_quotes(name)))
                 : bad_value(fmt::format("{} is no address: give all, host, none, or a list of "
                                         "addresses and CIDRs",
                                         in_quotes(name)));
}

/// Ports are chosen where they are published: here they are all meant.
Result<IpPrefix> client_of(Permission const& permission) {
  if (auto const* network = std::get_if<NetworkPeer>(&permission.from)) {
    return no_client(network->name_or_id);
  }
  IpPrefix const& prefix = std::get<IpPrefix>(permission.from);
  if (permission.service != Service{}) {
    return bad_value(
        fmt::format("{} is given with a protocol: published ports are meant all "
                    "alike, write the address or CIDR alone",
                    prefix.to_string()));
  }
  return prefix;
}

std::optional<std::uint8_t> read_protocol(std::string_view text) {
  constexpr std::pair<std::string_view, std::uint8_t> protocols[] = {
      {"tcp", 6}, {"udp", 17}, {"sctp", 132}};
  auto const* const found = std::find_if(std::begin(protocols), std::end(protocols),
                                         [&](auto const& each) { return each.first == text; });
  return found == std::end(protocols) ? std::nullopt : std::optional(found->second);
}

}  // namespace

Result<PublishRule> parse_publish(std::string_view text) {
  for (auto const& [name, publish] : publish_words) {
    if (text == name) {
      return PublishRule{publish, {}};
    }
  }
  Result<std::vector<Permission>> const entries = parse_permissions(text);
  if (!entries) {
    return fail(entries.error());
  }
  PublishRule rule{Publish::listed, {}};
  for (Permission const& entry : *entries) {
    Result<IpPrefix> const client = client_of(entry);
    if (!client) {
      return fail(client.error());
    }
    rule.list.push_back(*client);
  }
  return rule;
}

Result<PortPool> parse_port_pool(std::string_view text) {
  std::size_t const colon = text.find(':');
  if (colon == std::string_view::npos) {
    return bad_value("has no container port: write LOW-HIGH:PORT, such as 30000-39999:80");
  }
  std::string_view const target = text.substr(colon + 1);
  std::size_t const slash = target.find('/');
  Result<PortRange> const host = parse_port_range(text.substr(0, colon));
  if (!host) {
    return fail(host.error());
  }
  Result<std::uint16_t> const container = parse_port(target.substr(0, slash));
  if (!container) {
    return fail(container.error());
  }
  bool const names_protocol = slash != std::string_view::npos;
  std::optional<std::uint8_t> const protocol =
      read_protocol(names_protocol ? target.substr(slash + 1) : "tcp");
  if (!protocol) {
    return bad_value(fmt::format("{} is no protocol: give tcp, udp or sctp",
                                 in_quotes(target.substr(slash + 1))));
  }
  return PortPool{*host, *container, *protocol};
}

Result<IpAddress> parse_host_binding(std::string_view text) {
  Result<IpAddress> address = IpAddress::parse(text);
  if (!address || address->family != Family::ipv4) {
    return bad_value("give an IPv4 address of this host, or 0.0.0.0 for all");
  }
  return address;
}

}  // namespace drawbridge
