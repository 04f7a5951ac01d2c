#include "tests/support/fake_store.h"

#include <fmt/core.h>

#include <utility>

namespace drawbridge {
namespace {

template <class Map>
std::vector<typename Map::mapped_type> values_of(Map const& map) {
  std::vector<typename Map::mapped_type> values;
  for (auto const& [key, value] : map) {
    values.push_back(value);
  }
  return values;
}

std::string text_of(Lease const& lease) {
  return lease.address.to_string() + " of " + lease.pool.value;
}

std::string text_of(Membership const& membership) {
  return membership.container.value + " on " + membership.network.value;
}

}  // namespace

Result<void> FakeStore::step() {
  if (steps_to_failure_ > 0 && --steps_to_failure_ == 0) {
    return fail(Errc::store, "disk full, says the test");
  }
  return {};
}

Result<void> FakeStore::record(std::string call) {
  calls.push_back(std::move(call));
  return step();
}

Result<void> FakeStore::begin() {
  before_group_ = contents;
  return step();
}

Result<void> FakeStore::commit() {
  Result<void> committed = step();
  if (committed) {
    before_group_.reset();
  } else {
    roll_back();
  }
  return committed;
}

void FakeStore::roll_back() {
  if (before_group_) {
    contents = *before_group_;
    before_group_.reset();
  }
}

Result<std::vector<Pool>> FakeStore::load_pools() {
  if (Result<void> const alive = step(); !alive) {
    return fail(alive.error());
  }
  return values_of(contents.pools);
}

Result<std::vector<Lease>> FakeStore::load_leases() {
  if (Result<void> const alive = step(); !alive) {
    return fail(alive.error());
  }
  return values_of(contents.leases);
}

Result<std::vector<NetworkRequest>> FakeStore::load_networks() {
  if (Result<void> const alive = step(); !alive) {
    return fail(alive.error());
  }
  return values_of(contents.networks);
}

Result<std::vector<Endpoint>> FakeStore::load_endpoints() {
  if (Result<void> const alive = step(); !alive) {
    return fail(alive.error());
  }
  return values_of(contents.endpoints);
}

Result<std::vector<KnownNetwork>> FakeStore::load_known_networks() {
  if (Result<void> const alive = step(); !alive) {
    return fail(alive.error());
  }
  return values_of(contents.known_networks);
}

Result<std::optional<IpPrefix>> FakeStore::load_ula_prefix() {
  if (Result<void> const alive = step(); !alive) {
    return fail(alive.error());
  }
  return contents.ula_prefix;
}

Result<std::vector<PortLease>> FakeStore::load_port_leases() {
  if (Result<void> const alive = step(); !alive) {
    return fail(alive.error());
  }
  return values_of(contents.port_leases);
}

Result<std::set<ProxyRoute>> FakeStore::load_routes() {
  Result<void> const alive = step();
  return alive ? Result<std::set<ProxyRoute>>(contents.routes) : fail(alive.error());
}

Result<std::set<Membership>> FakeStore::load_memberships() {
  Result<void> const alive = step();
  return alive ? Result<std::set<Membership>>(contents.memberships) : fail(alive.error());
}

/// No write, nothing written down, when nothing changed.
Result<void> FakeStore::save_routes(std::set<ProxyRoute> const& routes) {
  Result<void> recorded =
      routes == contents.routes ? step() : record(fmt::format("save {} routes", routes.size()));
  if (!recorded) {
    return recorded;
  }
  for (ProxyRoute const& route : routes) {
    if (!contents.endpoints.contains(route.endpoint)) {
      return fail(Errc::store, "no endpoint " + route.endpoint.value);
    }
  }
  contents.routes = routes;
  return recorded;
}

Result<void> FakeStore::save(Membership const& membership) {
  Result<void> recorded = record("save membership " + text_of(membership));
  if (recorded) {
    contents.memberships.insert(membership);
  }
  return recorded;
}

Result<void> FakeStore::remove(Membership const& membership) {
  Result<void> recorded = record("remove membership " + text_of(membership));
  if (recorded) {
    contents.memberships.erase(membership);
  }
  return recorded;
}

Result<void> FakeStore::save(PortLease const& lease) {
  if (Result<void> const recorded =
          record(fmt::format("save port lease {} of {}", lease.host_port, lease.container));
      !recorded) {
    return recorded;
  }
  if (!contents.networks.contains(lease.network)) {
    return fail(Errc::store, "no network " + lease.network.value);
  }
  contents.port_leases[{lease.network, lease.container}] = lease;
  return {};
}

Result<void> FakeStore::remove(PortLease const& lease) {
  Result<void> recorded =
      record(fmt::format("remove port lease {} of {}", lease.host_port, lease.container));
  if (recorded) {
    contents.port_leases.erase({lease.network, lease.container});
  }
  return recorded;
}

Result<void> FakeStore::save_ula_prefix(IpPrefix const& prefix) {
  Result<void> recorded = record("save ula prefix " + prefix.to_string());
  if (recorded) {
    contents.ula_prefix = prefix;
  }
  return recorded;
}

Result<bool> FakeStore::awaits_rebuild() {
  Result<void> const stepped = step();
  return stepped ? Result<bool>(contents.awaits_rebuild) : fail(stepped.error());
}

Result<void> FakeStore::end_rebuild() {
  Result<void> recorded = record("end rebuild");
  if (recorded) {
    contents.awaits_rebuild = false;
  }
  return recorded;
}

Result<std::string> FakeStore::back_up() {
  Result<void> const recorded = record("back up");
  return recorded ? Result<std::string>("the state") : fail(recorded.error());
}

Result<void> FakeStore::save(KnownNetwork const& network) {
  Result<void> recorded = record("save known network " + network.id.value);
  if (recorded) {
    contents.known_networks[network.id] = network;
  }
  return recorded;
}

/// No write, nothing written down, when nothing changed.
Result<void> FakeStore::save_known_networks(std::vector<KnownNetwork> const& networks) {
  std::map<NetworkId, KnownNetwork> after;
  for (KnownNetwork const& network : networks) {
    after[network.id] = network;
  }
  Result<void> recorded = after == contents.known_networks
                              ? step()
                              : record(fmt::format("save {} known networks", after.size()));
  if (recorded) {
    contents.known_networks = std::move(after);
  }
  return recorded;
}

Result<void> FakeStore::save(Pool const& pool) {
  Result<void> recorded = record("save pool " + pool.id.value);
  if (recorded) {
    contents.pools[pool.id] = pool;
  }
  return recorded;
}

Result<void> FakeStore::remove(PoolId const& pool) {
  Result<void> recorded = record("remove pool " + pool.value);
  if (recorded) {
    contents.pools.erase(pool);
    std::erase_if(contents.leases, [&](auto const& entry) { return entry.first.first == pool; });
  }
  return recorded;
}

Result<void> FakeStore::save(Lease const& lease) {
  if (Result<void> const recorded = record("save lease " + text_of(lease)); !recorded) {
    return recorded;
  }
  if (!contents.pools.contains(lease.pool)) {
    return fail(Errc::store, "no pool " + lease.pool.value);
  }
  contents.leases[{lease.pool, lease.address}] = lease;
  return {};
}

Result<void> FakeStore::remove(Lease const& lease) {
  Result<void> recorded = record("remove lease " + text_of(lease));
  if (recorded) {
    contents.leases.erase({lease.pool, lease.address});
  }
  return recorded;
}

Result<void> FakeStore::save(NetworkRequest const& network) {
  Result<void> recorded = record("save network " + network.id.value);
  if (recorded) {
    contents.networks[network.id] = network;
  }
  return recorded;
}

Result<void> FakeStore::remove(NetworkId const& network) {
  Result<void> recorded = record("remove network " + network.value);
  if (recorded) {
    contents.networks.erase(network);
    contents.known_networks.erase(network);
    std::erase_if(contents.port_leases,
                  [&](auto const& entry) { return entry.first.first == network; });
    std::erase_if(contents.routes,
                  [&](ProxyRoute const& route) { return route.network == network; });
    std::erase_if(contents.endpoints,
                  [&](auto const& entry) { return entry.second.network == network; });
  }
  return recorded;
}

Result<void> FakeStore::save(Endpoint const& endpoint) {
  if (Result<void> const recorded = record("save endpoint " + endpoint.id.value); !recorded) {
    return recorded;
  }
  if (!contents.networks.contains(endpoint.network)) {
    return fail(Errc::store, "no network " + endpoint.network.value);
  }
  contents.endpoints[endpoint.id] = endpoint;
  return {};
}

Result<void> FakeStore::remove(EndpointId const& endpoint) {
  Result<void> recorded = record("remove endpoint " + endpoint.value);
  if (recorded) {
    contents.endpoints.erase(endpoint);
    std::erase_if(contents.routes,
                  [&](ProxyRoute const& route) { return route.endpoint == endpoint; });
  }
  return recorded;
}

}  // namespace drawbridge
