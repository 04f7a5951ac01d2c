#include "plugin/container_names.h"

#include "base/log.h"
#include "docker/inventory.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>

namespace drawbridge {

void ContainerNames::fill(PublishRequest& request) {
  api_.end_by(ApiClient::Clock::now() + limit_);
  if (Result<void> const asked = ask(request); !asked) {
    log::warn("endpoint {} is published without asking how containers are called: {}",
              request.endpoint.brief(), asked.error().message);
  }
}

Result<void> ContainerNames::ask(PublishRequest& request) {
  Result<DockerNetwork> const network = fetch_network(api_, request.network);
  if (!network) {
    return fail(network.error());
  }
  auto const found =
      std::find_if(network->endpoints.begin(), network->endpoints.end(),
                   [&](DockerEndpoint const& each) { return each.id == request.endpoint; });
  if (found != network->endpoints.end() && !found->name.empty()) {
    request.container = found->name;
  }
  Result<std::set<std::string>> names = fetch_container_names(api_);
  if (!names) {
    return fail(names.error());
  }
  request.containers = std::move(*names);
  return {};
}

}  // namespace drawbridge
