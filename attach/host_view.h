// What there is on this host, as far as proxies and attachments go: containers, and networks with
// what their options wish.
#pragma once

#include "model/container.h"
#include "model/matching.h"

#include <map>
#include <string>
#include <vector>

namespace drawbridge {

/// What makes one network another one than what somebody wants kept.
struct NetworkSettings {
  std::string driver = "drawbridge";
  std::map<std::string, std::string> options;  // `-o KEY=VALUE`
  std::string ipam_driver = "drawbridge";
  std::map<std::string, std::string> ipam_options;
  std::vector<IpPrefix> subnets;  // empty: whatever the pool gives
  bool internal = false;
  bool enable_ipv6 = false;

  bool operator==(NetworkSettings const&) const = default;
};

struct HostNetwork {
  NetworkId id;
  std::string name;
  bool is_ours = false;  // this daemon serves it
  std::string bridge;    // its interface on this host; empty: none, or not known
  NetworkSettings settings;
  // What its own options say; of networks of ours only.
  std::vector<std::string> proxies;  // names of containers
  ProxyMode proxy_mode = ProxyMode::route;
  std::vector<Match> attach;

  bool operator==(HostNetwork const&) const = default;
};

struct HostView {
  std::map<ContainerId, Container> containers;
  std::map<NetworkId, HostNetwork> networks;

  bool operator==(HostView const&) const = default;
};

}  // namespace drawbridge
