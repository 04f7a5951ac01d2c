// Pools and addresses: request and release, in memory and in the store.
//
// Knows no kernel: what the host uses comes in as routes. Each answer is stored before it is given.
// source: libnetwork ipams/remote/api, docs/PROTOCOL.md "IPAM"
#pragma once

#include "base/result.h"
#include "ipam/address_pool.h"
#include "ipam/address_space.h"
#include "ipam/host_route_index.h"
#include "ipam/pool_config.h"
#include "ipam/pool_table.h"
#include "ipam/route_collisions.h"
#include "model/pool.h"
#include "store/store.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drawbridge {

class Ipam {
 public:
  /// store outlives the object.
  Ipam(PoolConfig config, Store& store);

  /// Fills memory from the store. Requests do so where it is yet to be done; at start it is done
  /// before any, to see that the store is good.
  Result<void> load();
  /// Drops what memory has: changes that it knows of are not in the store after all.
  void invalidate();

  /// Replaces the pools to carve from; what is leased stays as it is.
  void configure(PoolConfig config);

  /// Leases the subnet that `request` names, or carves the next free one from a pool source. In the
  /// global address space asking again for a leased subnet gives the same pool again.
  ///
  /// returns  the pool, whose prefix has no host bits, and what its owner should be warned about
  /// errors   invalid_argument   the subnet has host bits or an impossible length; the range is
  ///                             outside of it; unknown option or source name
  ///          conflict           overlaps another pool or a host route; the text names both sides
  ///          exhausted          nothing left in the source, or nothing that the engine takes; the
  ///                             text says what to do
  ///          unsupported        an IPv6 subnet of our choice, without a pool that has any
  ///          store              not written; nothing changed
  Result<PoolGrant> request_pool(PoolRequest const& request, HostRoutes const& host_routes);

  /// Looks whether routes of others have come to lie on leased subnets, or went away again.
  /// Addresses keep clear of what such a route takes of a subnet, but for those that a name had
  /// before.
  ///
  /// returns  what changed since the last look; costs nothing when the routes did not
  RouteCollisionChanges look_at(HostRoutes const& host_routes);

  /// Gives a pool and all its addresses back. An unknown pool is success.
  Result<void> release_pool(PoolId const& id);

  /// Leases the address that the request names; else for a gateway the lowest free one of the
  /// subnet, which is its first; else the one that `owner` had before; else one of the range that
  /// was never used, the lowest; else the one that was released the longest ago. Asking again for
  /// the gateway that the pool has, and in the global address space for any address that is leased,
  /// gives it again.
  ///
  /// returns  the address with the pool's prefix length: 10.249.1.2/24
  /// errors   not_found          no such pool
  ///          invalid_argument   outside the subnet, or its network or broadcast address
  ///          already_exists     taken; the text says by whom, where that is known
  ///          exhausted          every address of the range is taken
  ///          store              not written; nothing changed
  Result<IpPrefix> request_address(AddressRequest const& request);

  /// Gives an address back. It is remembered, so that it comes last when another is handed out. An
  /// unknown pool or a free address is success.
  Result<void> release_address(PoolId const& id, IpAddress const& address, WallTime now);

  /// Notes which container holds an address, where the request did not say. Kept in memory, for
  /// error texts, and with the address when it is released.
  ///
  /// address  as its endpoint has it: 10.249.1.2/24
  void learn_owner(IpPrefix const& address, std::string const& owner);

  /// returns  how full each configured pool is
  std::vector<PoolReport> explain(HostRoutes const& host_routes);

  struct Usage {
    Pool pool;
    std::uint64_t leases = 0;
  };
  /// returns  every leased pool with the number of its addresses in use
  std::vector<Usage> usage() const;

  /// returns  every address that somebody holds
  std::vector<Lease> leases() const;

 private:
  Result<void> ensure_loaded();
  Result<void> end_of_asking(PoolRequest const& request, IpPrefix const& subnet) const;
  Result<void> forget(AddressPool& pool, IpAddress const& address);
  Result<void> remember(AddressPool& pool, Lease lease, WallTime now);

  Store& store_;
  std::chrono::milliseconds reuse_delay_;
  PoolTable table_;
  HostSpace routes_;
  RouteCollisions collisions_;
  std::map<PoolId, AddressPool> pools_;
  bool is_loaded_ = false;
};

}  // namespace drawbridge
