#include "ipam/route_collisions.h"

#include <algorithm>
#include <iterator>

namespace drawbridge {
namespace {

/// Of a route and a subnet that overlap.
bool collides(HostRoute const& route, IpPrefix const& subnet) {
  bool const is_default = route.prefix.length == 0;
  bool const is_wider = route.prefix.length < subnet.length;
  return !is_default && (route.kind != RouteKind::routed || !is_wider);
}

IpPrefix const& prefix_of(IpPrefix const& subnet) {
  return subnet;
}

IpPrefix const& prefix_of(HostRoute const& route) {
  return route.prefix;
}

/// Lets go of what does not reach as far as `next`.
template <class Item>
void close_before(std::vector<Item const*>& open, IpPrefix const& next) {
  while (!open.empty() && !prefix_of(*open.back()).contains(next)) {
    open.pop_back();
  }
}

/// Calls `meet(subnet, route)` for each pair that overlaps. Prefixes hold one another or lie apart:
/// in ascending order, all that are open at a prefix hold it. Both lists are in that order.
template <class Meet>
void for_each_overlap(std::vector<IpPrefix> const& subnets, std::vector<HostRoute> const& routes,
                      Meet meet) {
  std::vector<IpPrefix const*> open_subnets;
  std::vector<HostRoute const*> open_routes;
  auto subnet = subnets.begin();
  auto route = routes.begin();
  while (subnet != subnets.end() || route != routes.end()) {
    bool const is_subnet =
        route == routes.end() || (subnet != subnets.end() && *subnet < route->prefix);
    IpPrefix const& next = is_subnet ? *subnet : route->prefix;
    close_before(open_subnets, next);
    close_before(open_routes, next);
    if (is_subnet) {
      std::for_each(open_routes.begin(), open_routes.end(),
                    [&](HostRoute const* open) { meet(*subnet, *open); });
      open_subnets.push_back(&*subnet++);
    } else {
      std::for_each(open_subnets.begin(), open_subnets.end(),
                    [&](IpPrefix const* open) { meet(*open, *route); });
      open_routes.push_back(&*route++);
    }
  }
}

std::vector<RouteCollision> difference(std::set<RouteCollision> const& all,
                                       std::set<RouteCollision> const& without) {
  std::vector<RouteCollision> out;
  std::set_difference(all.begin(), all.end(), without.begin(), without.end(),
                      std::back_inserter(out));
  return out;
}

}  // namespace

RouteCollisionChanges RouteCollisions::update(std::vector<IpPrefix> subnets,
                                              HostRoutes const& routes) {
  if (is_current(routes)) {
    return {};
  }
  take_over(routes);
  std::sort(subnets.begin(), subnets.end());
  std::set<RouteCollision> now = find(subnets);
  RouteCollisionChanges changes{difference(now, collisions_), difference(collisions_, now)};
  collisions_ = std::move(now);
  return changes;
}

/// A network of Docker's own bridge driver may have its subnet from us: the bridge with just this
/// subnet is its own, unless that is a bridge of ours.
void RouteCollisions::take_over(HostRoutes const& routes) {
  generation_ = routes.generation;
  routes_ = routes.foreign;
  std::sort(routes_.begin(), routes_.end());
  own_bridges_.clear();
  for (HostRoute const& route : routes_) {
    if (route.kind == RouteKind::network && !routes.own.contains(route.prefix)) {
      own_bridges_.emplace(route.prefix, route.interface);
    }
  }
}

std::set<RouteCollision> RouteCollisions::find(std::vector<IpPrefix> const& subnets) const {
  std::set<RouteCollision> found;
  for_each_overlap(subnets, routes_, [&](IpPrefix const& subnet, HostRoute const& route) {
    if (collides(route, subnet) && !is_on_own_bridge(route, subnet)) {
      found.insert({subnet, route});
    }
  });
  return found;
}

bool RouteCollisions::is_on_own_bridge(HostRoute const& route, IpPrefix const& subnet) const {
  return own_bridges_.contains({subnet, route.interface});
}

std::vector<IpPrefix> RouteCollisions::parts_taken(IpPrefix const& subnet) const {
  std::vector<IpPrefix> parts;
  HostRoute const least{subnet, "", RouteKind::network};
  auto next = std::lower_bound(routes_.begin(), routes_.end(), least);
  for (; next != routes_.end() && subnet.contains(next->prefix); ++next) {
    bool const is_inside = next->prefix.length > subnet.length;
    bool const is_new = parts.empty() || !parts.back().contains(next->prefix);
    if (is_inside && is_new && !is_on_own_bridge(*next, subnet)) {
      parts.push_back(next->prefix);
    }
  }
  return parts;
}

}  // namespace drawbridge
