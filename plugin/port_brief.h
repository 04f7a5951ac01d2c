// Published ports in a few words: for the log, and for what the engine is told. Pure.
#pragma once

#include "model/published_port.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace drawbridge {

/// TCP, UDP and SCTP. source: IANA "protocol-numbers"
constexpr std::array<std::uint8_t, 3> protocols_with_ports{6, 17, 132};

/// returns  the address of a container that the mapping leads to: of the host address' family where
///          the container has one, else of IPv4
std::optional<IpAddress> target_of(PublishedPort const& port, std::optional<IpAddress> const& ipv4,
                                   std::optional<IpAddress> const& ipv6);

/// returns  the address as it stands before ":80": "[fd00::2]"
std::string before_port(IpAddress const& address);

/// returns  where the port is reached on this host, an address of both families by that of IPv4:
///          "0.0.0.0:8080-8090"
std::string published_text(PublishedPort const& port);

/// returns  the ports of the container: "80", "80-90"
std::string container_numbers(PublishedPort const& port);

/// returns  the first four, and how many more there are:
///          "0.0.0.0:8080->80/tcp,[::1]:8443->443/tcp". Every address of both families is 0.0.0.0;
///          a port without one of the host is "80/tcp".
std::string brief_text(std::vector<PublishedPort> const& ports);

}  // namespace drawbridge
