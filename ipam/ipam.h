// Pools and addresses: request and release, in memory and in the store.
//
// Knows no kernel: what the host uses comes in as routes. Each answer is stored before it is given.
// source: libnetwork ipams/remote/api, docs/PROTOCOL.md "IPAM"
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "base/result.h"
#include "ipam/interval_set.h"
#include "model/pool.h"
#include "store/store.h"

namespace drawbridge {

class Ipam {
 public:
  /// store outlives the object.
  Ipam(PoolConfig config, Store& store);
  ~Ipam();

  /// Fills memory from the store. Once, before the first request.
  Result<void> load();

  /// Leases the subnet that `request` names, or carves the next free one from a pool source.
  ///
  /// host_routes  prefixes that this host uses; `generation` tells when they changed
  /// returns  the pool; its prefix has no host bits
  /// errors   invalid_argument   the subnet has host bits or an impossible length; the range is
  ///                             outside of it; unknown option or source name
  ///          conflict           overlaps another pool or a host route; the text names both sides
  ///          exhausted          nothing left in the source; the text says what to do
  ///          store              not written; nothing changed
  Result<Pool> request_pool(PoolRequest const& request, std::vector<HostRoute> const& host_routes,
                            std::uint64_t generation);

  /// Gives a pool and all its addresses back. An unknown pool is success.
  Result<void> release_pool(PoolId const& id);

  /// Leases `preferred`, or the gateway's place (the first address), or the lowest free address of
  /// the pool's range.
  ///
  /// returns  the address with the pool's prefix length: 10.249.1.2/24
  /// errors   not_found          no such pool
  ///          invalid_argument   `preferred` is outside the subnet, or its network or broadcast
  ///          already_exists     `preferred` is taken
  ///          exhausted          every address of the range is taken
  ///          store              not written; nothing changed
  Result<IpPrefix> request_address(PoolId const& id, std::optional<IpAddress> preferred,
                                   AddressKind kind);

  /// An unknown pool or a free address is success.
  Result<void> release_address(PoolId const& id, IpAddress const& address);

  struct Usage {
    Pool pool;
    std::uint64_t leases = 0;
  };
  /// returns  every leased pool with the number of its addresses in use
  std::vector<Usage> usage() const;
};

}  // namespace drawbridge
