#include "ipam/host_route_index.h"

#include <algorithm>
#include <iterator>

namespace drawbridge {
namespace {

bool blocks(HostRoute const& route, Carving const& carving) {
  bool const is_default = route.prefix.length == 0;
  if (is_default || !route.prefix.overlaps(carving.supply)) {
    return false;
  }
  if (route.kind == RouteKind::network || carving.policy != HostRoutePolicy::avoid) {
    return route.kind == RouteKind::network;
  }
  bool const is_narrow =
      route.prefix.length > carving.supply.length || route.prefix.length >= carving.length;
  return route.kind == RouteKind::connected || is_narrow;
}

}  // namespace

void HostSpace::update(HostRoutes const& routes) {
  if (generation_ == routes.generation) {
    return;
  }
  routes_ = routes.foreign;
  generation_ = routes.generation;
  avoided_.clear();
}

std::vector<HostRoute> HostSpace::in_the_way_of(Carving const& carving) const {
  std::vector<HostRoute> found;
  std::copy_if(routes_.begin(), routes_.end(), std::back_inserter(found),
               [&](HostRoute const& route) { return blocks(route, carving); });
  return found;
}

std::vector<HostRoute> HostSpace::overlooked_by(Carving const& carving,
                                                IpPrefix const& subnet) const {
  std::vector<HostRoute> found =
      in_the_way_of({carving.supply, carving.length, HostRoutePolicy::avoid});
  std::erase_if(found, [&](HostRoute const& route) {
    return blocks(route, carving) || !route.prefix.overlaps(subnet);
  });
  return found;
}

std::optional<HostRoute> HostSpace::overruled_by(Carving const& carving) const {
  auto const found = std::find_if(routes_.begin(), routes_.end(), [&](HostRoute const& route) {
    return route.prefix.length > 0 && route.prefix.contains(carving.supply) &&
           !blocks(route, carving);
  });
  return found == routes_.end() ? std::nullopt : std::optional(*found);
}

std::optional<HostRoute> HostSpace::around(IpPrefix const& subnet) const {
  auto const found = std::find_if(routes_.begin(), routes_.end(), [&](HostRoute const& route) {
    return route.prefix.length > 0 && route.prefix.length < subnet.length &&
           route.prefix.contains(subnet);
  });
  return found == routes_.end() ? std::nullopt : std::optional(*found);
}

IntervalSet const& HostSpace::avoided_by(Carving const& carving) {
  auto const [entry, is_new] = avoided_.try_emplace(carving);
  if (is_new) {
    for (HostRoute const& route : in_the_way_of(carving)) {
      entry->second.insert(route.prefix.first().bits, route.prefix.last().bits);
    }
  }
  return entry->second;
}

std::optional<IpPrefix> own_overlap(std::set<IpPrefix> const& own, IpPrefix const& subnet) {
  auto const after = own.upper_bound({subnet.last(), bits_of(subnet.family())});
  if (after == own.begin() || !std::prev(after)->overlaps(subnet)) {
    return std::nullopt;
  }
  return *std::prev(after);
}

}  // namespace drawbridge
