// What Docker does not have any more without having said so: networks, endpoints and leases.
//
// Compares and decides only; the caller asks Docker and releases. What is ours and what Docker
// lists come in as values. Pure. source: docs/PROTOCOL.md "IPAM"; docs/adr/0028
#pragma once

#include "ipam/leftovers.h"
#include "model/docker.h"
#include "model/ids.h"
#include "model/pool.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace drawbridge {

/// What is ours because Docker asked for it once.
struct Holdings {
  std::map<NetworkId, std::set<EndpointId>> networks;
  std::vector<Pool> pools;
  std::vector<Lease> leases;

  bool empty() const { return networks.empty() && pools.empty(); }
};

/// What of it Docker does not have.
struct Gone {
  std::vector<NetworkId> networks;  // with all their endpoints
  std::vector<std::pair<NetworkId, EndpointId>> endpoints;
  Leftovers leases;

  bool empty() const { return networks.empty() && endpoints.empty() && leases.empty(); }
  bool operator==(Gone const&) const = default;
};

/// returns  what of `ours` this look does not show, in its order
Gone find_gone(Holdings const& ours, DockerInventory const& look);

/// returns  true when there are several networks of ours and the look shows none of them; where
///          there is at most one, the same of subnets. A single one may well be gone; of several,
///          one should be left.
bool is_another_engine(Holdings const& ours, DockerInventory const& look);

/// returns  the networks that have to be asked about before the look counts, because it does not
///          show them, an endpoint or an address of ours. None by the word of another engine.
std::set<NetworkId> find_doubtful(Holdings const& ours, DockerInventory const& look);

/// Decides what is released: what two successive looks did not show, and nobody asked for, changed
/// or gave back since the look before the first of them.
class GoneWatch {
 public:
  /// Says that Docker asked for something about it: it is not gone, whatever the next look shows.
  void touched(NetworkId const& network);
  void touched(NetworkId const& network, EndpointId const& endpoint);
  /// And so are the pool's addresses.
  void touched(PoolId const& pool);
  /// And so is its pool.
  void touched(PoolId const& pool, IpAddress const& address);

  /// Says that a look failed: what the one before it showed counts no more.
  void missed();

  struct Verdict {
    Gone release;
    bool is_suspicious = false;          // another look soon may release more
    std::optional<std::string> warning;  // that the engine is likely not the one that asks us
    std::optional<std::string> news;     // that it is, after all
  };
  /// Takes in a look that saw all of Docker.
  ///
  /// ours     at this moment
  /// returns  what to release at once, before another request is answered
  Verdict take(Holdings const& ours, DockerInventory const& look);

 private:
  using Address = std::pair<PoolId, IpAddress>;
  using Thing = std::variant<NetworkId, EndpointId, PoolId, Address>;

  static std::set<Thing> things_in(Gone const& gone);
  static Gone only(Gone gone, std::set<Thing> const& kept);
  static bool covers(std::set<Thing> const& touched, Thing const& thing);
  void forget_touched();
  Verdict distrust(Holdings const& ours);

  std::set<Thing> touched_;         // since the last look, or the last that failed
  std::set<Thing> touched_before_;  // and since the one before it, when the last one failed
  std::set<Thing> missing_;         // at the last look, and untouched before it
  int foreign_looks_ = 0;           // in a row, by the word of another engine
};

}  // namespace drawbridge
