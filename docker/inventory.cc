#include "docker/inventory.h"

#include "docker/container_calls.h"
#include "docker/networks.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace drawbridge {
namespace {

/// Adds the endpoints of containers that run. What others list may be gone.
void add_endpoints(DockerInventory& inventory) {
  std::map<NetworkId, std::vector<DockerEndpoint>> endpoints;
  for (Container const& container : inventory.containers) {
    for (Attachment const& each : container.attachments) {
      if (container.state == RunState::running && !each.endpoint.value.empty()) {
        endpoints[each.network].push_back(
            {each.endpoint, container.name, each.ipv4, each.ipv6, each.mac});
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
  Result<std::vector<Container>> const listed = fetch_containers(api, name);
  if (!listed) {
    return fail(listed.error());
  }
  auto const found = std::find_if(listed->begin(), listed->end(),
                                  [&name](Container const& each) { return each.name == name; });
  return found == listed->end() ? std::nullopt : std::optional(ContainerMarks{name, found->labels});
}

Result<std::set<std::string>> fetch_container_names(ApiClient& api) {
  Result<std::vector<Container>> const listed = fetch_containers(api);
  if (!listed) {
    return fail(listed.error());
  }
  std::set<std::string> names;
  for (Container const& container : *listed) {
    if (!container.name.empty()) {
      names.insert(container.name);
    }
  }
  return names;
}

Result<DockerInventory> take_inventory(ApiClient& api, Doubts const& doubts) {
  Result<std::vector<DockerNetwork>> networks = fetch_networks(api);
  if (!networks) {
    return fail(networks.error());
  }
  Result<std::vector<Container>> containers = fetch_containers(api);
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
