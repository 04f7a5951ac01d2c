#include "driver/port_index.h"

#include "driver/port_scope.h"

#include <algorithm>

namespace drawbridge {
namespace {

bool is_range(PublishedPort const& port) {
  return port.host_ports.first != port.host_ports.last;
}

}  // namespace

void PortIndex::add(Endpoint const& endpoint) {
  for (PublishedPort const& port : endpoint.ports) {
    PortOwner owner{endpoint.network, endpoint.id, port};
    if (is_range(port)) {
      ranges_.push_back(std::move(owner));
    } else if (port.has_host_ports()) {
      singles_.emplace(Number{port.protocol, port.host_ports.first}, std::move(owner));
    }
  }
}

void PortIndex::remove(Endpoint const& endpoint) {
  std::erase_if(ranges_,
                [&endpoint](PortOwner const& owner) { return owner.endpoint == endpoint.id; });
  for (PublishedPort const& port : endpoint.ports) {
    auto const [first, last] = singles_.equal_range({port.protocol, port.host_ports.first});
    auto const found = std::find_if(
        first, last, [&](auto const& each) { return each.second.endpoint == endpoint.id; });
    if (found != last) {
      singles_.erase(found);
    }
  }
}

PortOwner const* PortIndex::find(PublishedPort const& port, EndpointId const& except) const {
  auto const is_it = [&](PortOwner const& owner) {
    return owner.endpoint != except && clash(owner.port, port);
  };
  auto const first = singles_.lower_bound({port.protocol, port.host_ports.first});
  auto const last = singles_.upper_bound({port.protocol, port.host_ports.last});
  auto const single =
      std::find_if(first, last, [&is_it](auto const& each) { return is_it(each.second); });
  if (single != last) {
    return &single->second;
  }
  auto const range = std::find_if(ranges_.begin(), ranges_.end(), is_it);
  return range == ranges_.end() ? nullptr : &*range;
}

}  // namespace drawbridge
