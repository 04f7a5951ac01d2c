#include "driver/port_plan.h"

#include "driver/port_scope.h"
#include "driver/port_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>

namespace drawbridge {
namespace {

using Ports = std::vector<PublishedPort>;

bool is_fixed(PublishedPort const& port) {
  return port.host_ports.first == port.host_ports.last && port.host_ports.first != 0;
}

/// A container without an address of a family is reached by that of the other.
bool has_way_in(Network const& network, Endpoint const& endpoint, Family family) {
  Family const other = family == Family::ipv4 ? Family::ipv6 : Family::ipv4;
  Family const target = address_of(endpoint, family) ? family : other;
  return address_of(endpoint, target) && has_host_ports(network.spec.policy, target);
}

/// Adds the mapping with the addresses of this host that it has; without any, it is none.
void add_host_ports(Ports& ports, Network const& network, Endpoint const& endpoint,
                    PublishedPort port) {
  bool const is_ipv4 =
      is_for(port.host, Family::ipv4) && has_way_in(network, endpoint, Family::ipv4);
  bool const is_ipv6 =
      is_for(port.host, Family::ipv6) && has_way_in(network, endpoint, Family::ipv6);
  if (!is_ipv4 && !is_ipv6) {
    return;
  }
  if (!port.host && is_ipv4 != is_ipv6) {
    port.host = unspecified(is_ipv4 ? Family::ipv4 : Family::ipv6);
  }
  ports.push_back(port);
}

/// Adds the container's port for each family in which it is reached as it is.
void add_routed(Ports& ports, Network const& network, Endpoint const& endpoint,
                PublishedPort port) {
  std::optional<IpAddress> const host = port.host;
  port.host_ports = {0, 0};
  for (Family const family : {Family::ipv4, Family::ipv6}) {
    bool const is_routed = mode_of(network.spec.policy, family) == GatewayMode::routed;
    if (is_routed && is_for(host, family) && address_of(endpoint, family)) {
      port.host = unspecified(family);
      ports.push_back(port);
    }
  }
}

void sort_once(Ports& ports) {
  std::sort(ports.begin(), ports.end());
  ports.erase(std::unique(ports.begin(), ports.end()), ports.end());
}

/// Compares those only that meet: the ports of an endpoint may be many.
Result<void> check_apart(Ports const& ports) {
  Ports by_port = ports;
  std::sort(by_port.begin(), by_port.end(), [](auto const& one, auto const& other) {
    return std::tuple(one.protocol, one.host_ports.first) <
           std::tuple(other.protocol, other.host_ports.first);
  });
  for (auto one = by_port.begin(); one != by_port.end(); ++one) {
    for (auto other = one + 1; other != by_port.end() && other->protocol == one->protocol &&
                               other->host_ports.first <= one->host_ports.last;
         ++other) {
      if (clash(*one, *other)) {
        return fail(Errc::already_exists,
                    fmt::format("port {} is already allocated: this container asks for {} too, "
                                "leave one of them out",
                                host_text(*other), host_text(*one)));
      }
    }
  }
  return {};
}

/// What was chosen before, by what it was chosen for.
class Chosen {
 public:
  explicit Chosen(Ports const& before) {
    for (PublishedPort const& port : before) {
      if (is_fixed(port)) {
        ports_.emplace(key_of(port), port);
      }
    }
  }

  /// returns  one that answers, each only once, and none that meets one of `taken`. It keeps its
  ///          number where only the families changed that the mapping is for.
  std::optional<PublishedPort> take(PublishedPort const& wanted, Ports const& taken) {
    auto const [first, last] = ports_.equal_range(key_of(wanted));
    auto found = std::find_if(first, last, [&](auto const& each) {
      return each.second.host == wanted.host && answers(wanted, each.second, taken);
    });
    if (found == last) {
      found = std::find_if(first, last,
                           [&](auto const& each) { return answers(wanted, each.second, taken); });
    }
    if (found == last) {
      return std::nullopt;
    }
    PublishedPort port = found->second;
    port.host = wanted.host;
    ports_.erase(found);
    return port;
  }

 private:
  using Key = std::tuple<std::uint8_t, std::uint16_t>;

  static Key key_of(PublishedPort const& port) { return {port.protocol, port.container_port}; }

