// Addresses as the socket calls want them, and back.
#pragma once

#include "model/address.h"

#include <cstdint>

#include <sys/socket.h>

namespace drawbridge {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = sizeof(sockaddr_storage);

  sockaddr const* data() const { return reinterpret_cast<sockaddr const*>(&storage); }
  sockaddr* data() { return reinterpret_cast<sockaddr*>(&storage); }
};

SocketAddress socket_address_of(IpAddress const& address, std::uint16_t port);

/// returns  the address; an IPv4 address that came through an IPv6 socket is an IPv4 address
IpAddress ip_address_of(SocketAddress const& address);
std::uint16_t port_of(SocketAddress const& address);

/// bytes  four, or sixteen, in network order
IpAddress ip_address_from(Family family, void const* bytes);

}  // namespace drawbridge
