#include "driver/peer_index.h"

#include <variant>

namespace drawbridge {

void PeerIndex::add(Network const& network) {
  for (Permission const& permission : network.spec.policy.allow_from) {
    if (auto const* peer = std::get_if<NetworkPeer>(&permission.from)) {
      naming_[peer->name_or_id].insert(network.request.id);
    }
  }
}

void PeerIndex::remove(Network const& network) {
  for (Permission const& permission : network.spec.policy.allow_from) {
    auto const* peer = std::get_if<NetworkPeer>(&permission.from);
    auto const named = peer == nullptr ? naming_.end() : naming_.find(peer->name_or_id);
    if (named != naming_.end() && named->second.erase(network.request.id) > 0 &&
        named->second.empty()) {
      naming_.erase(named);
    }
  }
}

std::set<NetworkId> PeerIndex::naming(NetworkId const& id) const {
  std::set<NetworkId> networks;
  std::string const brief(id.brief());
  for (auto each = naming_.lower_bound(brief);
       each != naming_.end() && each->first.starts_with(brief); ++each) {
    networks.insert(each->second.begin(), each->second.end());
  }
  return networks;
}

std::set<NetworkId> PeerIndex::naming(std::string const& name) const {
  auto const named = naming_.find(name);
  return named == naming_.end() ? std::set<NetworkId>() : named->second;
}

}  // namespace drawbridge
