// What rtnetlink's messages say about the host's routes, put together. No I/O.
//
// Internal to this folder (libnl types). source: linux/rtnetlink.h, fib_notify and rtmsg_fib of the
// kernel
#pragma once

#include "model/pool.h"
#include "netlink/route_message.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {

/// One route by one next hop; a route with several next hops is several of these.
struct RouteEntry {
  std::uint32_t link = 0;  // index; comes first, so that the routes of a link stand together
  IpPrefix prefix;
  std::uint32_t priority = 0;
  std::uint8_t tos = 0;
  std::optional<IpAddress> next_hop;
  std::optional<IpAddress> source;  // the address of this host that the route prefers
  std::uint32_t mtu_bytes = 0;      // 0: the link's
  bool by_kernel = false;           // because an address has this prefix
  bool one_of_many = false;

  auto operator<=>(RouteEntry const&) const = default;
};

/// returns  the entries of an RTM_NEWROUTE or RTM_DELROUTE message that lead somewhere: unicast, of
///          the main table, not a cached copy
std::vector<RouteEntry> parse_route(nlmsghdr* message);

class RouteTable {
 public:
  void clear();
  /// Takes in one message of a list, of links or of routes.
  void add(nlmsghdr* message);
  /// Takes in one event.
  void apply(nlmsghdr* event);
  /// To be called when no event is left.
  ///
  /// returns  false when the kernel told only the half of what happened: clear and list again
  bool settle();

  std::vector<HostRoute> host_routes() const;
  /// returns  interfaces that carry a default route or a route by a next hop
  std::set<std::string> default_route_interfaces() const;

 private:
  void apply_new_route(nlmsghdr* event);
  void apply_removed_route(nlmsghdr* event);
  void apply_link(nlmsghdr* event);
  void forget_routes_by(std::uint32_t link);

  std::set<RouteEntry> entries_;
  std::map<std::uint32_t, std::string> link_names_;
  std::set<IpAddress> removed_addresses_;
  bool unclear_ = false;
};

}  // namespace drawbridge
