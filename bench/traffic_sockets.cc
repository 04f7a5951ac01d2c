#include "bench/traffic_sockets.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

namespace drawbridge {

void give_up(std::string const& why) {
  std::fprintf(stderr, "traffic: %s\n", why.c_str());
  std::exit(1);
}

void give_up_with_errno(std::string const& what) {
  give_up(what + ": " + std::strerror(errno));
}

sockaddr_in socket_address(std::string const& ip, std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  if (::inet_pton(AF_INET, ip.c_str(), &address.sin_addr) != 1) {
    give_up(ip + ": not an IPv4 address");
  }
  return address;
}

FileDescriptor make_socket(int flags) {
  FileDescriptor made(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!made.is_open()) {
    give_up_with_errno("socket");
  }
  return made;
}

void set_no_delay(FileDescriptor const& socket) {
  int const on = 1;
  ::setsockopt(socket.get(), IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

void watch(FileDescriptor const& epoll, int fd, std::uint32_t events, std::uint64_t data) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = data;
  if (::epoll_ctl(epoll.get(), EPOLL_CTL_ADD, fd, &event) != 0) {
    give_up_with_errno("epoll_ctl");
  }
}

}  // namespace drawbridge
