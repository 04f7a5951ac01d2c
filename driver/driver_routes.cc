// Which proxies reach which members without being in their network: told from outside, kept with
// the members. docs/firewall.md "Proxies"
#include "driver/driver.h"
#include "driver/route_elements.h"
#include "netlink/diff.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace drawbridge {
namespace {

/// Only what the proxy itself opened, and not by a published port.
std::optional<FlowPattern> flows_by(ProxyRoute const& route, Endpoint const& endpoint) {
  std::optional<IpAddress> const end = end_of(route, endpoint);
  if (!end) {
    return std::nullopt;
  }
  FlowPattern pattern;
  pattern.party = route.from;
  pattern.destination = *end;
  return pattern;
}

}  // namespace

std::string Driver::say_route(ProxyRoute const& route, bool is_open) const {
  return fmt::format("proxy {} on {} reaches {}{}", route.from.to_string(), route.bridge,
                     title_of(route.network, route.endpoint), is_open ? "" : " no more");
}

/// What leads to endpoints that are not known adds nothing.
std::set<Element> Driver::elements_of(std::set<ProxyRoute> const& routes) {
  std::set<Element> elements;
  for (ProxyRoute const& route : routes) {
    if (Endpoint const* const endpoint = find(route.network, route.endpoint)) {
      add_route_elements(elements, *endpoint, routes);
    }
  }
  return elements;
}

std::vector<std::string> Driver::learn_routes(std::set<ProxyRoute> routes) {
  if (routes == routes_) {
    return {};
  }
  std::set<ProxyRoute> const before = std::exchange(routes_, std::move(routes));
  std::vector<std::string> report = say_changes(before);
  ChangeElements const change = difference(elements_of(before), elements_of(routes_));
  bool const changes_rules = !change.remove.empty() || !change.add.empty();
  if (Result<void> const applied = changes_rules ? kernel_.apply({change}) : Result<void>();
      !applied) {
    report.push_back(applied.error().message);
  }
  if (Result<void> const stored = store_.save_routes(known_routes()); !stored) {
    report.push_back(stored.error().within("routes of proxies").message);
  }
  forget_flows_of_withdrawn(before, report);
  return report;
}

/// returns  a line for each way that is closed now, and for each that is open
std::vector<std::string> Driver::say_changes(std::set<ProxyRoute> const& before) {
  std::vector<std::string> report;
  for (ProxyRoute const& route : before) {
    if (!routes_.contains(route) && find(route.network, route.endpoint) != nullptr) {
      report.push_back(say_route(route, false));
    }
  }
  for (ProxyRoute const& route : routes_) {
    if (!before.contains(route) && find(route.network, route.endpoint) != nullptr) {
      report.push_back(say_route(route, true));
    }
  }
  return report;
}

std::set<ProxyRoute> Driver::known_routes() {
  std::set<ProxyRoute> known = routes_;
  std::erase_if(known, [this](ProxyRoute const& route) {
    return find(route.network, route.endpoint) == nullptr;
  });
  return known;
}

/// They go whatever else may allow them: they carry the gateway's address, which nothing else does.
void Driver::forget_flows_of_withdrawn(std::set<ProxyRoute> const& before,
                                       std::vector<std::string>& report) {
  std::vector<FlowPattern> withdrawn;
  for (ProxyRoute const& route : before) {
    Endpoint const* const endpoint = find(route.network, route.endpoint);
    std::optional<FlowPattern> const flows =
        endpoint != nullptr && !routes_.contains(route) ? flows_by(route, *endpoint) : std::nullopt;
    if (flows) {
      withdrawn.push_back(*flows);
    }
  }
  if (!withdrawn.empty()) {
    to_forget_.insert(to_forget_.end(), withdrawn.begin(), withdrawn.end());
    forget_flows(report);
  }
}

/// An endpoint that goes takes along what led to it. Kernel and store are told by whoever deletes
/// it.
void Driver::drop_routes_to(Endpoint const& gone) {
  std::erase_if(routes_, [&](ProxyRoute const& route) {
    bool const leads_there = route.network == gone.network && route.endpoint == gone.id;
    if (leads_there) {
      hold_report_.push_back(say_route(route, false));
    }
    return leads_there;
  });
}

/// The engine gives an address to one container at a time: what led to the one before, whose end
/// nobody told, must not lead to the next.
void Driver::withdraw_routes_at(Endpoint const& next) {
  std::set<ProxyRoute> left = routes_;
  std::erase_if(left, [&](ProxyRoute const& route) {
    Endpoint const* const other = find(route.network, route.endpoint);
    std::optional<IpAddress> const end = end_of(route, next);
    return end && other != nullptr && other->network == next.network && other->id != next.id &&
           end_of(route, *other) == end;
  });
  std::vector<std::string> const report = learn_routes(std::move(left));
  hold_report_.insert(hold_report_.end(), report.begin(), report.end());
}

/// returns  who may open connections to whom: a proxy's address and a member's
std::set<std::pair<IpAddress, IpAddress>> Driver::routed_pairs() {
  std::set<std::pair<IpAddress, IpAddress>> pairs;
  for (ProxyRoute const& route : routes_) {
    Endpoint const* const endpoint = find(route.network, route.endpoint);
    if (std::optional<IpAddress> const end =
            endpoint != nullptr ? end_of(route, *endpoint) : std::nullopt) {
      pairs.emplace(route.from, *end);
    }
  }
  return pairs;
}

}  // namespace drawbridge
