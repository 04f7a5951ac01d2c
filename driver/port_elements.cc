#include "driver/port_elements.h"

#include "driver/port_scope.h"
#include "netlink/nft/skeleton.h"

#include <algorithm>
#include <map>
#include <string>

namespace drawbridge {
namespace {

using Elements = std::set<Element>;

constexpr Family families[] = {Family::ipv4, Family::ipv6};

/// The sets of one family.
struct PortSets {
  char const* ports;
  char const* ports_any;
  char const* port_ranges;
  char const* itself;
  char const* routed_ports;
  char const* relayed;
  char const* publish_from;
};

constexpr PortSets port_sets_of_ipv4{
    nft_set::ports4,        nft_set::ports_any4, nft_set::port_ranges4, nft_set::itself4,
    nft_set::routed_ports4, nft_set::relayed4,   nft_set::publish_from4};
constexpr PortSets port_sets_of_ipv6{
    nft_set::ports6,        nft_set::ports_any6, nft_set::port_ranges6, nft_set::itself6,
    nft_set::routed_ports6, nft_set::relayed6,   nft_set::publish_from6};

PortSets const& port_sets_of(Family family) {
  return family == Family::ipv4 ? port_sets_of_ipv4 : port_sets_of_ipv6;
}

ProtocolRange only(std::uint8_t protocol) {
  return {protocol, protocol};
}

PortRange only_port(std::uint32_t port) {
  return {static_cast<std::uint16_t>(port), static_cast<std::uint16_t>(port)};
}

// ---- where ports lead --------------------------------------------------------------------------

/// returns  the addresses of this host that the port is published at
IpPrefix hosts_of(PublishedPort const& port, Family family) {
  int const length = is_for_every_address(port.host) ? 0 : bits_of(family);
  return {port.host.value_or(unspecified(family)), length};
}

Element range_of(PublishedPort const& port, IpAddress const& to) {
  return {port_sets_of(to.family).port_ranges,
          {hosts_of(port, to.family), only(port.protocol), port.host_ports},
          to};
}

/// number   of the host port, counted from the first one
Element single_of(PublishedPort const& port, std::uint32_t number, IpAddress const& to) {
  Target const target{to, static_cast<std::uint16_t>(port.container_port + number)};
  PortRange const host_port = only_port(port.host_ports.first + number);
  if (is_for_every_address(port.host)) {
    return {port_sets_of(to.family).ports_any, {only(port.protocol), host_port}, target};
  }
  return {port_sets_of(to.family).ports, {*port.host, only(port.protocol), host_port}, target};
}

void add_translation(Elements& elements, PublishedPort const& port, IpAddress const& to) {
  std::uint32_t const last = port.host_ports.last - port.host_ports.first;
  if (port.keeps_numbers() && last > 0) {
    elements.insert(range_of(port, to));
    return;
  }
  for (std::uint32_t number = 0; number <= last; ++number) {
    elements.insert(single_of(port, number, to));
  }
}

using RangesByProtocol = std::map<std::uint8_t, std::vector<PortRange>>;

/// Joins ranges that overlap or touch: two elements of a set of intervals must not meet.
std::vector<PortRange> joined(std::vector<PortRange> ranges) {
  std::sort(ranges.begin(), ranges.end());
  std::vector<PortRange> apart;
  for (PortRange const& next : ranges) {
    if (!apart.empty() && next.first <= apart.back().last + 1) {
      apart.back().last = std::max(apart.back().last, next.last);
    } else {
      apart.push_back(next);
    }
  }
  return apart;
}

void add_routed(Elements& elements, Network const& network, Endpoint const& endpoint,
                Family family) {
  RangesByProtocol open;
  for (PublishedPort const& port : endpoint.ports) {
    if (!port.has_host_ports() && is_for(port.host, family)) {
      open[port.protocol].push_back(only_port(port.container_port));
    }
  }
  std::optional<IpAddress> const address = address_of(endpoint, family);
  if (!address || network.spec.policy.publish == Publish::none) {
    return;
  }
  for (auto const& [protocol, ranges] : open) {
    for (PortRange const& range : joined(ranges)) {
      elements.insert({port_sets_of(family).routed_ports, {*address, only(protocol), range}});
    }
  }
}

/// No two of these meet, as no two mappings do that are held.
void add_relayed(Elements& elements, std::string const& bridge, PublishedPort const& port) {
  for (Family const family : families) {
    if (port.has_host_ports() && is_for(port.host, family)) {
      elements.insert({port_sets_of(family).relayed,
                       {bridge, hosts_of(port, family), only(port.protocol), port.host_ports}});
    }
  }
}

void add_family(Elements& elements, Network const& network, Endpoint const& endpoint,
                Family family) {
  bool has_any = false;
  for (PublishedPort const& port : endpoint.ports) {
    if (is_translated(network, endpoint, port, family)) {
      has_any = true;
      add_translation(elements, port, *address_of(endpoint, family));
    }
  }
  if (has_any && turns_back(network, endpoint)) {
    IpAddress const address = *address_of(endpoint, family);
    elements.insert({port_sets_of(family).itself, {address, address}});
  }
  add_routed(elements, network, endpoint, family);
}

}  // namespace

// ---- who reaches them --------------------------------------------------------------------------

void add_publish_elements(Elements& elements, Network const& network) {
  Policy const& policy = network.spec.policy;
  std::string const& bridge = network.spec.bridge;
  elements.insert({nft_set::turns, {bridge, bridge}});
  if (policy.publish == Publish::listed) {
    elements.insert(
        {nft_set::publish, {bridge}, Verdict{Verdict::Kind::jump, nft_chain::publish_listed}});
  } else if (policy.publish != Publish::all) {
    elements.insert({nft_set::publish, {bridge}, Verdict{Verdict::Kind::drop, {}}});
  }
  for (IpPrefix const& from : policy.publish_list) {
    elements.insert({port_sets_of(from.family()).publish_from, {from, bridge}});
  }
  if (policy.connlimit) {
    elements.insert({nft_set::connlimit,
                     {bridge},
                     Verdict{Verdict::Kind::jump, connlimit_chain(*policy.connlimit)}});
  }
}

void add_port_elements(Elements& elements, Network const& network, Endpoint const& endpoint) {
  for (Family const family : families) {
    add_family(elements, network, endpoint, family);
  }
}

void add_relayed_elements(Elements& elements, Network const& network,
                          std::vector<Endpoint const*> const& members) {
  Policy const& policy = network.spec.policy;
  bool const lets_members = policy.publish == Publish::all || policy.publish == Publish::listed;
  if (!lets_members) {
    return;
  }
  for (Endpoint const* const member : members) {
    if (!member->joined || !is_kept_apart(network, *member)) {
      continue;
    }
    for (PublishedPort const& port : member->ports) {
      add_relayed(elements, network.spec.bridge, port);
    }
  }
}

bool is_reached_by_loopback(Network const& network, Endpoint const& endpoint) {
  constexpr AddressBits loopback = 127;
  return std::any_of(endpoint.ports.begin(), endpoint.ports.end(), [&](PublishedPort const& port) {
    return is_translated(network, endpoint, port, Family::ipv4) &&
           (is_for_every_address(port.host) || port.host->bits >> 24 == loopback);
  });
}

bool turns_back(Network const& network, Endpoint const& endpoint) {
  return !is_kept_apart(network, endpoint) && is_translated(network, endpoint);
}

}  // namespace drawbridge
