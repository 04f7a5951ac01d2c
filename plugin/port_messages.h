// Published ports in the engine's JSON: port maps and what becomes of them. Pure.
//
// source: docs/PROTOCOL.md "Network driver"; libnetwork types PortBinding and TransportPort
#pragma once

#include "model/network.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

class JsonReader;

/// returns  a port; absent is 0. What is none is told to `in`.
std::uint16_t read_port(JsonReader const& in, std::string_view key);

/// returns  true where the options of ProgramExternalConnectivity say that another endpoint is the
///          way out by IPv6 (no_proxy_6to4): only IPv4 addresses of the host are asked for then
bool wants_no_ipv6(JsonReader const& options);

/// Reads "com.docker.network.portmap" of these options.
///
/// returns  in the order of the message; what is wrong is told to `options`
std::vector<PortRequest> read_port_requests(JsonReader const& options);

/// returns  the reply to EndpointOperInfo: what is published of the endpoint, an element for each
///          port, as the engine's own bridge driver tells it
std::string encode_endpoint_info(Endpoint const& endpoint);

}  // namespace drawbridge
