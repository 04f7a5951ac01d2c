// Networks and endpoints as Docker asked for them. What follows from them in the kernel is decided
// in driver/desired_state.h.
#pragma once

#include "model/address.h"
#include "model/ids.h"
#include "model/policy.h"
#include "model/published_port.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drawbridge {

/// One subnet of a network. source: libnetwork driverapi IPAMData
struct Subnet {
  IpPrefix prefix;
  std::optional<IpAddress> gateway;  // absent: the network has none in this subnet

  auto operator<=>(Subnet const&) const = default;
};

/// Everything that CreateNetwork said, which is said only once in a network's life, and what the
/// host added then: enough to derive the rest again after a restart.
struct NetworkRequest {
  NetworkId id;
  bool internal = false;
  std::map<std::string, std::string> options;  // `-o KEY=VALUE`, as typed
  std::vector<Subnet> subnets;
  std::uint32_t default_mtu_bytes = 1500;  // of the host when the network was made

  bool operator==(NetworkRequest const&) const = default;
};

/// What the options of a request mean, all checked and all defaults filled in.
struct NetworkSpec {
  std::string bridge;
  std::uint32_t mtu_bytes = 1500;
  std::string container_interface_prefix = "eth";
  bool is_default_route = true;  // `gateway=auto`; false: never a container's way out
  bool inhibit_ipv4 = false;     // the bridge gets no IPv4 address: somebody else is the gateway
  Policy policy;

  bool operator==(NetworkSpec const&) const = default;
};

struct Network {
  NetworkRequest request;
  NetworkSpec spec;

  bool operator==(Network const&) const = default;
};

/// A network as the Docker API lists it; of drawbridge's own ones only the name is news.
struct KnownNetwork {
  NetworkId id;
  std::string name;
  std::string bridge;  // interface of a network of Docker's bridge driver; empty for all others
  std::vector<IpPrefix> subnets;

  bool operator==(KnownNetwork const&) const = default;
};

/// What the Docker API told about the container of an endpoint, as far as its network's policy
/// depends on it.
struct MemberMarks {
  std::string container;  // its name
  std::string project;    // of compose; empty: none
  bool is_hub = false;

  bool operator==(MemberMarks const&) const = default;
};

struct Endpoint {
  EndpointId id;
  NetworkId network;
  std::optional<IpPrefix> ipv4;
  std::optional<IpPrefix> ipv6;
  MacAddress mac;
  bool joined = false;                    // a sandbox has it: its veth pair must exist
  std::optional<MemberMarks> marks = {};  // absent until Docker told
  std::vector<PublishedPort> ports = {};  // in force while this is its container's gateway; sorted
  bool is_default_route = true;  // `drawbridge.gateway=none`: never its container's way out

  bool is_hub() const { return marks && marks->is_hub; }

  bool operator==(Endpoint const&) const = default;
};

/// A port of a network's range (`ports`) that is kept for a container, running or not.
struct PortLease {
  NetworkId network;
  std::string container;  // its name
  std::uint16_t host_port = 0;

  bool operator==(PortLease const&) const = default;
};

/// source: libnetwork drivers/remote/api JoinResponse
struct JoinReply {
  std::string interface_name;    // the container's end, still in the engine's namespace
  std::string interface_prefix;  // "eth": the engine adds a number
  std::optional<IpAddress> gateway_ipv4;
  std::optional<IpAddress> gateway_ipv6;
  bool no_gateway_service = false;  // without a gateway, and the engine must not add one of its own

  bool operator==(JoinReply const&) const = default;
};

}  // namespace drawbridge
