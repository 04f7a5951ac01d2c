#include "driver/network_directory.h"

#include "driver/names.h"

#include <algorithm>
#include <utility>

namespace drawbridge {
namespace {

/// Calls `visit` with every entry whose id begins with `prefix`.
template <class Map, class Visit>
void for_each_with(Map const& map, std::string const& prefix, Visit visit) {
  for (auto each = map.lower_bound(NetworkId{prefix});
       each != map.end() && each->first.value.starts_with(prefix); ++each) {
    visit(*each);
  }
}

}  // namespace

void NetworkDirectory::add(Network const& network) {
  Place place{network.spec.bridge, {}};
  for (Subnet const& subnet : network.request.subnets) {
    place.subnets.push_back(subnet.prefix);
  }
  own_.insert_or_assign(network.request.id, std::move(place));
}

void NetworkDirectory::remove(NetworkId const& id) {
  own_.erase(id);
  forget(id);
}

std::vector<KnownNetwork> NetworkDirectory::difference(
    std::vector<KnownNetwork> const& networks) const {
  std::vector<KnownNetwork> changed;
  std::set<NetworkId> listed;
  for (KnownNetwork const& network : networks) {
    listed.insert(network.id);
    for (KnownNetwork& each : difference(network)) {
      changed.push_back(std::move(each));
    }
  }
  for (auto const& [id, network] : known_) {
    if (!listed.contains(id)) {
      changed.push_back(network);
    }
  }
  return changed;
}

std::vector<KnownNetwork> NetworkDirectory::difference(KnownNetwork const& network) const {
  auto const was = known_.find(network.id);
  if (was == known_.end()) {
    return {network};
  }
  return was->second == network ? std::vector<KnownNetwork>{}
                                : std::vector<KnownNetwork>{was->second, network};
}

void NetworkDirectory::learn(std::vector<KnownNetwork> networks) {
  known_.clear();
  by_name_.clear();
  for (KnownNetwork& network : networks) {
    learn(std::move(network));
  }
}

void NetworkDirectory::learn(KnownNetwork network) {
  forget(network.id);
  by_name_.emplace(network.name, network.id);
  NetworkId id = network.id;
  known_.insert_or_assign(std::move(id), std::move(network));
}

void NetworkDirectory::forget(NetworkId const& id) {
  auto const known = known_.find(id);
  if (known == known_.end()) {
    return;
  }
  auto const [first, last] = by_name_.equal_range(known->second.name);
  by_name_.erase(
      std::find_if(first, last, [&id](auto const& named) { return named.second == id; }));
  known_.erase(known);
}

std::optional<std::string> NetworkDirectory::bridge_of(NetworkId const& id) const {
  auto const own = own_.find(id);
  if (own != own_.end()) {
    return own->second.bridge;
  }
  auto const known = known_.find(id);
  bool const has_bridge = known != known_.end() && !known->second.bridge.empty();
  return has_bridge ? std::optional(known->second.bridge) : std::nullopt;
}

std::set<std::string> NetworkDirectory::bridges_of(NetworkPeer const& peer) const {
  std::set<std::string> bridges;
  auto const add = [&](NetworkId const& id) {
    if (std::optional<std::string> const bridge = bridge_of(id)) {
      bridges.insert(*bridge);
    }
  };
  auto const [first, last] = by_name_.equal_range(peer.name_or_id);
  std::for_each(first, last, [&add](auto const& named) { add(named.second); });
  if (!is_network_id(peer.name_or_id)) {
    return bridges;
  }
  bool is_known = false;
  auto const add_with_id = [&](auto const& entry) {
    is_known = true;
    add(entry.first);
  };
  for_each_with(own_, peer.name_or_id, add_with_id);
  for_each_with(known_, peer.name_or_id, add_with_id);
  if (!is_known) {
    bridges.insert("br-" + std::string(NetworkId{peer.name_or_id}.brief()));
  }
  return bridges;
}

std::optional<std::string> NetworkDirectory::name_of(NetworkId const& id) const {
  auto const known = known_.find(id);
  return known == known_.end() ? std::nullopt : std::optional(known->second.name);
}

std::vector<std::pair<IpPrefix, std::string>> NetworkDirectory::subnets() const {
  std::vector<std::pair<IpPrefix, std::string>> all;
  auto const add = [&all](std::vector<IpPrefix> const& subnets, std::string const& bridge) {
    for (IpPrefix const& subnet : subnets) {
      all.emplace_back(subnet, bridge);
    }
  };
  for (auto const& [id, place] : own_) {
    add(place.subnets, place.bridge);
  }
  for (auto const& [id, network] : known_) {
    if (!network.bridge.empty()) {
      add(network.subnets, network.bridge);
    }
  }
  return all;
}

std::vector<KnownNetwork> NetworkDirectory::known() const {
  std::vector<KnownNetwork> networks;
  networks.reserve(known_.size());
  for (auto const& [id, network] : known_) {
    networks.push_back(network);
  }
  return networks;
}

}  // namespace drawbridge
