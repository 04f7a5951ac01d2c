#include "bench/traffic_server.h"

#include "bench/traffic_sockets.h"

#include <array>
#include <cerrno>
#include <cstdio>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace drawbridge {
namespace {

FileDescriptor listen_on(std::uint16_t port) {
  FileDescriptor listener = make_socket(SOCK_NONBLOCK);
  int const on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in const address = socket_address("0.0.0.0", port);
  if (::bind(listener.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0 ||
      ::listen(listener.get(), SOMAXCONN) != 0) {
    give_up_with_errno("listen on port " + std::to_string(port));
  }
  return listener;
}

class Server {
 public:
  explicit Server(std::uint16_t port)
      : epoll_(::epoll_create1(EPOLL_CLOEXEC)),
        echo_listener_(listen_on(port)),
        sink_listener_(listen_on(static_cast<std::uint16_t>(port + 1))),
        buffer_(stream_buffer_size) {
    for (int const fd : {STDIN_FILENO, echo_listener_.get(), sink_listener_.get()}) {
      watch(epoll_, fd, EPOLLIN, static_cast<std::uint64_t>(fd));
    }
  }

  void run() {
    std::array<epoll_event, event_count> events;
    while (true) {
      int const count = ::epoll_wait(epoll_.get(), events.data(), event_count, -1);
      for (int i = 0; i < count; ++i) {
        int const fd = static_cast<int>(events[static_cast<std::size_t>(i)].data.u64);
        if (fd == STDIN_FILENO) {
          return;
        }
        handle(fd);
      }
    }
  }

 private:
  enum class Kind { echo, sink };
  struct Connection {
    FileDescriptor socket;
    Kind kind;
  };

  void handle(int fd) {
    if (fd == echo_listener_.get()) {
      accept_from(echo_listener_, Kind::echo);
    } else if (fd == sink_listener_.get()) {
      accept_from(sink_listener_, Kind::sink);
    } else if (!serve(connections_.at(fd))) {
      connections_.erase(fd);
    }
  }

  void accept_from(FileDescriptor const& listener, Kind kind) {
    FileDescriptor socket(
        ::accept4(listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.is_open()) {
      return;  // it went away again
    }
    set_no_delay(socket);
    int const fd = socket.get();
    watch(epoll_, fd, EPOLLIN, static_cast<std::uint64_t>(fd));
    connections_.insert_or_assign(fd, Connection{std::move(socket), kind});
  }

  /// returns  false when the connection is over
  bool serve(Connection const& connection) {
    ssize_t const size = ::recv(connection.socket.get(), buffer_.data(), buffer_.size(), 0);
    if (size < 0 && errno == EAGAIN) {
      return true;
    }
    if (size <= 0 || connection.kind == Kind::sink) {
      return size > 0;
    }
    auto const got = static_cast<std::size_t>(size);
    return ::send(connection.socket.get(), buffer_.data(), got, MSG_NOSIGNAL) == size;
  }

  FileDescriptor epoll_;
  FileDescriptor echo_listener_;
  FileDescriptor sink_listener_;
  std::unordered_map<int, Connection> connections_;
  std::vector<char> buffer_;
};

}  // namespace

void serve(std::uint16_t port) {
  Server server(port);
  std::puts("ready");
  std::fflush(stdout);
  server.run();
}

}  // namespace drawbridge
