#include "docker/container_calls.h"

#include "docker/containers.h"

#include <string>

namespace drawbridge {
namespace {

/// returns  the containers that the list at `path` has
Result<std::vector<Container>> fetch_list(ApiClient& api, std::string const& path) {
  Result<std::string> const body = api.get(path);
  if (!body) {
    return fail(body.error());
  }
  Result<std::vector<Container>> containers = decode_containers(*body);
  if (!containers) {
    return fail(api.in_call(path, containers.error()));
  }
  return containers;
}

}  // namespace

Result<std::vector<Container>> fetch_containers(ApiClient& api) {
  return fetch_list(api, path_of_containers());
}

Result<std::vector<Container>> fetch_containers(ApiClient& api, std::string_view name) {
  return fetch_list(api, path_of_containers(name));
}

Result<std::vector<Container>> fetch_containers(ApiClient& api, ContainerId const& id) {
  return fetch_list(api, path_of_listed_container(id.value));
}

Result<Container> inspect_container(ApiClient& api, ContainerId const& container) {
  std::string const path = path_of_container(container.value);
  Result<std::string> const body = api.get(path);
  if (!body) {
    return fail(body.error());
  }
  Result<Container> inspected = decode_container(*body);
  if (!inspected) {
    return fail(api.in_call(path, inspected.error()));
  }
  return inspected;
}

}  // namespace drawbridge
