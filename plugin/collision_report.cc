#include "plugin/collision_report.h"

#include "ipam/pool_report.h"

#include <fmt/format.h>

#include <cstddef>
#include <map>

namespace drawbridge {
namespace {

constexpr std::size_t most_named = 3;

std::map<HostRoute, std::vector<IpPrefix>> subnets_by_route(
    std::vector<RouteCollision> const& collisions) {
  std::map<HostRoute, std::vector<IpPrefix>> subnets;
  for (RouteCollision const& collision : collisions) {
    subnets[collision.route].push_back(collision.subnet);
  }
  return subnets;
}

/// returns  "10.249.1.0/24 of network shop (0123456789ab), 10.249.2.0/24 and 7 more"
std::string list(std::vector<IpPrefix> const& subnets, NetworkTitle const& title) {
  std::vector<std::string> named;
  for (std::size_t i = 0; i < subnets.size() && i < most_named; ++i) {
    std::optional<std::string> const network = title(subnets[i]);
    named.push_back(subnets[i].to_string() + (network ? " of network " + *network : ""));
  }
  std::string text = fmt::format("{}", fmt::join(named, ", "));
  return subnets.size() <= most_named
             ? text
             : text + fmt::format(" and {} more", subnets.size() - most_named);
}

}  // namespace

std::vector<std::string> describe_begun(std::vector<RouteCollision> const& begun,
                                        NetworkTitle const& title) {
  std::vector<std::string> lines;
  for (auto const& [route, subnets] : subnets_by_route(begun)) {
    lines.push_back(fmt::format(
        "{} collides with {}: one of them cannot be reached from this host; move the route, or "
        "make the network again, which steps around it",
        text_of(route), list(subnets, title)));
  }
  return lines;
}

std::vector<std::string> describe_ended(std::vector<RouteCollision> const& ended) {
  std::vector<std::string> lines;
  auto const no_title = [](IpPrefix const&) { return std::optional<std::string>(); };
  for (auto const& [route, subnets] : subnets_by_route(ended)) {
    lines.push_back(
        fmt::format("{} collides no more with {}", text_of(route), list(subnets, no_title)));
  }
  return lines;
}

}  // namespace drawbridge
