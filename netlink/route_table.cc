#include "netlink/route_table.h"

#include "netlink/link_message.h"

#include <algorithm>
#include <array>
#include <utility>

#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

using Attributes = std::array<nlattr*, RTA_MAX + 1>;

std::uint32_t number_in(nlattr const* attribute) {
  return attribute == nullptr ? 0 : nla_get_u32(attribute);
}

/// Without the attribute the prefix is that of a default route.
IpPrefix prefix_in(nlattr const* attribute, rtmsg const& header) {
  Family const family = header.rtm_family == AF_INET ? Family::ipv4 : Family::ipv6;
  IpAddress const none{family, 0};
  return {link_message::parse_ip(attribute).value_or(none), header.rtm_dst_len};
}

/// The next hop may be of the other family: IPv4 over an IPv6 neighbour, RFC 5549.
std::optional<IpAddress> next_hop_in(nlattr const* gateway, nlattr const* via) {
  if (via == nullptr) {
    return link_message::parse_ip(gateway);
  }
  auto const* const other = static_cast<rtvia const*>(nla_data(via));
  int const size = std::min(nla_len(via) - static_cast<int>(sizeof *other), 16);
  IpAddress address{other->rtvia_family == AF_INET ? Family::ipv4 : Family::ipv6, 0};
  for (int i = 0; i < size; ++i) {
    address.bits = (address.bits << 8) | other->rtvia_addr[i];
  }
  return address;
}

std::uint32_t mtu_in(nlattr* metrics) {
  std::array<nlattr*, RTAX_MAX + 1> values{};
  if (metrics != nullptr) {
    nla_parse_nested(values.data(), RTAX_MAX, metrics, nullptr);
  }
  return number_in(values[RTAX_MTU]);
}

RouteEntry with_hop(RouteEntry route, rtnexthop* hop) {
  Attributes attributes{};
  int const size = hop->rtnh_len - static_cast<int>(RTNH_LENGTH(0));
  nla_parse(attributes.data(), RTA_MAX, reinterpret_cast<nlattr*>(RTNH_DATA(hop)), size, nullptr);
  route.link = static_cast<std::uint32_t>(hop->rtnh_ifindex);
  route.next_hop = next_hop_in(attributes[RTA_GATEWAY], attributes[RTA_VIA]);
  route.one_of_many = true;
  return route;
}

std::vector<RouteEntry> entries_by_hop(RouteEntry const& route, nlattr const* hops) {
  std::vector<RouteEntry> entries;
  auto* hop = static_cast<rtnexthop*>(nla_data(hops));
  int left = nla_len(hops);
  while (left >= static_cast<int>(sizeof *hop) && RTNH_OK(hop, left)) {
    entries.push_back(with_hop(route, hop));
    left -= static_cast<int>(RTNH_ALIGN(hop->rtnh_len));
    hop = RTNH_NEXT(hop);
  }
  return entries;
}

bool leads_somewhere(rtmsg const& header, Attributes const& attributes) {
  std::uint32_t const table =
      attributes[RTA_TABLE] != nullptr ? nla_get_u32(attributes[RTA_TABLE]) : header.rtm_table;
  bool const is_ip = header.rtm_family == AF_INET || header.rtm_family == AF_INET6;
  return is_ip && table == RT_TABLE_MAIN && header.rtm_type == RTN_UNICAST &&
         (header.rtm_flags & RTM_F_CLONED) == 0;
}

/// The host has an address in it. A route that merely leaves by a link, such as that of a tunnel
/// into a wide private range, does not say so.
bool is_connected(RouteEntry const& entry) {
  bool const has_address = entry.source && entry.prefix.contains(*entry.source);
  return !entry.next_hop && (entry.by_kernel || has_address);
}

bool is_host_route(RouteEntry const& entry) {
  static IpPrefix const link_local = *IpPrefix::parse("fe80::/10");
  static IpPrefix const multicast = *IpPrefix::parse("ff00::/8");
  return entry.prefix.length > 0 && !link_local.contains(entry.prefix) &&
         !multicast.contains(entry.prefix);
}

}  // namespace

std::vector<RouteEntry> parse_route(nlmsghdr* message) {
  auto const& header = *static_cast<rtmsg const*>(nlmsg_data(message));
  Attributes attributes{};
  nlmsg_parse(message, sizeof header, attributes.data(), RTA_MAX, nullptr);
  if (!leads_somewhere(header, attributes)) {
    return {};
  }
  RouteEntry route;
  route.prefix = prefix_in(attributes[RTA_DST], header);
  route.link = number_in(attributes[RTA_OIF]);
  route.priority = number_in(attributes[RTA_PRIORITY]);
  route.tos = header.rtm_tos;
  route.by_kernel = header.rtm_protocol == RTPROT_KERNEL;
  route.next_hop = next_hop_in(attributes[RTA_GATEWAY], attributes[RTA_VIA]);
  route.source = link_message::parse_ip(attributes[RTA_PREFSRC]);
  route.mtu_bytes = mtu_in(attributes[RTA_METRICS]);
  if (attributes[RTA_MULTIPATH] != nullptr) {
    return entries_by_hop(route, attributes[RTA_MULTIPATH]);
  }
  return {route};
}

