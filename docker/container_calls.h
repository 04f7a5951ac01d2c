// What a Docker engine says about containers, asked over its API.
//
// Only the lists may be asked for while the engine waits for one of our replies.
// source: Docker Engine API v1.40; measured with 20.10
#pragma once

#include "base/result.h"
#include "docker/api_client.h"
#include "model/container.h"

#include <string_view>
#include <vector>

namespace drawbridge {

/// Asks for all containers, running or not: one call of about a millisecond, which takes no
/// container's lock and so answers while callbacks of theirs are under way.
///
/// errors  as ApiClient::get() and decode_containers()
/// source  GET /containers/json?all=1
Result<std::vector<Container>> fetch_containers(ApiClient& api);

/// The same of the containers, running or not, with a name like this: '.' stands for any character.
Result<std::vector<Container>> fetch_containers(ApiClient& api, std::string_view name);

/// The same of one container; nothing when it is gone.
Result<std::vector<Container>> fetch_containers(ApiClient& api, ContainerId const& id);

/// Asks for one container with its environment. It takes the container's lock: while the container
/// starts or stops, and during CreateEndpoint, Join and Leave of its endpoints, it waits until that
/// is over. So never inside a handler (docker run would hang until the deadline), and best after
/// the container's event "start".
///
/// container  an id, or a name without its '/'
/// errors     not_found   the engine has no such container
///            kernel      also: the container's lock is held for longer than the call may take
///            otherwise as ApiClient::get() and decode_container()
/// source     GET /containers/{id}/json
Result<Container> inspect_container(ApiClient& api, ContainerId const& container);

}  // namespace drawbridge
