// The Docker API's JSON about containers as values. Pure.
//
// As networks.h: unknown members are skipped, missing ones are empty, what cannot be read is an
// error. source: Docker Engine API v1.40, GET /containers/json
#pragma once

#include "base/result.h"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

struct DockerContainer {
  std::vector<std::string> names;  // "/app", and with links "/other/alias"
  std::map<std::string, std::string> labels;

  bool operator==(DockerContainer const&) const = default;
};

/// returns  the path that lists all containers, running or not
std::string path_of_containers();

/// returns  the path that lists the containers, running or not, with a name like this: '.' stands
///          for any character
std::string path_of_containers(std::string_view name);

/// returns  the containers of GET /containers/json
/// errors   malformed   not a list of containers; the text says what is wrong
Result<std::vector<DockerContainer>> decode_containers(std::string_view body);

}  // namespace drawbridge
