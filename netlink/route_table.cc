#include "netlink/route_table.h"

#include "netlink/link_message.h"

#include <algorithm>
#include <array>
#include <iterator>
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
  HostRoutes last = std::move(routes_);
  last.own.clear();
  *this = RouteTable();
  routes_ = std::move(last);
  foreign_touched_ = true;
}

void RouteTable::add(nlmsghdr* message) {
  if (message->nlmsg_type == RTM_NEWLINK) {
    apply_link(message);
  } else if (message->nlmsg_type == RTM_NEWROUTE) {
    for (RouteEntry const& entry : parse_route(message)) {
      insert(entry);
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
      if (std::optional<LinkAddress> const removed = link_message::parse_address(event);
          removed && removed->address.family() == Family::ipv4) {
        apply_removed_address(*removed);
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

bool RouteTable::is_about_ours(nlmsghdr* event) const {
  bool const is_link = event->nlmsg_type == RTM_NEWLINK || event->nlmsg_type == RTM_DELLINK;
  if (is_link) {
    std::optional<Link> const link = link_message::parse_link(event);
    return link && (link->name.starts_with(bridge_prefix) || link->name.starts_with(port_prefix) ||
                    link_message::is_ours(*link) || is_own_link(link->index));
  }
  if (event->nlmsg_type != RTM_NEWADDR && event->nlmsg_type != RTM_DELADDR) {
    return false;
  }
  std::optional<LinkAddress> const address = link_message::parse_address(event);
  return address && is_own_link(address->link);
}

bool RouteTable::is_own_link(std::uint32_t index) const {
  auto const known = links_.find(index);
  return known != links_.end() && known->second.is_ours;
}

/// Which route was replaced, and what next hops a route had before, is not in the event.
void RouteTable::apply_new_route(nlmsghdr* event) {
  for (RouteEntry const& entry : parse_route(event)) {
    // One more IPv4 route to the same prefix is a route of its own: that is how a second link with
    // an address in it comes.
    int const retelling =
        entry.prefix.family() == Family::ipv4 ? NLM_F_REPLACE : NLM_F_REPLACE | NLM_F_APPEND;
    unclear_ = unclear_ || (event->nlmsg_flags & retelling) != 0 || entry.one_of_many;
    insert(entry);
  }
}

void RouteTable::apply_removed_route(nlmsghdr* event) {
  for (RouteEntry entry : parse_route(event)) {
    entry.one_of_many = false;
    erase(entry);
    entry.one_of_many = true;
    erase(entry);
  }
}

/// IPv4 routes go unheard with the address that they prefer as source, and with the last address of
/// their link. The kernel's own are told of, after the address; those of another link, which has
/// the same address, stay.
void RouteTable::apply_removed_address(LinkAddress const& removed) {
  auto const [first, last] = routes_by(removed.link);
  std::copy_if(first, last, std::inserter(doubtful_, doubtful_.end()), [](RouteEntry const& entry) {
    return entry.prefix.family() == Family::ipv4 && !entry.by_kernel;
  });
  for (auto next = by_source_.lower_bound({removed.address.address, {}});
       next != by_source_.end() && next->first == removed.address.address; ++next) {
    RouteEntry const& entry = next->second;
    if (entry.link == removed.link || !entry.by_kernel) {
      doubtful_.insert(entry);
    }
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
  if (is_gone || !link->up) {
    forget_routes_by(link->index);
  }
  if (is_gone) {
    links_.erase(link->index);
  } else {
    set_link(link->index, {link->name, link->kind == "bridge", link_message::is_ours(*link)});
  }
}

void RouteTable::set_link(std::uint32_t index, LinkFacts facts) {
  auto const known = links_.find(index);
  if (known != links_.end() && known->second == facts) {
    return;
  }
  auto const [first, last] = routes_by(index);
  std::for_each(first, last, [this](RouteEntry const& entry) { unlist(entry); });
  links_[index] = std::move(facts);
  std::for_each(first, last, [this](RouteEntry const& entry) { list(entry); });
}

/// IPv4 routes go unheard when their link goes down or away.
void RouteTable::forget_routes_by(std::uint32_t link) {
  auto [next, last] = routes_by(link);
  while (next != last) {
    RouteEntry const entry = *next++;
    // Whether a route with other next hops stays is for the kernel to say.
    unclear_ = unclear_ || entry.one_of_many;
    erase(entry);
  }
}

std::pair<RouteTable::Entries::const_iterator, RouteTable::Entries::const_iterator>
RouteTable::routes_by(std::uint32_t link) const {
  RouteEntry least;
  least.link = link;
  auto const first = entries_.lower_bound(least);
  auto const last = std::find_if(first, entries_.end(),
                                 [link](RouteEntry const& entry) { return entry.link != link; });
  return {first, last};
}

bool RouteTable::settle() {
  bool const is_clear = !unclear_ && doubtful_.empty();
  unclear_ = false;
  doubtful_.clear();
  return is_clear;
}

void RouteTable::insert(RouteEntry const& entry) {
  doubtful_.erase(entry);
  if (!entries_.insert(entry).second) {
    return;
  }
  if (entry.source) {
    by_source_.insert({*entry.source, entry});
  }
  if (entry.prefix.length == 0) {
    default_links_.insert(entry.link);
  }
  list(entry);
}

void RouteTable::erase(RouteEntry const& entry) {
  doubtful_.erase(entry);
  if (entries_.erase(entry) == 0) {
    return;
  }
  if (entry.source) {
    by_source_.erase({*entry.source, entry});
  }
  if (entry.prefix.length == 0) {
    default_links_.erase(default_links_.find(entry.link));
  }
  unlist(entry);
}

void RouteTable::list(RouteEntry const& entry) {
  auto const link = links_.find(entry.link);
  if (link == links_.end() || !is_host_route(entry)) {
    return;
  }
  if (is_own(entry, link->second)) {
    own_.insert(entry.prefix);
    routes_.own.insert(entry.prefix);
  } else {
    foreign_.insert(described(entry, link->second));
    foreign_touched_ = true;
  }
}

/// Two links may have an address in the same prefix: it is there until both have gone.
void RouteTable::unlist(RouteEntry const& entry) {
  auto const link = links_.find(entry.link);
  if (link == links_.end() || !is_host_route(entry)) {
    return;
  }
  if (is_own(entry, link->second)) {
    own_.erase(own_.find(entry.prefix));
    if (!own_.contains(entry.prefix)) {
      routes_.own.erase(entry.prefix);
    }
  } else {
    foreign_.erase(foreign_.find(described(entry, link->second)));
    foreign_touched_ = true;
  }
}

/// A route that goes on through one of our networks, as into a VPN that a container keeps, was set
/// by somebody else and has nothing to do with our subnets.
bool RouteTable::is_own(RouteEntry const& entry, LinkFacts const& link) {
  return link.is_ours && is_connected(entry);
}

HostRoute RouteTable::described(RouteEntry const& entry, LinkFacts const& link) {
  RouteKind const connected = link.is_bridge ? RouteKind::network : RouteKind::connected;
  return {entry.prefix, link.name, is_connected(entry) ? connected : RouteKind::routed};
}

HostRoutes const& RouteTable::host_routes() {
  if (!std::exchange(foreign_touched_, false)) {
    return routes_;
  }
  std::vector<HostRoute> now;
  std::unique_copy(foreign_.begin(), foreign_.end(), std::back_inserter(now));
  if (now != routes_.foreign) {
    routes_.foreign = std::move(now);
    ++routes_.generation;
  }
  return routes_;
}

std::set<std::string> RouteTable::default_route_interfaces() const {
  std::set<std::string> interfaces;
  for (std::uint32_t const index : default_links_) {
    auto const link = links_.find(index);
    if (link != links_.end()) {
      interfaces.insert(link->second.name);
    }
  }
  return interfaces;
}

}  // namespace drawbridge
