// Routes of others that came to lie on subnets we have leased: a VPN that was dialled, a network
// that another driver made. What a collision means for the subnet is for the caller to say. Pure.
//
// What collides is what the policy `avoid` would turn a new network down for: an address that the
// host has in the subnet or around it, and a route no wider than the subnet. A wider one is
// overruled by the subnet's own route, and does it no harm.
#pragma once

#include "model/pool.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {

struct RouteCollision {
  IpPrefix subnet;
  HostRoute route;

  auto operator<=>(RouteCollision const&) const = default;
};

struct RouteCollisionChanges {
  std::vector<RouteCollision> begun;
  std::vector<RouteCollision> ended;
};

class RouteCollisions {
 public:
  /// returns  true when update() would do nothing, so that no subnets need to be gathered for it
  bool is_current(HostRoutes const& routes) const { return generation_ == routes.generation; }

  /// Looks again when the generation is another than at the last call. Subnets that are leased or
  /// released in between count from the next generation on.
  ///
  /// subnets  the leased ones, without host bits; in any order
  /// returns  what differs from the last time, each part ordered by subnet
  RouteCollisionChanges update(std::vector<IpPrefix> subnets, HostRoutes const& routes);

  /// returns  what routes inside `subnet`, which need not be leased, take away from it: disjoint
  ///          prefixes in ascending order. A route as wide as the subnet or wider takes nothing:
  ///          the network is to go on.
  std::vector<IpPrefix> parts_taken(IpPrefix const& subnet) const;

 private:
  void take_over(HostRoutes const& routes);
  std::set<RouteCollision> find(std::vector<IpPrefix> const& subnets) const;
  bool is_on_own_bridge(HostRoute const& route, IpPrefix const& subnet) const;

  std::optional<std::uint64_t> generation_;
  std::vector<HostRoute> routes_;                           // ascending
  std::set<std::pair<IpPrefix, std::string>> own_bridges_;  // by subnet: maybe its network's bridge
  std::set<RouteCollision> collisions_;
};

}  // namespace drawbridge
