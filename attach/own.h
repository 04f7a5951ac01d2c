// What the driver knows of its own networks and endpoints, as far as proxies and attachments go.
#pragma once

#include "model/address.h"
#include "model/ids.h"
#include "model/matching.h"

#include <optional>
#include <string>
#include <vector>

namespace drawbridge {

/// A network of ours with what its options wish.
struct OwnNetwork {
  NetworkId id;
  std::string bridge;
  std::vector<std::string> proxies = {};
  ProxyMode proxy_mode = ProxyMode::route;
  std::vector<Match> attach = {};

  bool operator==(OwnNetwork const&) const = default;
};

/// An endpoint of ours and what it has, as Join and Leave tell.
struct OwnEndpoint {
  NetworkId network;
  EndpointId endpoint;
  std::optional<IpAddress> ipv4;
  std::optional<IpAddress> ipv6;

  bool operator==(OwnEndpoint const&) const = default;
};

}  // namespace drawbridge
