// The state anew, from what Docker lists and the kernel holds: networks, endpoints, leases. Pure.
//
// For a start after the state file was lost: CreateNetwork and CreateEndpoint are said only once.
// plugin/rebuilding.h carries it out. source: docs/adr/0029-rebuilding-state.md
#pragma once

#include "model/docker.h"
#include "model/network.h"
#include "model/pool.h"
#include "netlink/kernel_state.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {

/// What is known without Docker.
struct RebuildGround {
  std::string driver;                           // as engines call us: "drawbridge"
  std::map<std::string, std::string> defaults;  // option values for networks that set none
  std::uint32_t mtu_bytes = 1500;               // for networks whose bridge is gone
  std::set<NetworkId> networks;                 // that need no rebuilding
  std::set<PoolId> pools;                       // the same
};

struct Rebuilt {
  std::vector<NetworkRequest> networks;
  std::vector<Endpoint> endpoints;
  std::vector<PortLease> port_leases;
  std::vector<Pool> pools;
  std::vector<Lease> leases;
  std::vector<std::string> failures;  // a line for each network that cannot be rebuilt
};

/// returns  true for "drawbridge", and for "drawbridge:latest" of a managed plugin
bool is_called(std::string const& driver, std::string const& name);

/// returns  the networks that are ours in part or whole: the driver's, or the pools'
std::set<NetworkId> find_ours(DockerInventory const& docker, KernelState const& kernel,
                              std::string const& driver);

/// kernel  all that is ours, with elements
/// now     when addresses that containers chose and do not hold were released
Rebuilt rebuild(DockerInventory const& docker, KernelState const& kernel,
                RebuildGround const& ground, WallTime now);

}  // namespace drawbridge
