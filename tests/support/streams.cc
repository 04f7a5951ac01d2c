#include "tests/support/streams.h"

#include "base/file_descriptor.h"
#include "tests/support/sockets.h"

#include <cstdint>
#include <vector>

#include <poll.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint16_t port = 5001;

struct Stream {
  FileDescriptor sender;
  FileDescriptor receiver;
};

sockaddr const* generic(sockaddr_in6 const& address) {
  return reinterpret_cast<sockaddr const*>(&address);
}

Stream connect(StreamEnd const& from, StreamEnd const& to) {
  FileDescriptor listener;
  to.run([&] {
    listener = FileDescriptor(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    int const on = 1;
    ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in6 const any = socket_address("::", port);
    EXPECT_EQ(::bind(listener.get(), generic(any), sizeof any), 0);
    EXPECT_EQ(::listen(listener.get(), 1), 0);
  });
  Stream stream;
  from.run([&] {
    stream.sender = FileDescriptor(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 const target = socket_address(to.address, port);
    EXPECT_EQ(::connect(stream.sender.get(), generic(target), sizeof target), 0);
  });
  stream.receiver = FileDescriptor(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  return stream;
}

/// returns  how many bytes came while the sender sent all that it could
std::uint64_t bytes_within(Stream const& stream, std::chrono::milliseconds time) {
  static std::vector<char> buffer(1 << 16);
  auto const end = Clock::now() + time;
  std::uint64_t received = 0;
  while (Clock::now() < end) {
    pollfd ends[] = {{stream.sender.get(), POLLOUT, 0}, {stream.receiver.get(), POLLIN, 0}};
    ::poll(ends, 2, 10);
    if ((ends[0].revents & POLLOUT) != 0) {
      ::send(stream.sender.get(), buffer.data(), buffer.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
    ssize_t const size = ::recv(stream.receiver.get(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    received += size > 0 ? static_cast<std::uint64_t>(size) : 0;
  }
  return received;
}

}  // namespace

double rate_between(StreamEnd const& from, StreamEnd const& to, std::chrono::milliseconds time) {
  Stream const stream = connect(from, to);
  bytes_within(stream, std::chrono::milliseconds(300));
  auto const begin = Clock::now();
  auto const bytes = static_cast<double>(bytes_within(stream, time));
  return bytes * 8 / std::chrono::duration<double>(Clock::now() - begin).count();
}

bool reaches(StreamEnd const& from, std::string const& source, StreamEnd const& to,
             std::size_t bytes, int patience_ms) {
  FileDescriptor receiver;
  to.run([&] {
    receiver = FileDescriptor(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 const any = socket_address("::", port);
    EXPECT_EQ(::bind(receiver.get(), generic(any), sizeof any), 0);
  });
  from.run([&] {
    FileDescriptor const sender(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 const own = socket_address(source, 0);
    EXPECT_EQ(::bind(sender.get(), generic(own), sizeof own), 0);
    sockaddr_in6 const target = socket_address(to.address, port);
    std::vector<char> const datagram(bytes);
    ::sendto(sender.get(), datagram.data(), bytes, 0, generic(target), sizeof target);
  });
  return becomes_readable(receiver, patience_ms);
}

}  // namespace drawbridge
