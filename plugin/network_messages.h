// NetworkDriver.* bodies to values and back. Pure.
//
// Lenient where engines differ (absent, null and empty mean the same; unknown keys are skipped),
// strict where a wrong value would be acted on.
// source: docs/PROTOCOL.md "Network driver"; libnetwork drivers/remote/api
#pragma once

#include "base/result.h"
#include "model/network.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

struct EndpointRef {
  NetworkId network;
  EndpointId endpoint;
};

struct CreateEndpointMessage {
  Endpoint endpoint;
  std::optional<MacAddress> mac;  // the user's; then the reply must not repeat one
};

struct JoinMessage {
  EndpointRef ref;
  std::string sandbox;  // the same for all endpoints of a container; not a path to be opened
};

struct ProgramMessage {
  EndpointRef ref;
  std::vector<PortRequest> ports;
  bool only_ipv4 = false;  // another endpoint is the container's way out by IPv6
};

/// errors of all  invalid_argument   not JSON, or a value that cannot be; the text names the key
Result<NetworkRequest> decode_create_network(std::string_view body);
Result<NetworkId> decode_network_id(std::string_view body);
Result<EndpointRef> decode_endpoint_ref(std::string_view body);
Result<CreateEndpointMessage> decode_create_endpoint(std::string_view body);
Result<JoinMessage> decode_join(std::string_view body);
Result<ProgramMessage> decode_program(std::string_view body);
/// Of AllocateNetwork: the options that the reply repeats, so that they reach the workers.
///
/// returns  JSON: {"Options":{...}}
Result<std::string> echo_allocate_network(std::string_view body);

std::string encode_mac(std::optional<MacAddress> mac);
std::string encode_join(JoinReply const& reply);

}  // namespace drawbridge
