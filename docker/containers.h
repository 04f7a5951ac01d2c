// The Docker API's JSON about containers as values. Pure.
//
// As networks.h: unknown members are skipped, missing ones are empty, what cannot be read is an
// error. source: Docker Engine API v1.40, GET /containers/json and GET /containers/{id}/json
#pragma once

#include "base/result.h"
#include "model/container.h"

#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// returns  the path that lists all containers, running or not
std::string path_of_containers();

/// returns  the path that lists the containers, running or not, with a name like this: '.' stands
///          for any character
std::string path_of_containers(std::string_view name);

/// returns  the path that lists this container, running or not
std::string path_of_listed_container(std::string_view id);

/// returns  the path of one container's own page, of an id or a name
std::string path_of_container(std::string_view container);

/// returns  the containers of GET /containers/json, without their environment; a name is the
///          container's own, not one that a link gives it
/// errors   malformed   not a list of containers; the text says what is wrong
Result<std::vector<Container>> decode_containers(std::string_view body);

/// returns  the container of GET /containers/{id}/json, with its environment
/// errors   malformed   not a container; the text says what is wrong
Result<Container> decode_container(std::string_view body);

}  // namespace drawbridge
