#include "netlink/local_address.h"

#include "base/file_descriptor.h"

#include <cstring>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

bool can_bind(FileDescriptor const& socket, void const* address, socklen_t size) {
  return ::bind(socket.get(), static_cast<sockaddr const*>(address), size) == 0;
}

}  // namespace

bool is_address_of_this_host(IpAddress const& address) {
  bool const is_ipv4 = address.family == Family::ipv4;
  FileDescriptor const socket(::socket(is_ipv4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (socket.get() < 0) {
    return false;
  }
  sockaddr_in ipv4{};
  ipv4.sin_family = AF_INET;
  ipv4.sin_addr.s_addr = htonl(static_cast<std::uint32_t>(address.bits));
  sockaddr_in6 ipv6{};
  ipv6.sin6_family = AF_INET6;
  for (int i = 0; i < 16; ++i) {
    ipv6.sin6_addr.s6_addr[i] = static_cast<std::uint8_t>(address.bits >> (8 * (15 - i)));
  }
  return is_ipv4 ? can_bind(socket, &ipv4, sizeof ipv4) : can_bind(socket, &ipv6, sizeof ipv6);
}

}  // namespace drawbridge
