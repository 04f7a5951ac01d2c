// Lines for the log about routes that came to lie on subnets of ours. Pure.
#pragma once

#include "ipam/route_collisions.h"

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace drawbridge {

/// returns  what the network of this subnet is called; nothing when it is another driver's
using NetworkTitle = std::function<std::optional<std::string>(IpPrefix const&)>;

/// returns  a line for each route, however many subnets it meets
std::vector<std::string> describe_begun(std::vector<RouteCollision> const& begun,
                                        NetworkTitle const& title);
std::vector<std::string> describe_ended(std::vector<RouteCollision> const& ended);

}  // namespace drawbridge