  static bool answers(PublishedPort wanted, PublishedPort const& port, Ports const& taken) {
    if (!wanted.has_host_ports()) {
      wanted.host_ports = port.host_ports;
    }
    return clash(wanted, port) && std::none_of(taken.begin(), taken.end(), [&](auto const& other) {
             return clash(port, other);
           });
  }

  std::multimap<Key, PublishedPort> ports_;
};

/// The mappings that were asked for, by what is to be done about them.
struct Wanted {
  Ports fixed;
  Ports open;
  Ports routed;
  std::optional<PublishedPort> pooled;
};

PublishedPort mapping_of(PortRequest const& request, Policy const& policy) {
  PublishedPort port{request.protocol, request.host, request.host_ports, request.container_port};
  port.host = request.host ? request.host : policy.host_binding_ipv4;
  return port;
}

Wanted read(Network const& network, Endpoint const& endpoint,
            std::vector<PortRequest> const& requests, std::optional<Family> only) {
  Policy const& policy = network.spec.policy;
  auto const narrow = [only](PublishedPort const& port) {
    return only ? narrowed(port, *only) : std::optional(port);
  };
  Wanted wanted;
  Ports all;
  for (PortRequest const& request : requests) {
    if (std::optional<PublishedPort> const port = narrow(mapping_of(request, policy))) {
      add_host_ports(all, network, endpoint, *port);
      add_routed(wanted.routed, network, endpoint, *port);
    }
  }
  sort_once(all);
  sort_once(wanted.routed);
  std::partition_copy(all.begin(), all.end(), std::back_inserter(wanted.fixed),
                      std::back_inserter(wanted.open), is_fixed);
  if (policy.ports) {
    PublishedPort const own{policy.ports->protocol, policy.host_binding_ipv4,
                            policy.ports->host_ports, policy.ports->container_port};
    Ports pooled;
    if (std::optional<PublishedPort> const port = narrow(own)) {
      add_host_ports(pooled, network, endpoint, *port);
    }
    wanted.pooled = pooled.empty() ? std::nullopt : std::optional(pooled.front());
  }
  return wanted;
}

}  // namespace

std::vector<PublishedPort> gathered(std::vector<PublishedPort> fixed) {
  auto const offset = [](PublishedPort const& port) {
    return int{port.container_port} - int{port.host_ports.first};
  };
  auto const key = [&offset](PublishedPort const& port) {
    return std::tuple(port.protocol, port.host, offset(port), port.host_ports.first);
  };
  std::sort(fixed.begin(), fixed.end(),
            [&key](auto const& one, auto const& other) { return key(one) < key(other); });
  Ports joined;
  for (PublishedPort const& next : fixed) {
    PublishedPort* const last = joined.empty() ? nullptr : &joined.back();
    bool const is_like_last = last != nullptr && last->protocol == next.protocol &&
                              last->host == next.host && offset(*last) == offset(next);
    if (is_like_last && next.host_ports.first <= last->host_ports.last + 1) {
      last->host_ports.last = next.host_ports.last;
    } else {
      joined.push_back(next);
    }
  }
  return joined;
}

Result<PortPlan> plan_ports(Network const& network, Endpoint const& endpoint,
                            std::vector<PortRequest> const& requests, std::optional<Family> only) {
  Wanted wanted = read(network, endpoint, requests, only);
  PortPlan plan;
  plan.settled = gathered(std::move(wanted.fixed));
  if (Result<void> const apart = check_apart(plan.settled); !apart) {
    return fail(apart.error());
  }
  Ports const fixed = plan.settled;
  Chosen before(endpoint.ports);
  auto const settle = [&](PublishedPort const& port) {
    std::optional<PublishedPort> const kept = before.take(port, fixed);
    if (kept) {
      plan.settled.push_back(*kept);
    }
    return kept.has_value();
  };
  if (wanted.pooled && !settle(*wanted.pooled)) {
    plan.pooled = wanted.pooled;
  }
  // Who takes any port chooses last: it may have one of another's range.
  std::stable_partition(wanted.open.begin(), wanted.open.end(),
                        [](PublishedPort const& port) { return port.has_host_ports(); });
  std::copy_if(wanted.open.begin(), wanted.open.end(), std::back_inserter(plan.open),
               [&settle](PublishedPort const& port) { return !settle(port); });
  plan.settled.insert(plan.settled.end(), wanted.routed.begin(), wanted.routed.end());
  sort_once(plan.settled);
  return plan;
}

}  // namespace drawbridge
