#include "ipam/host_route_index.h"

#include <algorithm>

namespace drawbridge {
namespace {

bool is_default(HostRoute const& route) {
  return route.prefix.length == 0;
}

/// Whether `route` stands in the way of subnets of `length` bits inside `supply`.
bool blocks(HostRoute const& route, IpPrefix const& supply, int length) {
  bool const is_narrow = route.prefix.length > supply.length || route.prefix.length >= length;
  return !is_default(route) && route.prefix.overlaps(supply) &&
         (route.kind != RouteKind::routed || is_narrow);
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

std::optional<HostRoute> HostSpace::conflict_with(IpPrefix const& subnet) const {
  auto const found = std::find_if(routes_.begin(), routes_.end(), [&](HostRoute const& route) {
    return blocks(route, subnet, subnet.length);
  });
  return found == routes_.end() ? std::nullopt : std::optional(*found);
}

IntervalSet const& HostSpace::avoided_in(IpPrefix const& supply, int length) {
  auto const [entry, is_new] = avoided_.try_emplace({supply, length});
  if (!is_new) {
    return entry->second;
  }
  for (HostRoute const& route : routes_) {
    if (blocks(route, supply, length)) {
      entry->second.insert(route.prefix.first().bits, route.prefix.last().bits);
    }
  }
  return entry->second;
}

}  // namespace drawbridge
