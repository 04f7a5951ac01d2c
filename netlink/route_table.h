// What rtnetlink's messages say about the host's routes, put together. No I/O.
//
// Internal to this folder (libnl types). source: linux/rtnetlink.h, fib_notify and rtmsg_fib of the
// kernel
#pragma once

#include "model/pool.h"
#include "netlink/route_message.h"
#include "netlink/route_socket.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
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

/// The routes of our own links stand apart from all others: one that comes or goes costs the
/// logarithm of their number, and leaves the list of the others as it is.
class RouteTable {
 public:
  /// Forgets what was listed; the generation goes on.
  void clear();
  /// Takes in one message of a list, of links or of routes.
  void add(nlmsghdr* message);
  /// Takes in one event.
  void apply(nlmsghdr* event);
  /// To be called before the event is taken in.
  ///
  /// returns  true for an event about a link of ours, or about an address of one
  bool is_about_ours(nlmsghdr* event) const;
  /// To be called when no event is left.
  ///
  /// returns  false when the kernel told only the half of what happened: clear and list again
  bool settle();

  /// returns  what is known so far; lives as long as this and changes with it
  HostRoutes const& host_routes();
  /// returns  interfaces that carry a default route
  std::set<std::string> default_route_interfaces() const;

 private:
  struct LinkFacts {
    std::string name;
    bool is_bridge = false;
    bool is_ours = false;

    bool operator==(LinkFacts const&) const = default;
  };
  using Entries = std::set<RouteEntry>;

  void apply_new_route(nlmsghdr* event);
  void apply_removed_route(nlmsghdr* event);
  void apply_removed_address(LinkAddress const& removed);
  void apply_link(nlmsghdr* event);
  void set_link(std::uint32_t index, LinkFacts facts);
  bool is_own_link(std::uint32_t index) const;
  void forget_routes_by(std::uint32_t link);
  std::pair<Entries::const_iterator, Entries::const_iterator> routes_by(std::uint32_t link) const;

  void insert(RouteEntry const& entry);
  void erase(RouteEntry const& entry);
  void list(RouteEntry const& entry);
  void unlist(RouteEntry const& entry);
  static bool is_own(RouteEntry const& entry, LinkFacts const& link);
  static HostRoute described(RouteEntry const& entry, LinkFacts const& link);

  Entries entries_;
  std::map<std::uint32_t, LinkFacts> links_;
  std::set<std::pair<IpAddress, RouteEntry>> by_source_;
  std::multiset<std::uint32_t> default_links_;
  Entries doubtful_;  // may have gone with an address, and have not been heard of since
  bool unclear_ = false;

  // What host_routes() says, and how many entries say so.
  std::multiset<IpPrefix> own_;
  std::multiset<HostRoute> foreign_;
  bool foreign_touched_ = false;
  HostRoutes routes_;
};

}  // namespace drawbridge
