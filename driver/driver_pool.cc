// A network's own range of host ports (`ports`): each container gets one of it.
#include "driver/driver.h"
#include "driver/port_hold.h"
#include "driver/port_text.h"

#include <fmt/core.h>

namespace drawbridge {

bool Driver::gives_ports(NetworkId const& network) const {
  auto const found = networks_.find(network);
  return found != networks_.end() && found->second.network.spec.policy.ports;
}

std::string Driver::container_of(PublishRequest const& request, Endpoint const& endpoint) const {
  std::string const known = endpoint.marks ? endpoint.marks->container : std::string();
  return request.container.value_or(known);
}

PoolView Driver::pool_of(PortRange const& range, PublishRequest const& request) const {
  PoolView pool{range, ports_.reserved(), {}, {}};
  auto const leases = leases_.find(request.network);
  if (leases != leases_.end()) {
    pool.leases = leases->second;
  }
  if (request.containers) {
    std::erase_if(pool.leases, [&request](auto const& lease) {
      return !request.containers->contains(lease.first) && lease.first != request.container;
    });
  }
  return pool;
}

Result<PublishedPort> Driver::take_pooled(PublishedPort const& port, Network const& network,
                                          PublishRequest const& request, Taken taken) const {
  Endpoint const& after = taken.publication.after;
  PoolView pool = pool_of(port.host_ports, request);
  pool.container = container_of(request, after);
  Result<PublishedPort> chosen = taken.taking.take_first(
      hold_of(network, after, port), without_published(pool_candidates(pool), port, after));
  if (!chosen) {
    bool const is_empty = chosen.error().code == Errc::exhausted;
    return fail(is_empty ? no_port_left(port) : chosen.error());
  }
  if (!pool.container.empty()) {
    taken.publication.lease = PortLease{request.network, pool.container, chosen->host_ports.first};
  }
  return chosen;
}

Error Driver::no_port_left(PublishedPort const& pool) const {
  std::vector<std::uint16_t> const all = ports_of(pool.host_ports);
  std::size_t const free = without_published(all, pool, {}).size();
  return {Errc::exhausted,
          fmt::format("none of the {} ports of {} is free, {} of them are published: remove "
                      "containers, or free what else of this host uses or reserves the range",
                      all.size(), host_text(pool), all.size() - free)};
}

/// Docker lists all containers that there are: who is not among them comes back no more.
void Driver::forget_absent(PublishRequest const& request) {
  auto const leases = leases_.find(request.network);
  if (leases == leases_.end() || !request.containers) {
    return;
  }
  std::erase_if(leases->second, [&](auto const& lease) {
    auto const& [container, port] = lease;
    bool const is_absent =
        !request.containers->contains(container) && container != request.container;
    if (is_absent) {
      leases_to_remove_.push_back({request.network, container, port});
    }
    return is_absent;
  });
}

void Driver::warn_of_ports(Network const& network) {
  std::optional<PortPool> const& pool = network.spec.policy.ports;
  if (!pool) {
    return;
  }
  std::optional<std::string> const advice =
      reservation_advice(pool->host_ports, ports_.ephemeral(), ports_.reserved());
  if (advice) {
    warnings_.push_back(fmt::format("network {}: {}", network.request.id.brief(), *advice));
  }
}

}  // namespace drawbridge
