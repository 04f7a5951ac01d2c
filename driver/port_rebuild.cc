#include "driver/port_rebuild.h"

#include "driver/port_plan.h"
#include "driver/port_scope.h"
#include "netlink/nft/skeleton.h"

#include <algorithm>
#include <iterator>
#include <optional>

namespace drawbridge {
namespace {

using Ports = std::vector<PublishedPort>;

/// The parts of a key, by their kinds.
struct KeyParts {
  std::optional<IpPrefix> address;
  std::uint8_t protocol = 0;
  PortRange ports;

  explicit KeyParts(Element const& element) {
    for (KeyField const& field : element.key) {
      if (auto const* const one = std::get_if<IpAddress>(&field)) {
        address = IpPrefix{*one, bits_of(one->family)};
      } else if (auto const* const span = std::get_if<IpPrefix>(&field)) {
        address = *span;
      } else if (auto const* const protocols = std::get_if<ProtocolRange>(&field)) {
        protocol = protocols->first;
      } else if (auto const* const range = std::get_if<PortRange>(&field)) {
        ports = *range;
      }
    }
  }
};

template <class Visit>
void for_each_of(std::set<Element> const& elements, char const* set, Visit visit) {
  for (auto it = elements.lower_bound(Element{set, {}}); it != elements.end() && it->set == set;
       ++it) {
    visit(*it);
  }
}

/// The sets of ports that lead to containers, and that of ports that are reached as they are.
struct ForwardSets {
  char const* one_address;
  char const* any_address;
  char const* ranges;
  char const* routed;
};

constexpr ForwardSets forward_sets_of_ipv4{nft_set::ports4, nft_set::ports_any4,
                                           nft_set::port_ranges4, nft_set::routed_ports4};
constexpr ForwardSets forward_sets_of_ipv6{nft_set::ports6, nft_set::ports_any6,
                                           nft_set::port_ranges6, nft_set::routed_ports6};

IpAddress host_of(KeyParts const& parts, Family family) {
  bool const is_any = !parts.address || parts.address->length == 0;
  return is_any ? unspecified(family) : parts.address->address;
}

void add_single(Ports& ports, Element const& element, IpAddress const& to) {
  auto const* const target = std::get_if<Target>(&element.value);
  if (target != nullptr && target->address == to) {
    KeyParts const parts(element);
    ports.push_back({parts.protocol, host_of(parts, to.family), parts.ports, target->port});
  }
}

void add_range(Ports& ports, Element const& element, IpAddress const& to) {
  auto const* const target = std::get_if<IpAddress>(&element.value);
  if (target != nullptr && *target == to) {
    KeyParts const parts(element);
    ports.push_back({parts.protocol, host_of(parts, to.family), parts.ports, parts.ports.first});
  }
}

void add_routed(Ports& ports, Element const& element, IpAddress const& to) {
  KeyParts const parts(element);
  if (!parts.address || parts.address->address != to) {
    return;
  }
  for (int port = parts.ports.first; port <= parts.ports.last; ++port) {
    ports.push_back(
        {parts.protocol, unspecified(to.family), {0, 0}, static_cast<std::uint16_t>(port)});
  }
}

/// returns  single ones and ranges that lead to the address, and those that are reached as they are
std::pair<Ports, Ports> ports_to(std::set<Element> const& elements, IpAddress const& to) {
  ForwardSets const& sets = to.family == Family::ipv4 ? forward_sets_of_ipv4 : forward_sets_of_ipv6;
  Ports led;
  Ports routed;
  auto const single = [&](Element const& element) { add_single(led, element, to); };
  for_each_of(elements, sets.any_address, single);
  for_each_of(elements, sets.one_address, single);
  for_each_of(elements, sets.ranges, [&](Element const& each) { add_range(led, each, to); });
  for_each_of(elements, sets.routed, [&](Element const& each) { add_routed(routed, each, to); });
  return {gathered(std::move(led)), std::move(routed)};
}

/// returns  true where a mapping of every address of the family means those of the other, too
bool is_for_both(PublishedPort const& port, Network const& network, Endpoint const& endpoint,
                 Ports const& of_other) {
  Family const other = port.host->family == Family::ipv4 ? Family::ipv6 : Family::ipv4;
  if (!address_of(endpoint, other)) {
    return has_host_ports(network.spec.policy, port.host->family);
  }
  PublishedPort twin = port;
  twin.host = unspecified(other);
  return std::find(of_other.begin(), of_other.end(), twin) != of_other.end();
}

void add_joined(Ports& all, Ports const& of_one, Ports const& of_other, Network const& network,
                Endpoint const& endpoint) {
  for (PublishedPort port : of_one) {
    if (is_for_every_address(port.host) && is_for_both(port, network, endpoint, of_other)) {
      port.host.reset();
    }
    all.push_back(port);
  }
}

}  // namespace

std::vector<PublishedPort> ports_from(std::set<Element> const& elements, Network const& network,
                                      Endpoint const& endpoint) {
  std::pair<Ports, Ports> ipv4;
  std::pair<Ports, Ports> ipv6;
  if (std::optional<IpAddress> const address = address_of(endpoint, Family::ipv4)) {
    ipv4 = ports_to(elements, *address);
  }
  if (std::optional<IpAddress> const address = address_of(endpoint, Family::ipv6)) {
    ipv6 = ports_to(elements, *address);
  }
  Ports all;
  add_joined(all, ipv4.first, ipv6.first, network, endpoint);
  add_joined(all, ipv6.first, ipv4.first, network, endpoint);
  all.insert(all.end(), ipv4.second.begin(), ipv4.second.end());
  all.insert(all.end(), ipv6.second.begin(), ipv6.second.end());
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

}  // namespace drawbridge
