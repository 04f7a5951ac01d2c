#include "ipam/pool_report.h"

#include <fmt/format.h>

#include <algorithm>

namespace drawbridge {
namespace {

constexpr std::size_t max_routes_named = 3;

std::string names_of(std::vector<HostRoute> const& routes) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < std::min(routes.size(), max_routes_named); ++i) {
    names.push_back(text_of(routes[i]));
  }
  if (routes.size() > max_routes_named) {
    names.push_back(fmt::format("{} more", routes.size() - max_routes_named));
  }
  return fmt::format("{}", fmt::join(names, ", "));
}

/// returns  "256 /24 subnets of 10.249.0.0/16: 200 leased, 56 on host routes (10.249.8.0/21 on …)"
std::string counts_of(PoolReport const& report) {
  std::vector<std::string> prefixes;
  for (IpPrefix const& prefix : report.prefixes) {
    prefixes.push_back(prefix.to_string());
  }
  std::string text = fmt::format("{} /{} subnets of {}: {} leased", report.total, report.length,
                                 fmt::join(prefixes, ", "), report.leased);
  if (report.on_host_routes > 0) {
    text += fmt::format(", {} on host routes ({})", report.on_host_routes, names_of(report.routes));
  }
  if (report.kept_back > 0) {
    text += fmt::format(", {} public and kept back by \"refuse_public\"", report.kept_back);
  }
  return text;
}

/// returns  what the policy of a pool could change; empty when it is in nobody's way
std::string policy_remedy(std::vector<PoolReport> const& chain) {
  for (PoolReport const& report : chain) {
    bool const is_policy =
        std::any_of(report.routes.begin(), report.routes.end(),
                    [](HostRoute const& route) { return route.kind != RouteKind::network; });
    if (is_policy) {
      return fmt::format(", set \"on_host_route\" of pool \"{}\"", report.name);
    }
  }
  return {};
}

std::string wide_remedy(std::vector<PoolReport> const& chain) {
  for (PoolReport const& report : chain) {
    if (report.wide) {
      return fmt::format(
          "; {} covers {}, and Docker engines before 29 themselves turn down every subnet inside "
          "it: with these give one by --subnet",
          text_of(*report.wide), report.wide_over->to_string());
    }
  }
  return {};
}

}  // namespace

std::string text_of(HostRoute const& route) {
  std::string const prefix = route.prefix.to_string();
  switch (route.kind) {
    case RouteKind::network:
      return fmt::format("{} on bridge {}", prefix, route.interface);
    case RouteKind::connected:
      return fmt::format("{} on interface {}", prefix, route.interface);
    case RouteKind::routed:
      break;
  }
  return fmt::format("{} routed through interface {}", prefix, route.interface);
}

Error exhausted_error(std::vector<PoolReport> const& chain,
                      std::vector<std::string_view> const& others) {
  std::string text;
  for (PoolReport const& report : chain) {
    text += fmt::format("{}pool \"{}\" is exhausted: {}", text.empty() ? "" : "; its overflow ",
                        report.name, counts_of(report));
  }
  text += fmt::format(
      "; remove unused networks (docker network prune), widen the pool or give it an overflow in "
      "drawbridge.json{}",
      policy_remedy(chain));
  if (!others.empty()) {
    text +=
        fmt::format(", or name another with --ipam-opt pool=NAME ({})", fmt::join(others, ", "));
  }
  return {Errc::exhausted, text + wide_remedy(chain)};
}

}  // namespace drawbridge
