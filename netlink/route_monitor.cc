#include "netlink/route_monitor.h"

#include "netlink/link_message.h"
#include "netlink/route_channel.h"
#include "netlink/route_table.h"

#include <netlink/errno.h>

#include <optional>
#include <utility>

#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

constexpr std::uint32_t mtu_without_default_route = 1500;
// When routes change faster than they are read, the last reading has to do until the next look.
constexpr int read_attempts = 3;

rtmsg header_for(Family family) {
  rtmsg header{};
  header.rtm_family = family == Family::ipv4 ? AF_INET : AF_INET6;
  return header;
}

RouteMessage list_routes(Family family) {
  rtmsg const header = header_for(family);
  RouteMessage message(RTM_GETROUTE, 0, header);
  // A namespace without routes may lack the whole table.
  message.put(RTA_TABLE, std::uint32_t{RT_TABLE_MAIN}).forgive(NLE_OBJ_NOTFOUND);
  return message;
}

/// Asks which route leads to an address that is on no network: one of those for documentation.
RouteMessage look_up_outside(Family family) {
  static IpAddress const outside4 = *IpAddress::parse("203.0.113.1");
  static IpAddress const outside6 = *IpAddress::parse("2001:db8::1");
  rtmsg header = header_for(family);
  header.rtm_dst_len = static_cast<unsigned char>(bits_of(family));
  header.rtm_flags = RTM_F_FIB_MATCH;
  RouteMessage message(RTM_GETROUTE, 0, header);
  message.put(RTA_DST, family == Family::ipv4 ? outside4 : outside6);
  return message;
}

}  // namespace

class RouteMonitor::State {
 public:
  State(RouteChannel events, RouteChannel requests)
      : events_(std::move(events)), requests_(std::move(requests)) {}

  Result<void> read_all();
  Result<void> catch_up();
  HostRoutes const& routes() { return table_.host_routes(); }
  std::set<std::string> default_route_interfaces() { return table_.default_route_interfaces(); }
  std::optional<std::uint32_t> default_mtu_bytes(Family family);
  bool take_disturbance() { return std::exchange(is_disturbed_, false); }
  int descriptor() const { return events_.descriptor(); }

 private:
  int list_all();
  int drain();
  std::optional<RouteEntry> default_route(Family family);

  RouteChannel events_;
  RouteChannel requests_;
  RouteTable table_;
  bool is_disturbed_ = false;
  bool is_complete_ = false;  // nothing is missing that is not still to be read from events_
};

/// returns  as RouteChannel::drain()
int RouteMonitor::State::drain() {
  int const code = events_.drain([this](nlmsghdr* event) {
    is_disturbed_ = is_disturbed_ || table_.is_about_ours(event);
    table_.apply(event);
  });
  is_disturbed_ = is_disturbed_ || code != 0;
  return code;
}

int RouteMonitor::State::list_all() {
  auto const add = [this](nlmsghdr* message) { table_.add(message); };
  auto const keep_going = [] {};
  table_.clear();
  int code = requests_.dump(link_message::list_links(), add, keep_going);
  for (Family const family : {Family::ipv4, Family::ipv6}) {
    code = code == 0 ? requests_.dump(list_routes(family), add, keep_going) : code;
  }
  return code;
}

/// What happens while the lists are read arrives as events too, and is taken in again afterwards.
Result<void> RouteMonitor::State::read_all() {
  is_complete_ = false;
  for (int attempt = 0; attempt < read_attempts && !is_complete_; ++attempt) {
    int const code = list_all();
    if (code != 0) {
      return fail(nl_error(code, "list routes"));
    }
    int const drained = drain();
    is_complete_ = table_.settle() && drained == 0;
  }
  return {};
}

Result<void> RouteMonitor::State::catch_up() {
  int const code = drain();
  bool const is_settled = table_.settle();
  return code == 0 && is_settled && is_complete_ ? Result<void>() : read_all();
}

std::optional<RouteEntry> RouteMonitor::State::default_route(Family family) {
  std::optional<RouteEntry> found;
  std::vector<RouteMessage> batch;
  batch.push_back(look_up_outside(family));
  // No route is an error code here, and says no more than an answer that does not come.
  requests_.run(batch, [&](nlmsghdr* answer) {
    std::vector<RouteEntry> const entries = parse_route(answer);
    if (!entries.empty() && entries.front().prefix.length == 0) {
      found = entries.front();
    }
  });
  return found;
}

std::optional<std::uint32_t> RouteMonitor::State::default_mtu_bytes(Family family) {
  std::optional<RouteEntry> const route = default_route(family);
  if (!route || route->mtu_bytes != 0) {
    return route ? std::optional(route->mtu_bytes) : std::nullopt;
  }
  std::optional<std::uint32_t> mtu_bytes;
  std::vector<RouteMessage> batch;
  batch.push_back(link_message::get_by_index(route->link));
  requests_.run(batch, [&](nlmsghdr* answer) {
    if (std::optional<Link> const link = link_message::parse_link(answer)) {
      mtu_bytes = link->mtu_bytes;
    }
  });
  return mtu_bytes;
}

RouteMonitor::RouteMonitor(std::unique_ptr<State> state) : state_(std::move(state)) {}
RouteMonitor::RouteMonitor(RouteMonitor&&) noexcept = default;
RouteMonitor& RouteMonitor::operator=(RouteMonitor&&) noexcept = default;
RouteMonitor::~RouteMonitor() = default;

Result<RouteMonitor> RouteMonitor::open() {
  Result<RouteChannel> events =
      RouteChannel::subscribe({RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR,
                               RTNLGRP_IPV4_ROUTE, RTNLGRP_IPV6_ROUTE, RTNLGRP_NEXTHOP});
  if (!events) {
    return fail(events.error());
  }
  Result<RouteChannel> requests = RouteChannel::open();
  if (!requests) {
    return fail(requests.error());
  }
  RouteMonitor monitor(std::make_unique<State>(std::move(*events), std::move(*requests)));
  Result<void> const read = monitor.state_->read_all();
  if (!read) {
    return fail(read.error());
  }
  return monitor;
}

Result<HostRoutes const*> RouteMonitor::current() {
  Result<void> const caught_up = state_->catch_up();
  if (!caught_up) {
    return fail(caught_up.error());
  }
  return &state_->routes();
}

Result<std::set<std::string>> RouteMonitor::default_route_interfaces() {
  Result<void> const caught_up = state_->catch_up();
  if (!caught_up) {
    return fail(caught_up.error());
  }
  return state_->default_route_interfaces();
}

bool RouteMonitor::take_disturbance() {
  return state_->take_disturbance();
}

int RouteMonitor::descriptor() const {
  return state_->descriptor();
}

Result<std::uint32_t> RouteMonitor::default_mtu_bytes() {
  for (Family const family : {Family::ipv4, Family::ipv6}) {
    if (std::optional<std::uint32_t> const mtu_bytes = state_->default_mtu_bytes(family)) {
      return *mtu_bytes;
    }
  }
  return mtu_without_default_route;
}

}  // namespace drawbridge
