// Containers with one way out by IPv4 and another by IPv6: engines from 28 on may choose so, and
// hand the whole list of ports to both. To that by IPv4 they say so; that by IPv6 is known by the
// other's having ports. source: docs/PROTOCOL.md "Network driver"
#include "driver/driver.h"
#include "driver/port_hold.h"
#include "driver/port_scope.h"

#include <algorithm>
#include <utility>

namespace drawbridge {

/// returns  endpoints of the same container that have ports
std::vector<Endpoint*> Driver::other_ways_out(EndpointId const& id) {
  auto const own = sandboxes_.find(id);
  std::vector<Endpoint*> others;
  if (own == sandboxes_.end()) {
    return others;
  }
  for (auto& [network, entry] : networks_) {
    for (auto& [other_id, endpoint] : entry.endpoints) {
      auto const sandbox = sandboxes_.find(other_id);
      bool const is_sibling =
          other_id != id && sandbox != sandboxes_.end() && sandbox->second == own->second;
      if (is_sibling && !endpoint.ports.empty()) {
        others.push_back(&endpoint);
      }
    }
  }
  return others;
}

/// Leaves the family to another endpoint of the container. What goes on for the other one is held
/// by a socket of its own.
Result<void> Driver::leave_family(Endpoint& endpoint, Family family) {
  Entry& entry = networks_.at(endpoint.network);
  PortTaking taking(ports_);
  Publication publication{endpoint};
  publication.after.ports.clear();
  Result<void> done;
  for (PublishedPort const& port : endpoint.ports) {
    std::optional<PublishedPort> const kept =
        narrowed(port, family == Family::ipv4 ? Family::ipv6 : Family::ipv4);
    if (done && kept && *kept != port && kept->has_host_ports()) {
      taking.give_up(hold_of(entry.network, endpoint, port));
      done = taking.take(hold_of(entry.network, endpoint, *kept));
    }
    if (kept) {
      publication.after.ports.push_back(*kept);
    }
  }
  std::sort(publication.after.ports.begin(), publication.after.ports.end());
  done = done ? put_in_force(entry, endpoint, publication) : done;
  return done ? done : give_back(endpoint, taking, done.error());
}

/// returns  the request with the family that is left to the endpoint
Result<PublishRequest> Driver::share_families(PublishRequest request) {
  std::vector<Endpoint*> const others = other_ways_out(request.endpoint);
  if (others.empty()) {
    return request;
  }
  request.only = request.only.value_or(Family::ipv6);
  for (Endpoint* const other : others) {
    if (Result<void> const left = leave_family(*other, *request.only); !left) {
      return fail(left.error());
    }
  }
  return request;
}

}  // namespace drawbridge
