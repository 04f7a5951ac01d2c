// The Docker API's JSON about networks as values. Pure.
//
// Members that are unknown are skipped and those that are missing are empty, because engines differ
// in both; what is there but cannot be read is an error: half a list would look like networks that
// are gone. source: Docker Engine API v1.40, GET /networks and GET /networks/{id}
#pragma once

#include "base/result.h"
#include "model/docker.h"
#include "model/network.h"

#include <string_view>
#include <vector>

namespace drawbridge {

/// returns  the networks of GET /networks, which names no endpoints
/// errors   malformed   not a list of networks; the text says what is wrong
Result<std::vector<DockerNetwork>> decode_networks(std::string_view body);

/// returns  the network of GET /networks/{id} with its endpoints, in the order of their ids
/// errors   malformed   not a network; the text says what is wrong
Result<DockerNetwork> decode_network(std::string_view body);

/// returns  what is kept of a network. Subnets that only say how long they were to be are left out:
///          which they are the engine does not tell.
KnownNetwork known_network(DockerNetwork const& network);

}  // namespace drawbridge
