#include "driver/route_elements.h"

#include "netlink/nft/skeleton.h"

namespace drawbridge {

std::optional<IpAddress> end_of(ProxyRoute const& route, Endpoint const& endpoint) {
  std::optional<IpPrefix> const& own =
      route.from.family == Family::ipv4 ? endpoint.ipv4 : endpoint.ipv6;
  return own ? std::optional(own->address) : std::nullopt;
}

void add_route_elements(std::set<Element>& elements, Endpoint const& endpoint,
                        std::set<ProxyRoute> const& routes) {
  if (!endpoint.joined) {
    return;
  }
  auto route = routes.lower_bound({endpoint.network, endpoint.id, {}, {}});
  for (; route != routes.end() && route->network == endpoint.network &&
         route->endpoint == endpoint.id;
       ++route) {
    bool const is_ipv4 = route->from.family == Family::ipv4;
    if (std::optional<IpAddress> const end = end_of(*route, endpoint)) {
      elements.insert(
          {is_ipv4 ? nft_set::proxied4 : nft_set::proxied6, {route->bridge, route->from, *end}});
    }
  }
}

}  // namespace drawbridge
