// One socket that has one port of this host.
//
// source: docs/ports.md "Who has the port"; ip(7), ipv6(7), udp(7)
#pragma once

#include "base/file_descriptor.h"
#include "base/result.h"
#include "model/address.h"
#include "ports/port_filter.h"

#include <cstdint>
#include <optional>
#include <string>

namespace drawbridge {

struct HostPort {
  std::uint8_t protocol = 0;      // IANA "protocol-numbers": 6 TCP, 17 UDP, 132 SCTP
  std::optional<IpAddress> host;  // absent: every address of both families
  std::uint16_t port = 0;         // 0: any that is free

  /// returns  "tcp port 0.0.0.0:8080", "udp port [::1]:53"
  std::string to_string() const;
};

/// Opens a socket that has the port: no other socket gets it, nor an address of it, whatever
/// options that one sets. It sees only what `filter` lets through, from the first packet on. One
/// port of both families is one IPv6 socket, or an IPv4 socket where this host has no IPv6.
///
/// returns  a TCP socket that listens or a UDP socket that tells where packets went to, neither of
///          which blocks; a closed one for SCTP where the kernel has none: nothing can take the
///          port
/// errors   already_exists    another socket has it: "tcp port 0.0.0.0:8080 is taken"
///          exhausted         port 0: none is free
///          invalid_argument  the host has no such address
///          unsupported       a protocol without ports
///          kernel            no socket to be had
Result<FileDescriptor> open_port_socket(HostPort const& port, PortFilter const& filter);

/// returns  the port that the socket got; 0 of a closed one
std::uint16_t port_of_socket(FileDescriptor const& socket);

}  // namespace drawbridge
