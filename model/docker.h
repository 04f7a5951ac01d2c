// What a Docker engine says that it holds: its networks, their subnets and endpoints.
//
// Only what drawbridge compares, shows and decides by. What Docker asks of drawbridge is in
// network.h and pool.h. source: Docker Engine API v1.40, GET /networks, /networks/{id} and
// /containers/json
#pragma once

#include "model/address.h"
#include "model/container.h"
#include "model/ids.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drawbridge {

/// One subnet as the engine lists it: what the user configured, else what the IPAM driver gave. So
/// the gateway and the auxiliary addresses that nobody configured may be missing, and the prefix of
/// a network that asked for any subnet of a length is 0.0.0.0/N or ::/N.
struct DockerSubnet {
  IpPrefix prefix;  // without host bits
  std::optional<IpAddress> gateway;
  std::vector<IpAddress> auxiliary;
  std::optional<IpPrefix> range = {};  // --ip-range

  bool operator==(DockerSubnet const&) const = default;
};

struct DockerEndpoint {
  EndpointId id;
  std::string name;  // of the container
  std::optional<IpPrefix> ipv4;
  std::optional<IpPrefix> ipv6;
  std::optional<MacAddress> mac = {};

  bool operator==(DockerEndpoint const&) const = default;
};

struct DockerNetwork {
  NetworkId id;
  std::string name;
  std::string driver;
  std::string bridge;  // the host's interface, of networks of Docker's own bridge driver only
  std::string ipam_driver;
  std::vector<DockerSubnet> subnets;
  std::vector<DockerEndpoint> endpoints;
  bool internal = false;
  std::map<std::string, std::string> options = {};  // `-o KEY=VALUE`
  std::map<std::string, std::string> ipam_options = {};
  bool enable_ipv6 = false;
  std::string scope = {};  // "local", or "swarm"

  bool operator==(DockerNetwork const&) const = default;
};

/// One look at an engine: every network that it has, whole, and every container.
struct DockerInventory {
  std::vector<DockerNetwork> networks;
  std::vector<Container> containers = {};

  bool operator==(DockerInventory const&) const = default;
};

/// What is decided by about a container.
struct ContainerMarks {
  std::string name;
  std::map<std::string, std::string> labels;

  bool operator==(ContainerMarks const&) const = default;
};

/// What the plugin protocol does not tell about an endpoint.
struct EndpointName {
  NetworkId network;
  EndpointId endpoint;
  std::string network_name;
  std::string container_name;
  std::optional<ContainerMarks> marks = {};  // absent: not asked for, or not there any more

  bool operator==(EndpointName const&) const = default;
};

}  // namespace drawbridge
