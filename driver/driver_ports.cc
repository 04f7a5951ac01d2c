// Published ports of endpoints.
#include "driver/driver.h"

namespace drawbridge {

Result<std::vector<PublishedPort>> Driver::publish(PublishRequest const& request) {
  if (!request.ports.empty()) {
    return fail(Errc::unsupported, "published ports are not there yet");
  }
  return std::vector<PublishedPort>{};
}

Result<void> Driver::unpublish(NetworkId const&, EndpointId const&) {
  return {};
}

bool Driver::gives_ports(NetworkId const&) const {
  return false;
}

std::vector<PortListing> Driver::published_ports() const {
  return {};
}

std::vector<std::string> Driver::settle() {
  return {};
}

}  // namespace drawbridge
