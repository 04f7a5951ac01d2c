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
  std::string const path = path_of_containers(name);
  Result<std::string> const body = api.get(path);
  if (!body) {
    return fail(body.error());
  }
  Result<std::vector<DockerContainer>> const listed = decode_containers(*body);
  if (!listed) {
    return fail(api.in_call(path, listed.error()));
  }
  auto const found = std::find_if(listed->begin(), listed->end(), [&name](auto const& container) {
    return std::find(container.names.begin(), container.names.end(), "/" + name) !=
           container.names.end();
  });
  return found == listed->end() ? std::nullopt : std::optional(ContainerMarks{name, found->labels});
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
