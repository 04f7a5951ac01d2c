// Datagrams of a port's socket, with the address of this host that each went to: the answer has to
// leave from there. source: ip(7) IP_PKTINFO, RFC 3542
#pragma once

#include "model/address.h"
#include "ports/socket_address.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace drawbridge {

/// Who asked, and where.
struct DatagramPath {
  IpAddress client;
  std::uint16_t client_port = 0;
  IpAddress local;
  std::uint32_t interface = 0;  // of link-local addresses, 0 of others

  auto operator<=>(DatagramPath const&) const = default;
};

struct Datagram {
  DatagramPath path;
  std::span<char const> bytes;  // may be none
};

/// socket  as open_port_socket() made it
/// buffer  where the bytes are put
///
/// returns  none when there is no datagram to be read
std::optional<Datagram> receive_datagram(int socket, std::span<char> buffer);

/// Sends an answer back along the path. What the kernel does not take is lost, as datagrams are.
void answer_datagram(int socket, DatagramPath const& path, std::span<char const> bytes);

}  // namespace drawbridge
