// What this host routes already, as address allocation sees it: which routes a subnet must not
// meet. Pure; kernel routes come in as values.
//
// A network of another driver always counts. What else counts follows the pool's policy; with
// `avoid` it is a network that the host is connected to, and a route behind a next hop that is
// narrower than what we hand out from, or no wider than the subnet itself: a VPN that
// takes 10.0.0.0/8 is meant to be overruled by the subnets of this host, one that
// takes 10.249.7.0/24 is not. Default routes never count.
#pragma once

#include "ipam/interval_set.h"
#include "model/pool.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <vector>

namespace drawbridge {

/// Subnets of `length` from `supply`. One that the user names is its own supply.
struct Carving {
  IpPrefix supply;
  int length = 0;
  HostRoutePolicy policy = HostRoutePolicy::avoid;

  auto operator<=>(Carving const&) const = default;
};

class HostSpace {
 public:
  /// Takes the routes over; nothing to do when their generation is that of the last call.
  void update(HostRoutes const& routes);

  /// returns  the routes that make subnets of this carving unusable
  std::vector<HostRoute> in_the_way_of(Carving const& carving) const;

  /// returns  the routes that `avoid` would keep `subnet` of this carving from, and its policy does
  ///          not
  std::vector<HostRoute> overlooked_by(Carving const& carving, IpPrefix const& subnet) const;

  /// returns  a route that holds the whole supply and is to be overruled by it
  std::optional<HostRoute> overruled_by(Carving const& carving) const;

  /// returns  a route that holds `subnet` and more; not a default route
  std::optional<HostRoute> around(IpPrefix const& subnet) const;

  /// returns  the space that this carving must step over; made once a generation
  IntervalSet const& avoided_by(Carving const& carving);

 private:
  std::vector<HostRoute> routes_;
  std::optional<std::uint64_t> generation_;
  std::map<Carving, IntervalSet> avoided_;
};

/// What of this host a subnet must keep clear of, for one call.
struct HostUse {
  HostSpace& foreign;
  std::set<IpPrefix> const& own;  // as HostRoutes::own
};

/// own       none of them inside another
/// returns   the one that overlaps `subnet`, the highest of several
std::optional<IpPrefix> own_overlap(std::set<IpPrefix> const& own, IpPrefix const& subnet);

}  // namespace drawbridge
