// From what `docker run -p` asks for to the mappings of an endpoint: what can be said before any
// port is taken. Pure.
//
// The engine sends every port by itself, in random order: neighbours become one range here. It may
// ask again while ports are published: what was chosen then stays where it still answers.
// source: docs/PROTOCOL.md "Port structures", docs/ports.md
#pragma once

#include "base/result.h"
#include "model/network.h"

#include <optional>
#include <vector>

namespace drawbridge {

struct PortPlan {
  /// Those with one host port to have, neighbours gathered, and those that were chosen before.
  std::vector<PublishedPort> settled;
  /// Each is to get one port: of `host_ports`, or, where these are 0 to 0, any that is free.
  std::vector<PublishedPort> open;
  /// The same for the network's own range (`ports`).
  std::optional<PublishedPort> pooled;
};

/// endpoint   as it is: its `ports` are those that were chosen before
/// only       where the container has another way out by the other family
/// returns    in order; addresses of families that have no host ports in this network left out
/// errors     already_exists   two of the requests want the same port of this host
Result<PortPlan> plan_ports(Network const& network, Endpoint const& endpoint,
                            std::vector<PortRequest> const& requests,
                            std::optional<Family> only = {});

/// Joins neighbours whose host ports and container ports both count up by one.
std::vector<PublishedPort> gathered(std::vector<PublishedPort> fixed);

}  // namespace drawbridge
