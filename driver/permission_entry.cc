#include "driver/permission_entry.h"

#include "base/text.h"
#include "driver/option_text.h"

#include <fmt/core.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace drawbridge {
namespace {

/// `tcp`, `udp/53`, `sctp/5000-5010`: of an entry that which is behind its peer.
struct ServiceText {
  std::uint8_t protocol = 0;
  std::string_view ports;  // "53" of "udp/53"
  bool has_ports = false;
};

/// returns  nothing unless the text begins with a protocol
std::optional<ServiceText> read_service_text(std::string_view text) {
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
    if (std::optional<ServiceText> service = read_service_text(entry.substr(colon + 1))) {
      return {entry.substr(0, colon), service};
    }
    end = colon;
  }
  return {entry, std::nullopt};
}

Result<Service> read_service(ServiceText const& text) {
  Service service;
  service.protocols = {text.protocol, text.protocol};
  if (!text.has_ports) {
    return service;
  }
  Result<PortRange> const ports = parse_port_range(text.ports);
  if (!ports) {
    return fail(ports.error());
  }
  service.ports = *ports;
  return service;
}

Result<IpPrefix> read_address(std::string_view text) {
  Result<IpAddress> const address = IpAddress::parse(text);
  if (!address) {
    return bad_value(
        fmt::format("{} is no address: write one such as 10.0.0.1 or fd00::1, or a CIDR "
                    "such as 10.0.0.0/8",
                    in_quotes(text)));
  }
  return IpPrefix{*address, bits_of(address->family)};
}

Result<IpPrefix> read_cidr(std::string_view text) {
  Result<IpPrefix> prefix = IpPrefix::parse(text);
  if (!prefix) {
    return bad_value(
        fmt::format("{} is no CIDR: write one such as 10.0.0.0/8 or fd00::/8", in_quotes(text)));
  }
  if (prefix->has_host_bits()) {
    return bad_value(fmt::format("{} has host bits set: write {}, or {} for the one address",
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
    return bad_value(
        fmt::format("{} is no network: give a name of letters, digits, '_', '-' and '.', or "
                    "the network's id",
                    in_quotes(text)));
  }
  return Peer(NetworkPeer{std::string(text)});
}

Result<Peer> read_peer(std::string_view text) {
  std::optional<std::size_t> const colon = find_no_protocol(text);
  if (text.empty() || colon == 0u) {
    return bad_value(
        "an entry has no peer: write PEER:tcp/80 with a network, an address or a CIDR");
  }
  if (colon) {
    return bad_value(fmt::format("{} in {} is no protocol: write {}:tcp/80, with tcp, udp or sctp",
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

}  // namespace

Result<Permission> parse_permission(std::string_view entry) {
  EntryText const text = split_entry(entry);
  Result<Peer> peer = read_peer(text.peer);
  if (!peer) {
    return fail(peer.error());
  }
  Result<Service> const service = text.service ? read_service(*text.service) : Service{};
  return service ? Result<Permission>(Permission{*std::move(peer), *service})
                 : fail(service.error());
}

}  // namespace drawbridge
