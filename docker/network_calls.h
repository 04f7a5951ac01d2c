// Changes of the networks that a Docker engine has, and of who is on them, made over its API.
//
// All of them wait: the engine takes locks, and where the network is drawbridge's it calls
// drawbridge back (CreateNetwork, CreateEndpoint, Join, …) before it answers. So never on the
// thread that answers these calls, and always with a deadline. One that did not answer in time may
// still be done (20.10 made a disconnect after the Join that it had waited for, long after its
// connection had ended): only the next look tells. No policy: whether a network may be left is the
// caller's. source: Docker Engine API v1.40 to v1.48; texts of refusals as 20.10.24 answers
#pragma once

#include "base/result.h"
#include "docker/api_client.h"
#include "model/address.h"
#include "model/ids.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drawbridge {

/// Whether a call changed something, or found it as it should be.
enum class ApiChange : std::uint8_t { made, none };

/// API 1.N from which on an endpoint has a priority as the one with the default route.
constexpr int gateway_priority_minor_version = 48;

struct ConnectOptions {
  std::vector<std::string> aliases = {};
  std::optional<IpAddress> ipv4 = std::nullopt;  // the engine gives one otherwise
  /// Below 0 behind all others. Left out for engines older than API 1.48, which choose by the names
  /// of the networks (ApiClient::minor_version() tells).
  std::optional<int> gateway_priority = std::nullopt;
  std::map<std::string, std::string> driver_options = {};  // `--driver-opt KEY=VALUE`
};

/// Puts a container on a network. It takes the container's lock: while the container starts or
/// stops, and during a callback for one of its endpoints, it waits until that is over; another
/// container may be connected then (20.10, measured). A paused one can be connected.
///
/// returns  made   it is on the network now. For one that does not run also if it was before: the
///                 engine does not tell
///          none   it was. The engine compares names of endpoints: what an earlier container of the
///                 same name left behind looks alike, and only the next look tells
/// errors   not_found         no such network, or no such container
///          invalid_argument  the container has no network of its own (host, none, container:…), or
///                            the network is "host" or "none"
///          conflict          the container is being removed
///          unsupported       the engine failed: no address left, the address is not of the network
///          otherwise as ApiClient::post()
/// source   POST /networks/{id}/connect
Result<ApiChange> connect_container(ApiClient& api, NetworkId const& network,
                                    ContainerId const& container,
                                    ConnectOptions const& options = {});

enum class Disconnect : std::uint8_t {
  normal,
  forced  // also what is left of a container that is gone: the id must be its name then
};

/// Takes a container off a network. It takes the container's lock, as connect_container().
///
/// returns  made   it is off the network
///          none   it was not on it, or network or container are gone
/// errors   invalid_argument  the network is "host" or "none"
///          otherwise as ApiClient::post()
/// source   POST /networks/{id}/disconnect
Result<ApiChange> disconnect_container(ApiClient& api, NetworkId const& network,
                                       ContainerId const& container, Disconnect how);

/// One subnet of a network to be. What is absent the IPAM driver chooses.
struct DockerSubnetRequest {
  std::optional<IpPrefix> subnet = std::nullopt;
  std::optional<IpPrefix> ip_range = std::nullopt;
  std::optional<IpAddress> gateway = std::nullopt;
  std::map<std::string, IpAddress> auxiliary = {};
};

struct DockerNetworkRequest {
  std::string name;
  std::string driver = "bridge";
  std::map<std::string, std::string> options = {};
  std::string ipam_driver = "default";
  std::map<std::string, std::string> ipam_options = {};
  std::vector<DockerSubnetRequest> subnets = {};
  bool internal = false;
  bool enable_ipv6 = false;
  bool attachable = false;
  std::map<std::string, std::string> labels = {};
};

/// Creates a network. No container's lock is taken. The name of a driver that is not there costs
/// the engine 15 seconds before it says so (20.10): after the deadline.
///
/// returns  the network's id
/// errors   already_exists   a network of this name exists. Engines before 25 look before they
///                           create: of requests at the same moment several may succeed
///          conflict         the subnet is another network's
///          not_found        no such driver
///          invalid_argument, unsupported   the engine or the driver says why it will not
///          otherwise as ApiClient::post()
/// source   POST /networks/create
Result<NetworkId> create_network(ApiClient& api, DockerNetworkRequest const& request);

/// Deletes a network.
///
/// returns  none   it was gone
/// errors   conflict   a container is on it, or it is one of the engine's own
///          otherwise as ApiClient::remove()
/// source   DELETE /networks/{id}
Result<ApiChange> delete_network(ApiClient& api, NetworkId const& network);

}  // namespace drawbridge
