// Published ports: `docker run -p` as the engine asks for it, and as it is in force.
//
// source: docs/PROTOCOL.md "Port structures"; docs/ports.md is the user's page.
#pragma once

#include "model/address.h"
#include "model/policy.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace drawbridge {

/// One element of "com.docker.network.portmap".
struct PortRequest {
  std::uint8_t protocol = 0;      // IANA "protocol-numbers": 6 TCP, 17 UDP, 132 SCTP
  std::optional<IpAddress> host;  // absent: every address of both families
  PortRange host_ports{0, 0};     // one of these is to be chosen; 0 to 0: any that is free
  std::uint16_t container_port = 0;

  auto operator<=>(PortRequest const&) const = default;
};

/// Ports of this host that lead to as many ports of a container, in their order. Or, with no host
/// ports, a port of a container that is reached as it is: in gateway mode "routed".
struct PublishedPort {
  std::uint8_t protocol = 0;
  std::optional<IpAddress> host;     // absent: every address of both families; 0.0.0.0, ::: of one
  PortRange host_ports{0, 0};        // 0 to 0: none
  std::uint16_t container_port = 0;  // where the first of them leads

  bool has_host_ports() const { return host_ports.first != 0; }
  /// returns  true where the ports keep their numbers
  bool keeps_numbers() const { return host_ports.first == container_port; }

  auto operator<=>(PublishedPort const&) const = default;
};

/// returns  "tcp", "udp", "sctp", or the number
std::string name_of_protocol(std::uint8_t protocol);

/// returns  true for a mapping of every address of a family, or of both
bool is_for_every_address(std::optional<IpAddress> const& host);

/// returns  true where two mappings want the same port of the same address of this host
bool clash(PublishedPort const& one, PublishedPort const& other);

}  // namespace drawbridge
