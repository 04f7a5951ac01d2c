// Which subnets are leased in each address space, and which comes next.
//
// Decides only; the caller stores the answer and then says add(). Finding the next free subnet
// takes one step for each stretch of taken space it meets, however many subnets that holds. Pure.
#pragma once

#include "base/result.h"
#include "ipam/host_route_index.h"
#include "ipam/interval_set.h"
#include "ipam/pool_rules.h"
#include "model/pool.h"

#include <map>
#include <optional>
#include <string>
#include <utility>

namespace drawbridge {

class PoolTable {
 public:
  explicit PoolTable(PoolConfig config);

  /// Picks the subnet that `request` names, or the next free one of its source.
  ///
  /// errors  as Ipam::request_pool, but for the store
  Result<PoolGrant> choose(PoolRequest const& request, HostSpace& routes) const;

  void add(Pool const& pool);
  void remove(Pool const& pool);

 private:
  struct Space {
    std::map<AddressBits, IpPrefix> leased;  // by first address; they never overlap
    IntervalSet taken;                       // the same, with neighbours joined
  };

  Result<IpPrefix> choose_prefix(PoolRequest const& request, HostSpace& routes) const;
  Result<IpPrefix> take_named(PoolRequest const& request, HostSpace const& routes) const;
  Result<IpPrefix> carve(PoolRequest const& request, HostSpace& routes) const;
  std::optional<IpPrefix> next_free(IpPrefix const& supply, int length, HostSpace& routes) const;
  std::optional<IpPrefix> leased_overlap(std::string const& address_space,
                                         IpPrefix const& prefix) const;
  Error exhausted(CarveOrder const& order) const;

  PoolConfig config_;
  std::map<std::pair<std::string, Family>, Space> spaces_;
};

}  // namespace drawbridge
