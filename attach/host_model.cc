#include "attach/host_model.h"

#include <algorithm>
#include <utility>

namespace drawbridge {
namespace {

constexpr int looks_until_lost = 2;  // a look may be older than a Join

/// Only one variable is ever looked at; the others are nobody's business.
std::vector<std::string> relevant(std::vector<std::string> environment) {
  std::erase_if(environment,
                [](std::string const& each) { return !each.starts_with("VIRTUAL_HOST="); });
  return environment;
}

HostNetwork host_network(DockerNetwork const& network) {
  HostNetwork made;
  made.id = network.id;
  made.name = network.name;
  made.bridge = network.bridge;
  made.settings.driver = network.driver;
  made.settings.options = network.options;
  made.settings.ipam_driver = network.ipam_driver;
  made.settings.ipam_options = network.ipam_options;
  made.settings.internal = network.internal;
  made.settings.enable_ipv6 = network.enable_ipv6;
  for (DockerSubnet const& subnet : network.subnets) {
    // 0.0.0.0/24: any subnet of that length was asked for.
    if (subnet.prefix.address.bits != 0) {
      made.settings.subnets.push_back(subnet.prefix);
    }
  }
  return made;
}

bool is_local(DockerNetwork const& network) {
  return network.scope.empty() || network.scope == "local";
}

void forget_endpoint(Attachment& place) {
  place.endpoint.value.clear();
  place.ipv4.reset();
  place.ipv6.reset();
  place.left = false;
}

}  // namespace

void HostModel::looked(std::vector<DockerNetwork> const& networks,
                       std::vector<Container> const& containers) {
  take_networks(networks);
  std::map<ContainerId, Container> const before = std::exchange(containers_, {});
  just_listed_.clear();
  for (Container container : containers) {
    if (auto const known = before.find(container.id); known != before.end()) {
      container.environment = known->second.environment;
    }
    take(std::move(container));
  }
  compare_with_look(containers);
  find_owners();
}

void HostModel::take_networks(std::vector<DockerNetwork> const& networks) {
  networks_.clear();
  unknown_.clear();
  for (DockerNetwork const& network : networks) {
    if (is_local(network)) {
      networks_.insert_or_assign(network.id, host_network(network));
    }
  }
}

/// What a container lists that does not run may be long gone.
void HostModel::take(Container container) {
  for (Attachment& place : container.attachments) {
    if (container.state != RunState::running) {
      forget_endpoint(place);
    } else {
      place.left = gone_.contains(place.endpoint);
    }
  }
  containers_.insert_or_assign(container.id, std::move(container));
}

void HostModel::compare_with_look(std::vector<Container> const& containers) {
  std::map<EndpointId, ContainerId> shown;
  for (Container const& container : containers) {
    for (Attachment const& place : container.attachments) {
      if (container.state == RunState::running) {
        shown.emplace(place.endpoint, container.id);
      }
    }
  }
  for (auto& [id, joined] : joined_) {
    auto const found = shown.find(id);
    joined.unseen = found == shown.end() ? joined.unseen + 1 : 0;
    if (found != shown.end()) {
      joined.container = found->second;
    }
  }
  std::erase_if(joined_, [](auto const& each) { return each.second.unseen >= looks_until_lost; });
  std::erase_if(gone_, [&shown](EndpointId const& each) { return !shown.contains(each); });
}

void HostModel::saw(DockerNetwork const& network) {
  unknown_.erase(network.id);
  if (!is_local(network)) {
    return;
  }
  networks_.insert_or_assign(network.id, host_network(network));
  for (DockerEndpoint const& endpoint : network.endpoints) {
    if (auto const found = joined_.find(endpoint.id); found != joined_.end()) {
      found->second.name = endpoint.name;
      found->second.container.reset();
    }
  }
  find_owners();
}

void HostModel::listed(ContainerId const& id, std::optional<Container> const& container) {
  just_listed_.insert(id);
  if (!container) {
    return;
  }
  Container taken = *container;
  if (auto const known = containers_.find(id); known != containers_.end()) {
    taken.environment = known->second.environment;
  }
  take(std::move(taken));
  find_owners();
}

/// Where it is may have changed since the answer was written: events and lists tell that.
void HostModel::inspected(Container const& container) {
  auto const found = containers_.find(container.id);
  if (found != containers_.end()) {
    found->second.environment =
        relevant(container.environment.value_or(std::vector<std::string>{}));
    found->second.network_mode = container.network_mode;
  }
}

void HostModel::created(ContainerId const& id, std::string name,
                        std::map<std::string, std::string> labels) {
  Container container;
  container.id = id;
  container.name = std::move(name);
  container.labels = std::move(labels);
  containers_.emplace(id, std::move(container));
  find_owners();
}

void HostModel::started(ContainerId const& id) {
  if (auto const found = containers_.find(id); found != containers_.end()) {
    found->second.state = RunState::running;
    just_listed_.erase(id);
  }
}

void HostModel::died(ContainerId const& id) {
  auto const found = containers_.find(id);
  if (found == containers_.end()) {
    return;
  }
  found->second.state = RunState::stopped;
  for (Attachment& place : found->second.attachments) {
    forget_endpoint(place);
  }
}

void HostModel::renamed(ContainerId const& id, std::string name) {
  if (auto const found = containers_.find(id); found != containers_.end()) {
    found->second.name = std::move(name);
  }
}

void HostModel::destroyed(ContainerId const& id) {
  containers_.erase(id);
  just_listed_.erase(id);
  std::erase_if(joined_, [&id](auto const& each) { return each.second.container == id; });
}

void HostModel::connected(NetworkId const& network, ContainerId const& id) {
  auto const found = containers_.find(id);
  if (found == containers_.end()) {
    return;
  }
  Attachment& at = place(found->second, network);
  if (at.left) {
    forget_endpoint(at);
  }
  just_listed_.erase(id);
}

/// Behind a container's end the engine tells that it is off its networks, where it keeps its place.
void HostModel::disconnected(NetworkId const& network, ContainerId const& id) {
  auto const found = containers_.find(id);
  if (found == containers_.end()) {
    return;
  }
  for (Attachment& each : found->second.attachments) {
    if (id_of(each) == network && found->second.state == RunState::running) {
      each.left = true;
    }
  }
}

void HostModel::network_appeared(NetworkId const& id) {
  if (!networks_.contains(id)) {
    unknown_.insert(id);
  }
}

void HostModel::network_gone(NetworkId const& id) {
  networks_.erase(id);
  unknown_.erase(id);
  for (auto& [container, known] : containers_) {
    std::erase_if(known.attachments, [&id](Attachment const& each) { return each.network == id; });
  }
  std::erase_if(joined_, [&id](auto const& each) { return each.second.endpoint.network == id; });
}

void HostModel::own_networks_are(std::vector<OwnNetwork> networks) {
  own_.clear();
  for (OwnNetwork& network : networks) {
    NetworkId const id = network.id;
    own_.insert_or_assign(id, std::move(network));
  }
}

void HostModel::joined(OwnEndpoint endpoint) {
  EndpointId const id = endpoint.endpoint;
  gone_.erase(id);
  joined_.insert_or_assign(id, Joined{std::move(endpoint), {}, {}});
}

void HostModel::left(EndpointId const& endpoint) {
  gone_.insert(endpoint);
  if (auto const found = joined_.find(endpoint); found != joined_.end()) {
    Joined const was = found->second;
    joined_.erase(found);
    auto const owner = was.container ? containers_.find(*was.container) : containers_.end();
    if (owner != containers_.end() && owner->second.state != RunState::stopped) {
      place(owner->second, was.endpoint.network).left = true;
    }
  }
  for (auto& [id, container] : containers_) {
    for (Attachment& each : container.attachments) {
      each.left = each.left || each.endpoint == endpoint;
    }
  }
}

void HostModel::is_of(EndpointId const& endpoint, ContainerId const& container) {
  if (auto const found = joined_.find(endpoint); found != joined_.end()) {
    found->second.container = container;
  }
}

void HostModel::taken_off(NetworkId const& network, ContainerId const& container) {
  if (auto const found = containers_.find(container); found != containers_.end()) {
    std::erase_if(found->second.attachments,
                  [&](Attachment const& each) { return id_of(each) == network; });
  }
  std::erase_if(joined_, [&](auto const& each) {
    return each.second.endpoint.network == network && each.second.container == container;
  });
}

void HostModel::find_owners() {
  for (auto& [id, joined] : joined_) {
    if (joined.container || joined.name.empty()) {
      continue;
    }
    auto const owner =
        std::find_if(containers_.begin(), containers_.end(),
                     [&name = joined.name](auto const& each) { return each.second.name == name; });
    if (owner != containers_.end()) {
      joined.container = owner->first;
    }
  }
}

Attachment& HostModel::place(Container& container, NetworkId const& network) {
  auto const found = std::find_if(container.attachments.begin(), container.attachments.end(),
                                  [&](Attachment const& each) { return id_of(each) == network; });
  return found != container.attachments.end()
             ? *found
             : container.attachments.emplace_back(Attachment{network, {}, {}, {}});
}

bool HostModel::is_joined(NetworkId const& network, ContainerId const& container) const {
  return std::any_of(joined_.begin(), joined_.end(), [&](auto const& each) {
    return each.second.endpoint.network == network && each.second.container == container;
  });
}

NetworkId HostModel::id_of(Attachment const& place) const {
  if (!place.network.value.empty() || place.network_name.empty()) {
    return place.network;
  }
  auto const named = std::find_if(networks_.begin(), networks_.end(), [&place](auto const& each) {
    return each.second.name == place.network_name;
  });
  return named == networks_.end() ? place.network : named->first;
}

}  // namespace drawbridge
