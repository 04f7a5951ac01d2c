#include "ports/tcp_relay.h"

#include "ports/socket_address.h"

#include <cerrno>
#include <utility>

#include <sys/socket.h>

namespace drawbridge {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;
using Pumped = TcpConnection::Pumped;

namespace {

/// A port gives so many connections at most before others have their turn.
constexpr int accepted_at_once = 16;
constexpr std::chrono::milliseconds pause_after_failure{100};

/// The client hears of it, which a plain close would not tell apart from an end.
void refuse(FileDescriptor const& client) {
  linger const at_once{1, 0};
  ::setsockopt(client.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
}

/// returns  the address of this host that the client used
IpAddress local_of(FileDescriptor const& client) {
  SocketAddress address;
  ::getsockname(client.get(), address.data(), &address.size);
  return ip_address_of(address);
}

/// returns  true when the failure concerns one connection, or none that is there
bool is_passing(int error) {
  return error != EMFILE && error != ENFILE && error != ENOBUFS && error != ENOMEM;
}

}  // namespace

TcpRelay::TcpRelay(boost::asio::io_context& io, RelayLimits limits, SourceLimit& sources)
    : io_(io),
      limits_(limits),
      sources_(sources),
      watch_(io, [this](PortPlace place) { accept(place); }),
      pause_(io) {}

Result<void> TcpRelay::open() {
  return watch_.open();
}

void TcpRelay::serve(std::uint32_t mapping, RelayedPort port) {
  RelayedPort& known = ports_[mapping];
  bool const is_new = known.sockets.empty();
  known = std::move(port);
  if (is_new) {
    watch_.add(mapping, known.sockets);
    return;
  }
  reset_if([&](TcpConnection::Origin const& origin) {
    return origin.place.mapping == mapping &&
           target_of(known.hold, origin.client, origin.place.offset) != origin.target;
  });
}

void TcpRelay::forget(std::uint32_t mapping) {
  auto const port = ports_.find(mapping);
  if (port == ports_.end()) {
    return;
  }
  watch_.remove(port->second.sockets);
  ports_.erase(port);
  reset_if([&](TcpConnection::Origin const& origin) { return origin.place.mapping == mapping; });
}

void TcpRelay::accept(PortPlace place) {
  int const listener = ports_.at(place.mapping).sockets[place.offset];
  for (int count = 0; count < accepted_at_once; ++count) {
    if (connections_.size() >= limits_.connections) {
      watch_.pause();  // until one ends
      return;
    }
    SocketAddress address;
    FileDescriptor client(
        ::accept4(listener, address.data(), &address.size, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (!client.is_open()) {
      if (!is_passing(errno)) {
        pause();
      }
      return;
    }
    begin(std::move(client), ip_address_of(address), place);
  }
}

/// The filter of the socket may have let more through than is to be relayed.
void TcpRelay::begin(FileDescriptor client, IpAddress const& address, PortPlace place) {
  PortHold const& hold = ports_.at(place.mapping).hold;
  std::optional<RelayTarget> const target = target_of(hold, address, place.offset);
  if (!target || !sources_.admits(hold, address, local_of(client), SourceLimit::Clock::now())) {
    refuse(client);
    return;
  }
  auto const added =
      connections_.emplace(++last_number_, std::make_unique<TcpConnection>(io_)).first;
  if (!added->second->open(std::move(client), {place, address, *target})) {
    reset(added);
    return;
  }
  connect(added->first, *added->second);
}

void TcpRelay::connect(Number number, TcpConnection& connection) {
  connection.connecting.expires_after(limits_.connect);
  connection.connecting.async_wait([this, number](error_code error) {
    auto const slow = connections_.find(number);
    if (!error && slow != connections_.end()) {
      reset(slow);
    }
  });
  connection.sink(Way::to_target)
      .async_wait(stream_descriptor::wait_write, [this, number](error_code error) {
        if (!error) {
          finish_connecting(number);
        }
      });
}

void TcpRelay::finish_connecting(Number number) {
  auto const found = connections_.find(number);
  if (found == connections_.end()) {
    return;
  }
  // Not cancelled: the timer has expired, and its handler is under way.
  bool const in_time = found->second->connecting.cancel() == 1;
  if (!in_time || !found->second->is_connected()) {
    reset(found);
    return;
  }
  resume(number, Way::to_target);
  resume(number, Way::to_client);
}

void TcpRelay::resume(Number number, Way way) {
  auto const found = connections_.find(number);
  if (found == connections_.end()) {
    return;
  }
  Pumped const pumped = found->second->pump(way, buffer_);
  if (pumped == Pumped::broken) {
    reset(found);
  } else if (pumped != Pumped::ended) {
    wait(number, way, pumped);
  } else if (found->second->is_over()) {
    end(found);
  }
}

void TcpRelay::wait(Number number, Way way, Pumped for_what) {
  TcpConnection& connection = *connections_.at(number);
  auto const go_on = [this, number, way](error_code error) {
    if (!error) {
      resume(number, way);
    }
  };
  if (for_what == Pumped::wants_to_read) {
    connection.source(way).async_wait(stream_descriptor::wait_read, go_on);
  } else {
    connection.sink(way).async_wait(stream_descriptor::wait_write, go_on);
  }
}

void TcpRelay::end(Connections::iterator connection) {
  connections_.erase(connection);
  watch_.resume();
}

void TcpRelay::reset(Connections::iterator connection) {
  connection->second->reset();
  end(connection);
}

void TcpRelay::reset_if(std::function<bool(TcpConnection::Origin const&)> const& condition) {
  for (auto each = connections_.begin(); each != connections_.end();) {
    auto const current = each++;
    if (condition(current->second->origin())) {
      reset(current);
    }
  }
}

/// Without memory or descriptors the waiting connection would wake us at once, again and again.
void TcpRelay::pause() {
  watch_.pause();
  pause_.expires_after(pause_after_failure);
  pause_.async_wait([this](error_code error) {
    if (!error) {
      watch_.resume();
    }
  });
}

}  // namespace drawbridge
