// The host's main routing tables, kept current by what the kernel reports.
//
// Asking costs one look at a socket; a route that comes or goes costs its own message, and the list
// of foreign ones is made anew when it is one of those. Only where the kernel does not tell the
// whole story is the table read again. source: linux/rtnetlink.h
#pragma once

#include "base/result.h"
#include "netlink/kernel.h"

#include <memory>
#include <set>
#include <string>

namespace drawbridge {

class RouteMonitor {
 public:
  static Result<RouteMonitor> open();
  RouteMonitor(RouteMonitor&&) noexcept;
  RouteMonitor& operator=(RouteMonitor&&) noexcept;
  ~RouteMonitor();

  /// returns  IPv4 and IPv6 routes of the main tables to prefixes of unicast addresses. Not among
  ///          them: default routes, link-local prefixes, routes that refuse. Lives as long as this,
  ///          and changes with the next call.
  Result<HostRoutes const*> current();

  /// returns  what becomes readable when the kernel reports a change: of a link, a route or an
  ///          address, and so also of those that change nothing in `current`. Only to wait on.
  int descriptor() const;

  /// returns  true when something happened to a link of ours, or to an address of one, or perhaps.
  ///          Only what was taken in by the other functions counts, and only since the last call
  bool take_disturbance();

  /// returns  interfaces that carry a default route
  Result<std::set<std::string>> default_route_interfaces();

  /// returns  the MTU towards the default route of IPv4, or else of IPv6; 1500 without any
  Result<std::uint32_t> default_mtu_bytes();

 private:
  class State;
  explicit RouteMonitor(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace drawbridge
