// Identifiers as types of their own, so that none is passed where another belongs.
//
// Ids come from the engine and are opaque: 64 hex digits for local networks and endpoints, 25
// base-36 characters for swarm networks. Pool ids are ours.
#pragma once

#include <compare>
#include <string>
#include <string_view>

namespace drawbridge {

template <class Tag>
struct Id {
  std::string value;

  /// returns  the first 12 characters, as Docker's own command line prints ids
  std::string_view brief() const { return std::string_view(value).substr(0, 12); }

  auto operator<=>(Id const&) const = default;
};

using NetworkId = Id<struct NetworkTag>;
using EndpointId = Id<struct EndpointTag>;
using PoolId = Id<struct PoolTag>;
using ContainerId = Id<struct ContainerTag>;

}  // namespace drawbridge
