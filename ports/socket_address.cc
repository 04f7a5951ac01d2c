#include "ports/socket_address.h"

#include <netinet/in.h>

namespace drawbridge {
namespace {

void write_bytes(AddressBits bits, std::uint8_t* bytes, int count) {
  for (int at = count - 1; at >= 0; --at) {
    bytes[at] = static_cast<std::uint8_t>(bits);
    bits >>= 8;
  }
}

sockaddr_in const& ipv4_part(SocketAddress const& address) {
  return reinterpret_cast<sockaddr_in const&>(address.storage);
}

sockaddr_in6 const& ipv6_part(SocketAddress const& address) {
  return reinterpret_cast<sockaddr_in6 const&>(address.storage);
}

}  // namespace

SocketAddress socket_address_of(IpAddress const& address, std::uint16_t port) {
  SocketAddress made;
  if (address.family == Family::ipv4) {
    auto& ipv4 = reinterpret_cast<sockaddr_in&>(made.storage);
    made.size = sizeof ipv4;
    ipv4.sin_family = AF_INET;
    ipv4.sin_port = htons(port);
    ipv4.sin_addr.s_addr = htonl(static_cast<std::uint32_t>(address.bits));
  } else {
    auto& ipv6 = reinterpret_cast<sockaddr_in6&>(made.storage);
    made.size = sizeof ipv6;
    ipv6.sin6_family = AF_INET6;
    ipv6.sin6_port = htons(port);
    write_bytes(address.bits, ipv6.sin6_addr.s6_addr, sizeof ipv6.sin6_addr);
  }
  return made;
}

IpAddress ip_address_from(Family family, void const* bytes) {
  auto const* const begin = static_cast<std::uint8_t const*>(bytes);
  if (family == Family::ipv6 && IN6_IS_ADDR_V4MAPPED(static_cast<in6_addr const*>(bytes))) {
    return ip_address_from(Family::ipv4, begin + 12);
  }
  IpAddress address{family, 0};
  for (auto const* at = begin; at != begin + bits_of(family) / 8; ++at) {
    address.bits = address.bits << 8 | *at;
  }
  return address;
}

IpAddress ip_address_of(SocketAddress const& address) {
  return address.storage.ss_family == AF_INET
             ? ip_address_from(Family::ipv4, &ipv4_part(address).sin_addr)
             : ip_address_from(Family::ipv6, &ipv6_part(address).sin6_addr);
}

std::uint16_t port_of(SocketAddress const& address) {
  return ntohs(address.storage.ss_family == AF_INET ? ipv4_part(address).sin_port
                                                    : ipv6_part(address).sin6_port);
}

}  // namespace drawbridge
