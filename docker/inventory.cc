#include "docker/inventory.h"

#include "docker/containers.h"
#include "docker/networks.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace drawbridge {
namespace {

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

/// Adds the endpoints of containers that run. What others list may be gone.
void add_endpoints(DockerInventory& inventory) {
  std::map<NetworkId, std::vector<DockerEndpoint>> endpoints;
  for (DockerContainer const& container : inventory.containers) {
    for (DockerAttachment const& each : container.attachments) {
      if (container.is_running) {
        endpoints[each.network].push_back(each.endpoint);
        endpoints[each.network].back().name = own_name(container);
      }
    }
  }
  for (DockerNetwork& network : inventory.networks) {
    network.endpoints = std::move(endpoints[network.id]);
    std::sort(network.endpoints.begin(), network.endpoints.end(),
              [](DockerEndpoint const& a, DockerEndpoint const& b) { return a.id < b.id; });
  }
}

/// Puts what the engine says of this network alone in place of what the lists said.
Result<void> confirm(ApiClient& api, NetworkId const& id, DockerInventory& inventory) {
  Result<DockerNetwork> whole = fetch_network(api, id);
  if (!whole && whole.error().code != Errc::not_found) {
    return fail(whole.error());
  }
  std::erase_if(inventory.networks, [&id](DockerNetwork const& each) { return each.id == id; });
  if (whole) {
    inventory.networks.push_back(std::move(*whole));
  }
  return {};
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
    if (std::string name = own_name(container); !name.empty()) {
      names.insert(std::move(name));
    }
  }
  return names;
}

Result<DockerInventory> take_inventory(ApiClient& api, Doubts const& doubts) {
  Result<std::vector<DockerNetwork>> networks = fetch_networks(api);
  if (!networks) {
    return fail(networks.error());
  }
  Result<std::vector<DockerContainer>> containers = fetch_containers(api, path_of_containers());
  if (!containers) {
    return fail(containers.error());
  }
  DockerInventory inventory{std::move(*networks), std::move(*containers)};
  add_endpoints(inventory);
  for (NetworkId const& doubtful : doubts(inventory)) {
    if (Result<void> const confirmed = confirm(api, doubtful, inventory); !confirmed) {
      return fail(confirmed.error());
    }
  }
  return inventory;
}

}  // namespace drawbridge
