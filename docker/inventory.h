// What a Docker engine holds, asked over its API.
#pragma once

#include "base/result.h"
#include "docker/api_client.h"
#include "model/docker.h"

#include <functional>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {

/// Asks for one network with its endpoints.
///
/// errors  not_found   the engine has no such network
///         as ApiClient::get and decode_network()
Result<DockerNetwork> fetch_network(ApiClient& api, NetworkId const& id);

/// Asks for all networks, without their endpoints: one call.
///
/// errors  as ApiClient::get and decode_networks()
Result<std::vector<DockerNetwork>> fetch_networks(ApiClient& api);

/// Asks for the container of this name by the list of all containers, which answers at once while
/// the container's start or Join is under way. (Its own page, GET /containers/{id}/json, answers
/// only afterwards, and the list by network does not have it yet: 20.10.)
///
/// returns  nothing when there is no such container any more
/// errors   as ApiClient::get and decode_containers()
Result<std::optional<ContainerMarks>> fetch_marks(ApiClient& api, std::string const& name);

/// Asks how all containers are called, running or not: one call, which answers while callbacks of
/// theirs are under way.
///
/// returns  their own names, without those that links give them
/// errors   as ApiClient::get and decode_containers()
Result<std::set<std::string>> fetch_container_names(ApiClient& api);

/// Which networks the lists leave in doubt, so that each is asked about by itself.
using Doubts = std::function<std::set<NetworkId>(DockerInventory const&)>;

/// Asks for all networks and for all containers: two calls, however many there are. Containers show
/// the endpoints, but not those that are being made or taken away, and one that was killed with the
/// engine shows those that it had: so what `doubts` names is asked for by a call each. Any failure
/// fails the whole look.
///
/// errors  as ApiClient::get, decode_networks() and decode_containers()
Result<DockerInventory> take_inventory(ApiClient& api, Doubts const& doubts);

}  // namespace drawbridge
