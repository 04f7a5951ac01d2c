// What this host routes already, as address allocation sees it: which routes a subnet must not
// meet. Pure; kernel routes come in as values.
//
// A route that the host is connected to always counts. One behind a next hop counts where it is
// narrower than what we hand out from, or no wider than the subnet itself: a VPN that
// takes 10.0.0.0/8 is meant to be overruled by the subnets of this host, one that
// takes 10.249.7.0/24 is not. Default routes never count.
#pragma once

#include "ipam/interval_set.h"
#include "model/pool.h"

#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

namespace drawbridge {

class HostSpace {
 public:
  /// Takes the routes over; nothing to do when their generation is that of the last call.
  void update(HostRoutes const& routes);

  /// returns  a route that makes `subnet` unusable for a network
  std::optional<HostRoute> conflict_with(IpPrefix const& subnet) const;

  /// returns  the space that carving subnets of this length from `supply` must step over; made once
  ///          a generation
  IntervalSet const& avoided_in(IpPrefix const& supply, int length);

 private:
  std::vector<HostRoute> routes_;
  std::optional<std::uint64_t> generation_;
  std::map<std::pair<IpPrefix, int>, IntervalSet> avoided_;  // by supply and length
};

}  // namespace drawbridge