void RouteTable::clear() {
  *this = RouteTable();
}

void RouteTable::add(nlmsghdr* message) {
  if (message->nlmsg_type == RTM_NEWLINK) {
    apply_link(message);
  } else if (message->nlmsg_type == RTM_NEWROUTE) {
    for (RouteEntry const& entry : parse_route(message)) {
      entries_.insert(entry);
    }
  }
}

void RouteTable::apply(nlmsghdr* event) {
  switch (event->nlmsg_type) {
    case RTM_NEWROUTE:
      return apply_new_route(event);
    case RTM_DELROUTE:
      return apply_removed_route(event);
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return apply_link(event);
    case RTM_DELADDR:
      if (std::optional<LinkAddress> const removed = link_message::parse_address(event)) {
        removed_addresses_.insert(removed->address.address);
      }
      return;
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
      // Routes that name a next hop object change and go with it, unheard.
      unclear_ = true;
      return;
    default:
      return;
  }
}

/// Which route was replaced, and what next hops a route had before, is not in the event.
void RouteTable::apply_new_route(nlmsghdr* event) {
  for (RouteEntry const& entry : parse_route(event)) {
    bool const replaces = (event->nlmsg_flags & (NLM_F_REPLACE | NLM_F_APPEND)) != 0;
    unclear_ = unclear_ || replaces || entry.one_of_many;
    entries_.insert(entry);
  }
}

void RouteTable::apply_removed_route(nlmsghdr* event) {
  for (RouteEntry entry : parse_route(event)) {
    entry.one_of_many = false;
    entries_.erase(entry);
    entry.one_of_many = true;
    entries_.erase(entry);
  }
}

void RouteTable::apply_link(nlmsghdr* event) {
  auto const* const header = static_cast<ifinfomsg const*>(nlmsg_data(event));
  std::optional<Link> const link = link_message::parse_link(event);
  // A bridge tells of its ports in messages of its own family: a port that leaves lives on.
  if (header->ifi_family != AF_UNSPEC || !link) {
    return;
  }
  bool const is_gone = event->nlmsg_type == RTM_DELLINK;
  if (is_gone) {
    link_names_.erase(link->index);
  } else {
    link_names_[link->index] = link->name;
  }
  if (is_gone || !link->up) {
    forget_routes_by(link->index);
  }
}

/// IPv4 routes go unheard when their link goes down or away.
void RouteTable::forget_routes_by(std::uint32_t link) {
  RouteEntry least;
  least.link = link;
  auto const first = entries_.lower_bound(least);
  auto last = first;
  for (; last != entries_.end() && last->link == link; ++last) {
    // Whether a route with other next hops stays is for the kernel to say.
    unclear_ = unclear_ || last->one_of_many;
  }
  entries_.erase(first, last);
}

/// IPv4 routes go unheard with the address that they prefer as source. The route of the link itself
/// does not, but its event comes after that of the address.
bool RouteTable::settle() {
  bool const source_lost =
      !removed_addresses_.empty() &&
      std::any_of(entries_.begin(), entries_.end(), [&](RouteEntry const& entry) {
        return entry.source && removed_addresses_.contains(*entry.source);
      });
  removed_addresses_.clear();
  return !std::exchange(unclear_, false) && !source_lost;
}

std::vector<HostRoute> RouteTable::host_routes() const {
  std::vector<HostRoute> routes;
  for (RouteEntry const& entry : entries_) {
    auto const name = link_names_.find(entry.link);
    if (is_host_route(entry) && name != link_names_.end()) {
      RouteKind const kind = is_connected(entry) ? RouteKind::connected : RouteKind::routed;
      routes.push_back({entry.prefix, name->second, kind});
    }
  }
  routes.erase(std::unique(routes.begin(), routes.end()), routes.end());
  return routes;
}

std::set<std::string> RouteTable::default_route_interfaces() const {
  std::set<std::string> interfaces;
  for (RouteEntry const& entry : entries_) {
    auto const name = link_names_.find(entry.link);
    if (name != link_names_.end() && entry.prefix.length == 0) {
      interfaces.insert(name->second);
    }
  }
  return interfaces;
}

}  // namespace drawbridge
