#include "ipam/ipam.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>

namespace drawbridge {
namespace {

/// returns  the id of the pool that a swarm manager asks for again after it started again
std::optional<PoolId> remembered_by_swarm(PoolRequest const& request) {
  if (request.address_space != global_address_space || !request.prefix) {
    return std::nullopt;
  }
  return pool_id(request.address_space, *request.prefix, request.sub_pool);
}

/// More than networks that are made at one moment, fewer than anybody wants to wait for.
constexpr std::ptrdiff_t most_refused = 64;

}  // namespace

Ipam::Ipam(PoolConfig config, Store& store)
    : store_(store), reuse_delay_(config.reuse_delay), table_(std::move(config)) {}

Result<void> Ipam::load() {
  Result<std::vector<Pool>> const pools = store_.load_pools();
  if (!pools) {
    return fail(pools.error().within("load pools"));
  }
  Result<std::vector<Lease>> const leases = store_.load_leases();
  if (!leases) {
    return fail(leases.error().within("load leases"));
  }
  for (Pool const& pool : *pools) {
    table_.add(pool);
    pools_.emplace(pool.id, pool).first->second.avoid(collisions_.parts_taken(pool.prefix));
  }
  for (Lease const& lease : *leases) {
    auto const pool = pools_.find(lease.pool);
    if (pool == pools_.end()) {
      invalidate();
      return fail(Errc::store, "load leases: " + lease.address.to_string() +
                                   " belongs to unknown pool " + lease.pool.value);
    }
    pool->second.put(lease);
  }
  is_loaded_ = true;
  return {};
}

void Ipam::configure(PoolConfig config) {
  reuse_delay_ = config.reuse_delay;
  table_.configure(std::move(config));
}

void Ipam::invalidate() {
  for (auto const& [id, pool] : pools_) {
    table_.remove(pool.pool());
  }
  pools_.clear();
  is_loaded_ = false;
}

/// Without knowing what is leased, nothing can be leased.
Result<void> Ipam::ensure_loaded() {
  return is_loaded_ ? Result<void>() : load();
}

Result<PoolGrant> Ipam::request_pool(PoolRequest const& request, HostRoutes const& host_routes) {
  if (Result<void> const loaded = ensure_loaded(); !loaded) {
    return fail(loaded.error());
  }
  if (std::optional<PoolId> const id = remembered_by_swarm(request)) {
    if (auto const known = pools_.find(*id); known != pools_.end()) {
      return PoolGrant{known->second.pool(), {}};
    }
  }
  routes_.update(host_routes);
  Result<PoolGrant> grant = table_.choose(request, {routes_, host_routes.own});
  if (!grant) {
    return grant;
  }
  Pool const& pool = grant->pool;
  if (Result<void> const useful = end_of_asking(request, pool.prefix); !useful) {
    return fail(useful.error());
  }
  if (Result<void> const saved = store_.save(pool); !saved) {
    return fail(saved.error().within("lease subnet " + pool.prefix.to_string()));
  }
  table_.add(pool);
  AddressPool& added = pools_.emplace(pool.id, pool).first->second;
  added.avoid(collisions_.parts_taken(pool.prefix));
  return grant;
}

/// Engines before 29 turn a subnet of our choice down when any route of the host overlaps it, keep
/// it and ask for the next. One that takes a subnet asks for its gateway at once. So a row of
/// subnets without an address, all inside of one route, is an engine that will take none.
Result<void> Ipam::end_of_asking(PoolRequest const& request, IpPrefix const& subnet) const {
  std::optional<HostRoute> const route = routes_.around(subnet);
  if (!route || !wants_any_subnet(request) || request.address_space != local_address_space) {
    return {};
  }
  auto const refused = std::count_if(pools_.begin(), pools_.end(), [&](auto const& entry) {
    return entry.second.leases() == 0 && route->prefix.contains(entry.second.pool().prefix);
  });
  if (refused < most_refused) {
    return {};
  }
  return fail(
      Errc::exhausted,
      fmt::format("subnet {} is free, but docker has turned down {} like it: engines before "
                  "29 take none inside of a route, as {} is; give one by --subnet, or name "
                  "a pool outside of it with --ipam-opt pool=NAME",
                  subnet.to_string(), refused, text_of(*route)));
}

RouteCollisionChanges Ipam::look_at(HostRoutes const& host_routes) {
  if (!is_loaded_ || collisions_.is_current(host_routes)) {
    return {};
  }
  std::vector<IpPrefix> subnets;
  subnets.reserve(pools_.size());
  for (auto const& [id, pool] : pools_) {
    subnets.push_back(pool.pool().prefix);
  }
  RouteCollisionChanges changes = collisions_.update(std::move(subnets), host_routes);
  for (auto& [id, pool] : pools_) {
    pool.avoid(collisions_.parts_taken(pool.pool().prefix));
  }
  return changes;
}

Result<void> Ipam::release_pool(PoolId const& id) {
  if (Result<void> loaded = ensure_loaded(); !loaded) {
    return loaded;
  }
  auto const found = pools_.find(id);
  if (found == pools_.end()) {
    return {};
  }
  if (Result<void> const removed = store_.remove(id); !removed) {
    return fail(removed.error().within("release pool " + id.value));
  }
  table_.remove(found->second.pool());
  pools_.erase(found);
  return {};
}

Result<IpPrefix> Ipam::request_address(AddressRequest const& request) {
  if (Result<void> const loaded = ensure_loaded(); !loaded) {
    return fail(loaded.error());
  }
  auto const found = pools_.find(request.pool);
  if (found == pools_.end()) {
    return fail(Errc::not_found,
                "no pool " + request.pool.value + ": it was released or never requested");
  }
  AddressPool& pool = found->second;
  int const length = pool.pool().prefix.length;
  if (std::optional<IpAddress> const again = pool.repeated(request)) {
    return IpPrefix{*again, length};
  }
  Result<IpAddress> const address = pool.choose(request);
  if (!address) {
    return fail(address.error());
  }
  Lease const lease = pool.lease_for(request, *address);
  if (Result<void> const saved = store_.save(lease); !saved) {
    return fail(saved.error().within("lease address " + address->to_string()));
  }
  pool.put(lease);
  return IpPrefix{*address, length};
}

Result<void> Ipam::release_address(PoolId const& id, IpAddress const& address, WallTime now) {
  if (Result<void> loaded = ensure_loaded(); !loaded) {
    return loaded;
  }
  auto const found = pools_.find(id);
  std::optional<Lease> lease = found == pools_.end() ? std::nullopt : found->second.held(address);
  if (!lease) {
    return {};
  }
  Result<void> const released = lease->kind == AddressKind::gateway
                                    ? forget(found->second, address)
                                    : remember(found->second, std::move(*lease), now);
  return released ? released
                  : fail(released.error().within("release address " + address.to_string()));
}

/// Nobody but the same network asks for its gateway again: there is no order to keep.
Result<void> Ipam::forget(AddressPool& pool, IpAddress const& address) {
  Result<void> removed = store_.remove(Lease{pool.pool().id, address});
  if (removed) {
    pool.forget(address);
  }
  return removed;
}

Result<void> Ipam::remember(AddressPool& pool, Lease lease, WallTime now) {
  lease.released_at = pool.release_time(now);
  if (Result<void> saved = store_.save(lease); !saved) {
    return saved;
  }
  pool.put(lease);
  std::optional<IpAddress> const oldest = pool.forgettable(now, reuse_delay_);
  return oldest ? forget(pool, *oldest) : Result<void>();
}

void Ipam::learn_owner(IpPrefix const& address, std::string const& owner) {
  // With a range, the id goes on behind the subnet.
  PoolId const id = pool_id(std::string(local_address_space), address.network(), std::nullopt);
  auto const found = pools_.lower_bound(id);
  if (found == pools_.end() || found->second.pool().prefix != address.network()) {
    return;
  }
  std::optional<Lease> lease = found->second.held(address.address);
  if (lease && lease->owner.empty()) {
    lease->owner = owner;
    found->second.put(*lease);
  }
}

std::vector<PoolReport> Ipam::explain(HostRoutes const& host_routes) {
  routes_.update(host_routes);
  return table_.explain({routes_, host_routes.own});
}

std::vector<Ipam::Usage> Ipam::usage() const {
  std::vector<Usage> usage;
  usage.reserve(pools_.size());
  for (auto const& [id, pool] : pools_) {
    usage.push_back({pool.pool(), pool.leases()});
  }
  return usage;
}

std::vector<Lease> Ipam::leases() const {
  std::vector<Lease> leases;
  for (auto const& [id, pool] : pools_) {
    std::vector<Lease> const held = pool.held();
    leases.insert(leases.end(), held.begin(), held.end());
  }
  return leases;
}

}  // namespace drawbridge
