// Which bridge a network's name or id stands for: our own networks, and those that the Docker API
// listed. Pure.
//
// Names are what users write into `allow_from`, also of networks that are not there yet; the plugin
// protocol knows ids only.
#pragma once

#include "model/network.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {

class NetworkDirectory {
 public:
  /// Adds or removes a network of our own; with it goes what Docker told of it.
  void add(Network const& network);
  void remove(NetworkId const& id);

  /// returns  what learn() would change: networks that come, go, or are called or wired in another
  ///          way, as they were and as they will be
  std::vector<KnownNetwork> difference(std::vector<KnownNetwork> const& networks) const;
  std::vector<KnownNetwork> difference(KnownNetwork const& network) const;

  /// Replaces what the Docker API listed: all of it, or one network.
  void learn(std::vector<KnownNetwork> networks);
  void learn(KnownNetwork network);

  /// returns  the bridges of networks with this name, or with this id or beginning of an id (12
  ///          digits or more). An id that nobody knows stands for a network of Docker's bridge
  ///          driver, which names the interface after it.
  std::set<std::string> bridges_of(NetworkPeer const& peer) const;

  /// returns  the name that the Docker API told
  std::optional<std::string> name_of(NetworkId const& id) const;

  /// returns  every subnet of a network whose bridge is known, and that bridge
  std::vector<std::pair<IpPrefix, std::string>> subnets() const;

  /// returns  what the Docker API listed, in the order of the ids
  std::vector<KnownNetwork> known() const;

 private:
  struct Place {
    std::string bridge;
    std::vector<IpPrefix> subnets;
  };

  void forget(NetworkId const& id);
  std::optional<std::string> bridge_of(NetworkId const& id) const;

  std::map<NetworkId, Place> own_;
  std::map<NetworkId, KnownNetwork> known_;
  std::multimap<std::string, NetworkId> by_name_;
};

}  // namespace drawbridge
