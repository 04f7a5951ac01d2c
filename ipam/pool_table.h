// Which subnets are leased in each address space, and which comes next.
//
// Decides only; the caller stores the answer and then says add(). Finding the next free subnet
// takes one step for each stretch of taken space it meets, however many subnets that holds. Pure.
#pragma once

#include "base/result.h"
#include "ipam/host_route_index.h"
#include "ipam/interval_set.h"
#include "ipam/obstacles.h"
#include "ipam/pool_report.h"
#include "ipam/pool_rules.h"
#include "model/pool.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {

class PoolTable {
 public:
  explicit PoolTable(PoolConfig config);

  /// Replaces the configuration; what is leased stays leased, in whatever pool it lies now.
  void configure(PoolConfig config);

  /// Picks the subnet that `request` names, or the next free one of its source.
  ///
  /// errors  as Ipam::request_pool, but for the store
  Result<PoolGrant> choose(PoolRequest const& request, HostUse const& host) const;

  /// returns  how full each configured pool is, in their order, once for each family it has
  std::vector<PoolReport> explain(HostUse const& host) const;

  void add(Pool const& pool);
  void remove(Pool const& pool);

 private:
  struct Space {
    std::map<AddressBits, IpPrefix> leased;  // by first address; they never overlap
    IntervalSet taken;                       // the same, with neighbours joined
  };
  /// A subnet, what it was cut from, and what its owner should know.
  struct Choice {
    IpPrefix prefix;
    Carving carving;
    std::vector<std::string> warnings;
  };

  Result<Choice> choose_prefix(PoolRequest const& request, HostUse const& host) const;
  Result<Choice> take_named(PoolRequest const& request, HostUse const& host) const;
  Result<void> check_free(PoolRequest const& request, HostUse const& host) const;
  Result<Choice> carve(PoolRequest const& request, HostUse const& host) const;
  std::optional<Choice> next_free(CarveStep const& step, HostUse const& host) const;
  Obstacles leased_in(Carving const& carving, HostUse const& host) const;
  bool keeps_back(IpPrefix const& prefix) const;
  std::optional<IpPrefix> leased_overlap(std::string const& address_space,
                                         IpPrefix const& prefix) const;
  PoolReport report(CarveStep const& step, HostUse const& host) const;
  void count(Carving const& carving, HostUse const& host, PoolReport& report) const;
  Error exhausted(std::vector<CarveStep> const& order, HostUse const& host) const;

  PoolConfig config_;
  std::map<std::pair<std::string, Family>, Space> spaces_;
};

}  // namespace drawbridge
