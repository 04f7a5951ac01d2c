#include "driver/port_hold.h"

#include "driver/port_scope.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

namespace drawbridge {
namespace {

using Prefixes = std::vector<IpPrefix>;

IpPrefix whole(IpAddress const& address) {
  return {address, bits_of(address.family)};
}

IpPrefix loopback(Family family) {
  constexpr AddressBits ipv4_loopback = 0x7f000000;
  return family == Family::ipv4 ? IpPrefix{{family, ipv4_loopback}, 8}
                                : IpPrefix{{family, 1}, bits_of(family)};
}

bool reaches_loopback(PublishedPort const& port) {
  return is_for_every_address(port.host) || loopback(port.host->family).contains(*port.host);
}

/// What processes of this host send from, as far as it is known.
void add_this_host(Prefixes& sources, PublishedPort const& port, Family family) {
  sources.push_back(loopback(family));
  if (!is_for_every_address(port.host)) {
    sources.push_back(whole(*port.host));
  }
}

/// Adds what both `publish` and the prefix allow.
void add_allowed(Prefixes& sources, Policy const& policy, IpPrefix const& prefix) {
  if (policy.publish == Publish::all) {
    sources.push_back(prefix);
  }
  if (policy.publish != Publish::listed) {
    return;
  }
  for (IpPrefix const& listed : policy.publish_list) {
    if (listed.contains(prefix)) {
      sources.push_back(prefix);
    } else if (prefix.contains(listed)) {
      sources.push_back(listed);
    }
  }
}

/// The kernel brings IPv6's loopback address nowhere, and to a container that lacks the family
/// nothing at all.
void add_untranslated(Prefixes& sources, Network const& network, Endpoint const& endpoint,
                      PublishedPort const& port) {
  for (Family const family : {Family::ipv4, Family::ipv6}) {
    if (!is_for(port.host, family)) {
      continue;
    }
    bool const has_family = address_of(endpoint, family).has_value();
    if (!has_family) {
      add_this_host(sources, port, family);
      add_allowed(sources, network.spec.policy, IpPrefix{unspecified(family), 0});
    } else if (family == Family::ipv6 && reaches_loopback(port)) {
      sources.push_back(loopback(family));
    }
  }
}

/// Nor does the bridge pass frames between members that are kept apart.
void add_members(Prefixes& sources, Network const& network, Endpoint const& endpoint,
                 PublishedPort const& port) {
  if (!is_kept_apart(network, endpoint)) {
    return;
  }
  for (Subnet const& subnet : network.request.subnets) {
    if (is_for(port.host, subnet.prefix.family())) {
      add_allowed(sources, network.spec.policy, subnet.prefix.network());
    }
  }
}

/// returns  each once, and none that another one holds
Prefixes without_inner(Prefixes sources) {
  std::sort(sources.begin(), sources.end());
  sources.erase(std::unique(sources.begin(), sources.end()), sources.end());
  Prefixes outer;
  std::copy_if(sources.begin(), sources.end(), std::back_inserter(outer), [&](IpPrefix const& one) {
    return std::none_of(sources.begin(), sources.end(), [&one](IpPrefix const& other) {
      return other != one && other.contains(one);
    });
  });
  return outer;
}

/// What the kernel does not count of those that it translates, the relay does not count either.
std::optional<RelayLimit> limit_of(Network const& network) {
  std::optional<ConnLimit> const& each = network.spec.policy.connlimit;
  if (!each) {
    return std::nullopt;
  }
  RelayLimit limit{network.spec.bridge, *each, {loopback(Family::ipv4), loopback(Family::ipv6)}};
  for (Subnet const& subnet : network.request.subnets) {
    limit.uncounted.push_back(subnet.prefix.network());
  }
  return limit;
}

}  // namespace

PortHold hold_of(Network const& network, Endpoint const& endpoint, PublishedPort const& port) {
  PortHold hold{port, address_of(endpoint, Family::ipv4), address_of(endpoint, Family::ipv6), {}};
  if (network.spec.policy.publish == Publish::none) {
    return hold;
  }
  add_untranslated(hold.relayed, network, endpoint, port);
  add_members(hold.relayed, network, endpoint, port);
  hold.relayed = without_inner(std::move(hold.relayed));
  hold.limit = limit_of(network);
  return hold;
}

}  // namespace drawbridge
