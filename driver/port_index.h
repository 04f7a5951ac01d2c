// Who publishes which ports of this host: all endpoints of all networks. Pure.
#pragma once

#include "model/network.h"

#include <cstdint>
#include <map>
#include <utility>
#include <vector>

namespace drawbridge {

struct PortOwner {
  NetworkId network;
  EndpointId endpoint;
  PublishedPort port;

  bool operator==(PortOwner const&) const = default;
};

class PortIndex {
 public:
  /// The ports of an endpoint, all of them.
  void add(Endpoint const& endpoint);
  void remove(Endpoint const& endpoint);

  /// returns  who has a port that clashes with this one; null when nobody but `except` has
  PortOwner const* find(PublishedPort const& port, EndpointId const& except) const;

 private:
  using Number = std::pair<std::uint8_t, std::uint16_t>;  // protocol, host port

  std::multimap<Number, PortOwner> singles_;
  std::vector<PortOwner> ranges_;  // few: neighbours are gathered
};

}  // namespace drawbridge
