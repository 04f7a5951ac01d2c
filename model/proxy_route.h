// What the rules of proxies and attachments bring about: ways into networks, and memberships.
// Decided in attach/plan.h, kept in the store.
#pragma once

#include "model/address.h"
#include "model/ids.h"

#include <compare>
#include <string>

namespace drawbridge {

/// Lets a proxy open connections to a container: from its address, as it comes in by `bridge`.
struct ProxyRoute {
  NetworkId network;  // of the container
  EndpointId endpoint;
  std::string bridge;
  IpAddress from;

  auto operator<=>(ProxyRoute const&) const = default;
};

/// A container on a network because of a rule. Those that were made are kept in the store, and only
/// they are ever ended.
struct Membership {
  NetworkId network;
  ContainerId container;

  auto operator<=>(Membership const&) const = default;
};

}  // namespace drawbridge
