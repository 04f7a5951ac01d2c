// Published ports as people read them: in the log and in the table of `drawbridge ports`. Pure.
#pragma once

#include "driver/driver.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace drawbridge {

/// TCP, UDP and SCTP. source: IANA "protocol-numbers"
constexpr std::array<std::uint8_t, 3> protocols_with_ports{6, 17, 132};

/// A published port with what the driver does not know of it.
struct ListedPort {
  PortListing listing;
  std::string network_name;  // empty: not known
};

/// returns  the address of a container that the mapping leads to: of the host address' family where
///          the container has one, else of IPv4
std::optional<IpAddress> target_of(PublishedPort const& port, std::optional<IpAddress> const& ipv4,
                                   std::optional<IpAddress> const& ipv6);

/// returns  the first four, and how many more there are:
///          "0.0.0.0:8080->80/tcp,[::1]:8443->443/tcp". Every address of both families is 0.0.0.0;
///          a port without one of the host is "80/tcp".
std::string brief_text(std::vector<PublishedPort> const& ports);

/// returns  who reaches it: "all", "host", "none", or prefixes with commas between
std::string reach_text(PortListing const& port);

/// returns  a line of titles and one for each port, by host port; below them a line for each host
///          port that is not held
std::string port_table(std::vector<ListedPort> ports);

}  // namespace drawbridge
