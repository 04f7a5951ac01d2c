// Makes traffic between network namespaces and says how much got through.
//
//   traffic NETNS server PORT                             until its standard input ends
//   traffic NETNS stream ADDRESS PORT SECONDS             one connection, as fast as it takes
//   traffic NETNS connect ADDRESS PORT SECONDS CLIENTS    connections, one after the other each
//   traffic NETNS round_trip ADDRESS PORT SECONDS         one connection, one message under way
//
// NETNS is the path of a namespace: what stands in it needs no program of its own. The server
// prints "ready" once it listens, on PORT (sends back what it gets) and on the next one (reads and
// forgets). Of `connect`, each connection carries a message of 64 bytes and its echo, and is closed
// by the client. The others print one JSON object:
//
//   stream       gbit_per_second: until the server has read all of it
//   connect      connections_per_second, p50_us, p99_us: from connect() to the whole echo
//   round_trip   p50_us, p99_us, round_trips
#include "base/file_descriptor.h"
#include "bench/traffic_server.h"
#include "bench/traffic_sockets.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

namespace drawbridge {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t message_size = 64;
constexpr int usage_error = 2;
constexpr timeval patience{10, 0};

[[noreturn]] void give_up_waiting() {
  give_up("the server closed the connection, or sent nothing for " +
          std::to_string(patience.tv_sec) + " s");
}

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

Clock::time_point after(double seconds) {
  return Clock::now() +
         std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
}

void enter_namespace(char const* path) {
  FileDescriptor const netns(::open(path, O_RDONLY | O_CLOEXEC));
  if (!netns.is_open() || ::setns(netns.get(), CLONE_NEWNET) != 0) {
    give_up_with_errno(path);
  }
}

FileDescriptor open_connection(sockaddr_in const& address) {
  FileDescriptor socket = make_socket(0);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  set_no_delay(socket);
  if (::connect(socket.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address) != 0) {
    give_up_with_errno("connect");
  }
  return socket;
}

void send_message(int fd) {
  std::array<char, message_size> const message{};
  if (::send(fd, message.data(), message.size(), MSG_NOSIGNAL) !=
      static_cast<ssize_t>(message.size())) {
    give_up_with_errno("send");
  }
}

double quantile(std::vector<double>& values, double share) {
  auto const at = static_cast<std::size_t>(share * static_cast<double>(values.size() - 1));
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(at), values.end());
  return values[at];
}

void stream(sockaddr_in const& address, double seconds) {
  FileDescriptor const socket = open_connection(address);
  std::vector<char> buffer(stream_buffer_size);
  double sent = 0;
  auto const begin = Clock::now();
  auto const end = after(seconds);
  while (Clock::now() < end) {
    ssize_t const size = ::send(socket.get(), buffer.data(), buffer.size(), MSG_NOSIGNAL);
    if (size <= 0) {
      give_up_with_errno("send");
    }
    sent += static_cast<double>(size);
  }
  // What was sent may still be in a buffer. The server closes when it has read the end of it.
  ::shutdown(socket.get(), SHUT_WR);
  if (::recv(socket.get(), buffer.data(), buffer.size(), 0) != 0) {
    give_up_waiting();
  }
  std::printf("{\"gbit_per_second\":%.3f}\n", sent * 8 / 1e9 / seconds_since(begin));
}

void round_trip(sockaddr_in const& address, double seconds) {
  FileDescriptor const socket = open_connection(address);
  std::array<char, message_size> reply;
  std::vector<double> spent_us;
  auto const end = after(seconds);
  for (auto begin = Clock::now(); begin < end; begin = Clock::now()) {
    send_message(socket.get());
    if (::recv(socket.get(), reply.data(), reply.size(), MSG_WAITALL) !=
        static_cast<ssize_t>(reply.size())) {
      give_up_waiting();
    }
    spent_us.push_back(1e6 * seconds_since(begin));
  }
  std::printf("{\"p50_us\":%.1f,\"p99_us\":%.1f,\"round_trips\":%zu}\n", quantile(spent_us, 0.5),
              quantile(spent_us, 0.99), spent_us.size());
}

/// Clients that each open a connection, send a message, take its echo, close, and begin again.
class Clients {
 public:
  Clients(sockaddr_in const& address, std::size_t count)
      : address_(address), epoll_(::epoll_create1(EPOLL_CLOEXEC)), clients_(count) {}

