// Leases that Docker does not hold any more: what it released while nobody listened.
//
// Compares one look only; when that is enough decides plugin/gone_watch.h. Pure.
// source: docs/PROTOCOL.md "IPAM"
#pragma once

#include "model/docker.h"
#include "model/pool.h"

#include <vector>

namespace drawbridge {

struct Leftovers {
  std::vector<PoolId> pools;     // with all their addresses
  std::vector<Lease> addresses;  // of pools that Docker holds

  bool empty() const { return pools.empty() && addresses.empty(); }
  bool operator==(Leftovers const&) const = default;
};

/// Docker holds a pool when a network of any driver has exactly its subnet, and in such a pool
/// every gateway and each address that those networks list. Pools of the global address space are a
/// swarm manager's: no network of this host need have them, and they are never left over.
///
/// returns  what of `pools` and `leases` Docker does not hold, in their order
Leftovers find_leftovers(std::vector<Pool> const& pools, std::vector<Lease> const& leases,
                         DockerInventory const& docker);

/// returns  true where the network has this subnet, or may have it
bool may_have(DockerNetwork const& network, IpPrefix const& subnet);

}  // namespace drawbridge
