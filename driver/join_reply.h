// What the engine is told when a container joins: its interface, and its ways out. Pure.
#pragma once

#include "model/network.h"

namespace drawbridge {

/// returns  gateways of the subnets that the endpoint has addresses in; none for a network that is
///          internal, and where network or endpoint is never a default route
JoinReply join_reply(Network const& network, Endpoint const& endpoint);

}  // namespace drawbridge
