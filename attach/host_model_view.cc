// What a HostModel gives out: the view, and what it would have to know.
#include "attach/host_model.h"
#include "attach/match.h"

#include <algorithm>
#include <utility>

namespace drawbridge {
namespace {

std::optional<IpPrefix> as_prefix(std::optional<IpAddress> const& address) {
  return address ? std::optional(IpPrefix{*address, bits_of(address->family)}) : std::nullopt;
}

/// Puts what joined over what the container lists.
void lay_over(OwnEndpoint const& joined, Container& container) {
  auto place =
      std::find_if(container.attachments.begin(), container.attachments.end(),
                   [&joined](Attachment const& each) { return each.network == joined.network; });
  if (place == container.attachments.end()) {
    place = container.attachments.insert(place, Attachment{joined.network, {}, {}, {}});
  }
  place->endpoint = joined.endpoint;
  place->ipv4 = as_prefix(joined.ipv4);
  place->ipv6 = as_prefix(joined.ipv6);
  place->left = false;
  container.state = RunState::running;
}

void lay_over(OwnNetwork const& own, HostNetwork& network) {
  network.is_ours = true;
  network.bridge = own.bridge;
  network.proxies = own.proxies;
  network.proxy_mode = own.proxy_mode;
  network.attach = own.attach;
}

}  // namespace

HostView HostModel::view() const {
  HostView view;
  for (auto const& [id, container] : containers_) {
    view.containers.emplace(id, composed(container));
  }
  for (auto const& [id, joined] : joined_) {
    auto const owner =
        joined.container ? view.containers.find(*joined.container) : view.containers.end();
    if (owner != view.containers.end()) {
      lay_over(joined.endpoint, owner->second);
    }
  }
  view.networks = networks_;
  for (auto const& [id, own] : own_) {
    if (auto const found = view.networks.find(id); found != view.networks.end()) {
      lay_over(own, found->second);
    }
  }
  return view;
}

/// Networks that only their name tells get their id.
Container HostModel::composed(Container container) const {
  for (Attachment& place : container.attachments) {
    place.network = id_of(place);
  }
  return container;
}

bool HostModel::has_started(ContainerId const& id) const {
  auto const found = containers_.find(id);
  return found != containers_.end() && found->second.state == RunState::running;
}

bool HostModel::has_owner(EndpointId const& endpoint) const {
  auto const found = joined_.find(endpoint);
  return found == joined_.end() || found->second.container;
}

bool HostModel::is_understood(EndpointId const& endpoint) const {
  auto const found = joined_.find(endpoint);
  if (found == joined_.end()) {
    return true;
  }
  auto const owner =
      found->second.container ? containers_.find(*found->second.container) : containers_.end();
  return owner != containers_.end() && !could_become_routable(owner->second);
}

std::set<ContainerId> HostModel::to_inspect() const {
  std::set<ContainerId> ids;
  for (auto const& [id, container] : containers_) {
    if (is_to_be_inspected(id)) {
      ids.insert(id);
    }
  }
  return ids;
}

bool HostModel::is_to_be_inspected(ContainerId const& id) const {
  auto const found = containers_.find(id);
  return found != containers_.end() &&
         (could_become_routable(found->second) || found->second.network_mode.empty());
}

std::set<ContainerId> HostModel::to_list(std::set<std::string> const& proxies,
                                         std::set<NetworkId> const& where) const {
  std::set<ContainerId> ids;
  for (auto const& [id, container] : containers_) {
    bool const is_proxy = proxies.contains(container.name);
    bool const is_wanted = std::any_of(container.attachments.begin(), container.attachments.end(),
                                       [&, &known = container](Attachment const& each) {
                                         return (is_proxy || where.contains(each.network)) &&
                                                is_asked_for(each, known);
                                       });
    if (is_wanted && container.state == RunState::running && !just_listed_.contains(id)) {
      ids.insert(id);
    }
  }
  return ids;
}

bool HostModel::is_asked_for(Attachment const& place, Container const& container) const {
  return !place.left && place.endpoint.value.empty() && !is_joined(place.network, container.id);
}

std::set<std::string> HostModel::to_find() const {
  std::set<std::string> names;
  for (auto const& [id, joined] : joined_) {
    if (!joined.container && !joined.name.empty()) {
      names.insert(joined.name);
    }
  }
  return names;
}

}  // namespace drawbridge
