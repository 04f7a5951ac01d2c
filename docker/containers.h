// The Docker API's JSON about containers as values. Pure.
//
// As networks.h: unknown members are skipped, missing ones are empty, what cannot be read is an
// error. source: Docker Engine API v1.40, GET /containers/json
#pragma once

#include "base/result.h"
#include "model/docker.h"

#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// returns  the path that lists all containers, running or not
std::string path_of_containers();

/// returns  the path that lists the containers, running or not, with a name like this: '.' stands
///          for any character
std::string path_of_containers(std::string_view name);

/// returns  the container's own name, without those that links give it: "app"; empty: it has none
std::string own_name(DockerContainer const& container);

/// returns  the containers of GET /containers/json
/// errors   malformed   not a list of containers; the text says what is wrong
Result<std::vector<DockerContainer>> decode_containers(std::string_view body);

}  // namespace drawbridge
