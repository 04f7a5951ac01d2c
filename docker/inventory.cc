#include "docker/inventory.h"

#include "docker/containers.h"
#include "docker/networks.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>
#include <utility>

namespace drawbridge {
namespace {

/// source: moby runconfig, names that no user's network can have
constexpr std::array<std::string_view, 3> built_in_names = {"bridge", "host", "none"};

bool is_built_in(DockerNetwork const& network) {
  return std::find(built_in_names.begin(), built_in_names.end(), network.name) !=
         built_in_names.end();
}

/// returns  the containers that the list at `path` has
Result<std::vector<DockerContainer>> fetch_containers(ApiClient& api, std::string const& path) {
  Result<std::string> const body = api.get(path);
  if (!body) {
    return fail(body.error());
  }
  Result<std::vector<DockerContainer>> containers = decode_containers(*body);
  if (!containers) {
    return fail(api.in_call(path, containers.error()));
  }
  return containers;
}

/// returns  whether it is "/app", not "/other/app" of a link
bool is_own_name(std::string_view name) {
  return name.starts_with('/') && name.find('/', 1) == std::string_view::npos;
}

}  // namespace

Result<DockerNetwork> fetch_network(ApiClient& api, NetworkId const& id) {
  std::string const path = "/networks/" + id.value;
  Result<std::string> const body = api.get(path);
  if (!body) {
    return fail(body.error());
  }
  Result<DockerNetwork> network = decode_network(*body);
  if (!network) {
    return fail(api.in_call(path, network.error()));
  }
  return network;
}

Result<std::vector<DockerNetwork>> fetch_networks(ApiClient& api) {
  std::string const path = "/networks";
  Result<std::string> const body = api.get(path);
  if (!body) {
    return fail(body.error());
  }
  Result<std::vector<DockerNetwork>> networks = decode_networks(*body);
  if (!networks) {
    return fail(api.in_call(path, networks.error()));
  }
  return networks;
}

Result<std::optional<ContainerMarks>> fetch_marks(ApiClient& api, std::string const& name) {
  Result<std::vector<DockerContainer>> const listed =
      fetch_containers(api, path_of_containers(name));
  if (!listed) {
    return fail(listed.error());
  }
  auto const found = std::find_if(listed->begin(), listed->end(), [&name](auto const& container) {
    return std::find(container.names.begin(), container.names.end(), "/" + name) !=
           container.names.end();
  });
  return found == listed->end() ? std::nullopt : std::optional(ContainerMarks{name, found->labels});
}

Result<std::set<std::string>> fetch_container_names(ApiClient& api) {
  Result<std::vector<DockerContainer>> const listed = fetch_containers(api, path_of_containers());
  if (!listed) {
    return fail(listed.error());
  }
  std::set<std::string> names;
  for (DockerContainer const& container : *listed) {
    for (std::string const& name : container.names) {
      if (is_own_name(name)) {
        names.insert(name.substr(1));
      }
    }
  }
  return names;
}

Result<DockerInventory> take_inventory(ApiClient& api) {
  Result<std::vector<DockerNetwork>> networks = fetch_networks(api);
  if (!networks) {
    return fail(networks.error());
  }
  DockerInventory inventory;
  for (DockerNetwork& listed : *networks) {
    if (is_built_in(listed) || listed.subnets.empty()) {
      inventory.networks.push_back(std::move(listed));
      continue;
    }
    Result<DockerNetwork> whole = fetch_network(api, listed.id);
    if (whole) {
      inventory.networks.push_back(std::move(*whole));
    } else if (whole.error().code != Errc::not_found) {
      return fail(whole.error());
    }
  }
  return inventory;
}

}  // namespace drawbridge
