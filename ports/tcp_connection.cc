#include "ports/tcp_connection.h"

#include "ports/socket_address.h"

#include <cerrno>
#include <utility>

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

using boost::system::error_code;

/// A connection moves so much at most before others have their turn.
constexpr int rounds = 16;

void set_option(int socket, int level, int option) {
  int const on = 1;
  ::setsockopt(socket, level, option, &on, sizeof on);
}

/// Small pieces go on at once, and a peer that vanished is found out.
void set_options(int socket) {
  set_option(socket, IPPROTO_TCP, TCP_NODELAY);
  set_option(socket, SOL_SOCKET, SO_KEEPALIVE);
}

bool would_block() {
  return errno == EAGAIN || errno == EINTR;
}

/// returns  false when Asio cannot have it; the socket is closed then
bool give(FileDescriptor socket, TcpConnection::Descriptor& descriptor) {
  error_code error;
  if (descriptor.assign(socket.get(), error)) {
    return false;
  }
  socket.release();
  return true;
}

FileDescriptor begin_to_connect(RelayTarget const& target) {
  SocketAddress const address = socket_address_of(target.address, target.port);
  FileDescriptor socket(
      ::socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, IPPROTO_TCP));
  set_options(socket.get());
  bool const begun =
      ::connect(socket.get(), address.data(), address.size) == 0 || errno == EINPROGRESS;
  return begun ? std::move(socket) : FileDescriptor();
}

}  // namespace

bool TcpConnection::open(FileDescriptor client, Origin const& origin) {
  origin_ = origin;
  set_options(client.get());
  if (!give(std::move(client), client_)) {
    return false;
  }
  FileDescriptor target = begin_to_connect(origin.target);
  return target.is_open() && give(std::move(target), target_);
}

bool TcpConnection::is_connected() {
  int error = 0;
  socklen_t size = sizeof error;
  return ::getsockopt(target_.native_handle(), SOL_SOCKET, SO_ERROR, &error, &size) == 0 &&
         error == 0;
}

TcpConnection::Pumped TcpConnection::pump(Way way, RelayBuffer& buffer) {
  for (int round = 0; round < rounds; ++round) {
    if (!drain(way)) {
      return Pumped::broken;
    }
    if (!flow(way).pending.empty()) {
      return Pumped::wants_to_write;
    }
    ssize_t const size = ::recv(source(way).native_handle(), buffer.data(), buffer.size(), 0);
    if (size < 0) {
      return would_block() ? Pumped::wants_to_read : Pumped::broken;
    }
    if (size == 0) {
      flow(way).has_ended = true;
      ::shutdown(sink(way).native_handle(), SHUT_WR);
      return Pumped::ended;
    }
    if (!pass_on(way, buffer, static_cast<std::size_t>(size))) {
      return Pumped::broken;
    }
  }
  return flow(way).pending.empty() ? Pumped::wants_to_read : Pumped::wants_to_write;
}

/// returns  false when the sink is broken
bool TcpConnection::drain(Way way) {
  Flow& pending = flow(way);
  if (pending.pending.empty()) {
    return true;
  }
  ssize_t const size = ::send(sink(way).native_handle(), pending.pending.data() + pending.sent,
                              pending.pending.size() - pending.sent, MSG_NOSIGNAL);
  if (size < 0) {
    return would_block();
  }
  pending.sent += static_cast<std::size_t>(size);
  if (pending.sent == pending.pending.size()) {
    pending.pending = {};
    pending.sent = 0;
  }
  return true;
}

/// returns  false when the sink is broken
bool TcpConnection::pass_on(Way way, RelayBuffer const& buffer, std::size_t size) {
  ssize_t const sent = ::send(sink(way).native_handle(), buffer.data(), size, MSG_NOSIGNAL);
  if (sent < 0 && !would_block()) {
    return false;
  }
  auto const taken = sent < 0 ? std::ptrdiff_t{0} : std::ptrdiff_t{sent};
  flow(way).pending.assign(buffer.begin() + taken,
                           buffer.begin() + static_cast<std::ptrdiff_t>(size));
  return true;
}

void TcpConnection::reset() {
  linger const at_once{1, 0};
  for (Descriptor* const each : {&client_, &target_}) {
    if (each->is_open()) {
      ::setsockopt(each->native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    }
  }
}

}  // namespace drawbridge
