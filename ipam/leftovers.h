// Leases that Docker does not hold any more: what it released while nobody listened.
//
// Compares only; the caller asks Docker and releases. Looks come in as values. Pure.
// source: docs/PROTOCOL.md "IPAM"
#pragma once

#include "model/docker.h"
#include "model/pool.h"

#include <optional>
#include <set>
#include <string>
#include <utility>
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

/// Decides which leases of the daemon's start are left over: two successive looks must agree, and
/// nobody may have asked for or released them meanwhile.
class LeftoverWatch {
 public:
  /// What the store held at the start.
  LeftoverWatch(std::vector<Pool> pools, std::vector<Lease> leases);

  /// Says that Docker asked for or released the pool: it and its addresses are never left over.
  void touched(PoolId const& pool);
  /// Says that Docker asked for or released the address: neither it nor its pool is left over.
  void touched(PoolId const& pool, IpAddress const& address);

  struct Verdict {
    Leftovers release;
    std::optional<std::string> warning;  // that the engine is likely not the one that asks us
  };
  /// Takes in a look that saw all of Docker.
  ///
  /// returns  what to release at once, before another request is answered
  Verdict take(DockerInventory const& look);

  /// returns  true when no further look is of use
  bool is_finished() const { return finished_; }

 private:
  bool is_another_engine(DockerInventory const& look) const;
  Leftovers untouched(Leftovers all) const;

  std::vector<Pool> pools_;  // of the local address space
  std::vector<Lease> leases_;
  std::set<PoolId> untouched_pools_;
  std::set<std::pair<PoolId, IpAddress>> untouched_addresses_;
  std::optional<Leftovers> last_;  // what the last look left over
  bool finished_ = false;
};

}  // namespace drawbridge
