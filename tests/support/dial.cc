#include "tests/support/dial.h"

#include "ports/socket_address.h"
#include "tests/support/netns.h"
#include "tests/support/sockets.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <filesystem>
#include <iterator>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

constexpr int patience_ms = 5000;
constexpr int undecided_ms = 300;

SocketAddress address_of(std::string const& ip, std::uint16_t port) {
  return socket_address_of(IpAddress::parse(ip).value(), port);
}

FileDescriptor open_socket(SocketAddress const& address, int type) {
  return FileDescriptor(::socket(address.storage.ss_family, type | SOCK_CLOEXEC, 0));
}

/// returns  a socket whose connection is under way
FileDescriptor begin_to_dial(int type, std::string const& ip, std::uint16_t port) {
  SocketAddress const address = address_of(ip, port);
  FileDescriptor socket = open_socket(address, type | SOCK_NONBLOCK);
  int const begun = ::connect(socket.get(), address.data(), address.size);
  EXPECT_TRUE(begun == 0 || errno == EINPROGRESS || errno == ECONNREFUSED);
  return socket;
}

/// returns  true when the connection has succeeded or failed
bool is_decided(FileDescriptor const& socket, int within_ms) {
  pollfd waiting{socket.get(), POLLOUT, 0};
  return ::poll(&waiting, 1, within_ms) == 1;
}

int error_of(FileDescriptor const& socket) {
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

}  // namespace

FileDescriptor serve(int type, std::string const& ip, std::uint16_t port,
                     std::initializer_list<int> options) {
  SocketAddress const address = address_of(ip, port);
  FileDescriptor socket = open_socket(address, type);
  for (int const option : options) {
    int const on = 1;
    EXPECT_EQ(::setsockopt(socket.get(), SOL_SOCKET, option, &on, sizeof on), 0);
  }
  bool const serves = ::bind(socket.get(), address.data(), address.size) == 0 &&
                      (type == SOCK_DGRAM || ::listen(socket.get(), SOMAXCONN) == 0);
  return serves ? std::move(socket) : FileDescriptor();
}

std::uint16_t port_of(FileDescriptor const& socket) {
  SocketAddress address;
  EXPECT_EQ(::getsockname(socket.get(), address.data(), &address.size), 0);
  return port_of(address);
}

FileDescriptor dial(int type, std::string const& ip, std::uint16_t port, int within_ms) {
  FileDescriptor socket = begin_to_dial(type, ip, port);
  if (!is_decided(socket, within_ms) || error_of(socket) != 0) {
    return {};
  }
  ::fcntl(socket.get(), F_SETFL, 0);
  return socket;
}

bool is_unanswered(std::string const& ip, std::uint16_t port) {
  return !is_decided(begin_to_dial(SOCK_STREAM, ip, port), undecided_ms);
}

FileDescriptor accept_from(FileDescriptor const& listener) {
  return becomes_readable(listener, patience_ms)
             ? FileDescriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC))
             : FileDescriptor();
}

void say(FileDescriptor const& socket, std::string const& words) {
  std::size_t said = 0;
  while (said < words.size()) {
    ssize_t const size =
        ::send(socket.get(), words.data() + said, words.size() - said, MSG_NOSIGNAL);
    ASSERT_GT(size, 0);
    said += static_cast<std::size_t>(size);
  }
}

std::string hear(FileDescriptor const& socket, std::size_t size) {
  std::string heard(size, '\0');
  std::size_t count = 0;
  while (count < size && becomes_readable(socket, patience_ms)) {
    ssize_t const more = ::recv(socket.get(), heard.data() + count, size - count, 0);
    if (more <= 0) {
      break;
    }
    count += static_cast<std::size_t>(more);
  }
  heard.resize(count);
  return heard;
}

bool ends(FileDescriptor const& socket, int error) {
  char byte = 0;
  if (!becomes_readable(socket, patience_ms)) {
    return false;
  }
  ssize_t const size = ::recv(socket.get(), &byte, 1, 0);
  return error == 0 ? size == 0 : size < 0 && errno == error;
}

void add_loopback_address(std::string const& ip) {
  bool const is_ipv6 = ip.find(':') != std::string::npos;
  shell(fmt::format("ip address add {}/{} dev lo{}", ip, is_ipv6 ? 128 : 32,
                    is_ipv6 ? " nodad" : ""));
  // The route to an IPv6 address comes a moment after the address.
  shell(fmt::format("until ip route get {} | grep -q '^local '; do sleep 0.01; done", ip));
}

std::size_t open_descriptors() {
  std::filesystem::directory_iterator const all("/proc/self/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace drawbridge
