// What a Docker engine holds, asked over its API.
#pragma once

#include "base/result.h"
#include "docker/api_client.h"
#include "model/docker.h"

namespace drawbridge {

/// Asks for one network with its endpoints.
///
/// errors  not_found   the engine has no such network
///         as ApiClient::get and decode_network()
Result<DockerNetwork> fetch_network(ApiClient& api, NetworkId const& id);

/// Asks for all networks, and for the endpoints of those with subnets but for the engine's own
/// bridge. A network that vanishes meanwhile is left out; any other failure fails the whole look.
///
/// errors  as ApiClient::get and decode_networks()
Result<DockerInventory> take_inventory(ApiClient& api);

}  // namespace drawbridge