  void run(double seconds) {
    auto const begin = Clock::now();
    auto const end = after(seconds);
    for (std::size_t i = 0; i < clients_.size(); ++i) {
      open(i);
    }
    std::array<epoll_event, event_count> events;
    // At least one of them, on a machine however busy.
    auto const last = begin + std::chrono::seconds(patience.tv_sec);
    while (Clock::now() < (spent_us_.empty() ? std::max(end, last) : end)) {
      auto const left = std::chrono::ceil<std::chrono::milliseconds>(end - Clock::now());
      int const count = ::epoll_wait(epoll_.get(), events.data(), event_count,
                                     std::max(1, static_cast<int>(left.count())));
      for (int i = 0; i < count; ++i) {
        advance(events[static_cast<std::size_t>(i)].data.u64);
      }
    }
    took_s_ = seconds_since(begin);
  }

  void print() {
    if (spent_us_.empty()) {
      give_up_waiting();
    }
    std::printf("{\"connections_per_second\":%.1f,\"p50_us\":%.1f,\"p99_us\":%.1f}\n",
                static_cast<double>(spent_us_.size()) / took_s_, quantile(spent_us_, 0.5),
                quantile(spent_us_, 0.99));
  }

 private:
  struct Client {
    FileDescriptor socket;
    Clock::time_point begun;
    bool asked = false;
    std::size_t received = 0;
  };

  void open(std::size_t number) {
    Client& client = clients_[number];
    client = Client{make_socket(SOCK_NONBLOCK), Clock::now()};
    if (::connect(client.socket.get(), reinterpret_cast<sockaddr const*>(&address_),
                  sizeof address_) != 0 &&
        errno != EINPROGRESS) {
      give_up_with_errno("connect");
    }
    // Edge-triggered: one registration tells of the connection and then of the echo.
    watch(epoll_, client.socket.get(), EPOLLIN | EPOLLOUT | EPOLLET, number);
  }

  void advance(std::size_t number) {
    Client& client = clients_[number];
    if (!client.asked) {
      send_message(client.socket.get());
      client.asked = true;
    }
    std::array<char, message_size> reply;
    ssize_t const size = ::recv(client.socket.get(), reply.data(), reply.size(), 0);
    if (size < 0 && errno == EAGAIN) {
      return;
    }
    if (size <= 0) {
      give_up_waiting();
    }
    client.received += static_cast<std::size_t>(size);
    if (client.received == message_size) {
      spent_us_.push_back(1e6 * seconds_since(client.begun));
      open(number);
    }
  }

  sockaddr_in address_;
  FileDescriptor epoll_;
  std::vector<Client> clients_;
  std::vector<double> spent_us_;
  double took_s_ = 0;
};

int run(std::vector<std::string> const& words) {
  std::string const& mode = words[1];
  auto const port = [&](std::size_t at) {
    return static_cast<std::uint16_t>(std::atoi(words[at].c_str()));
  };
  enter_namespace(words[0].c_str());
  if (mode == "server" && words.size() == 3) {
    serve(port(2));
    return 0;
  }
  if (words.size() < 5) {
    return usage_error;
  }
  double const seconds = std::atof(words[4].c_str());
  if (mode == "stream") {
    stream(socket_address(words[2], static_cast<std::uint16_t>(port(3) + 1)), seconds);
    return 0;
  }
  sockaddr_in const address = socket_address(words[2], port(3));
  if (mode == "round_trip") {
    round_trip(address, seconds);
    return 0;
  }
  if (mode == "connect" && words.size() == 6) {
    Clients clients(address, static_cast<std::size_t>(std::atoi(words[5].c_str())));
    clients.run(seconds);
    clients.print();
    return 0;
  }
  return usage_error;
}

}  // namespace
}  // namespace drawbridge

int main(int argc, char** argv) {
  std::vector<std::string> const words(argv + 1, argv + argc);
  int const status = words.size() < 3 ? drawbridge::usage_error : drawbridge::run(words);
  if (status == drawbridge::usage_error) {
    std::fprintf(stderr,
                 "usage: traffic NETNS server PORT\n"
                 "       traffic NETNS stream|round_trip ADDRESS PORT SECONDS\n"
                 "       traffic NETNS connect ADDRESS PORT SECONDS CLIENTS\n");
  }
  return status;
}
