#include "tests/support/sockets.h"

#include <arpa/inet.h>
#include <poll.h>

namespace drawbridge {

sockaddr_in6 socket_address(std::string const& ip, std::uint16_t port) {
  bool const is_ipv6 = ip.find(':') != std::string::npos;
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  inet_pton(AF_INET6, (is_ipv6 ? ip : "::ffff:" + ip).c_str(), &address.sin6_addr);
  return address;
}

bool becomes_readable(FileDescriptor const& socket, int patience_ms) {
  pollfd waiting{socket.get(), POLLIN, 0};
  return ::poll(&waiting, 1, patience_ms) == 1;
}

}  // namespace drawbridge
