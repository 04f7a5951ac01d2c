#include "ports/udp_relay.h"

#include "ports/socket_address.h"

#include <algorithm>
#include <cerrno>
#include <optional>
#include <span>
#include <utility>

#include <sys/socket.h>

namespace drawbridge {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

namespace {

/// A socket gives so many datagrams at most before others have their turn.
constexpr int received_at_once = 64;
constexpr int sweeps = 4;  // in the time that a client may be idle

FileDescriptor connect_to(RelayTarget const& target) {
  SocketAddress const address = socket_address_of(target.address, target.port);
  FileDescriptor socket(
      ::socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  bool const connected = ::connect(socket.get(), address.data(), address.size) == 0;
  return connected ? std::move(socket) : FileDescriptor();
}

}  // namespace

UdpRelay::UdpRelay(boost::asio::io_context& io, RelayLimits limits, SourceLimit& sources)
    : io_(io),
      limits_(limits),
      sources_(sources),
      watch_(io, [this](PortPlace place) { receive(place); }),
      sweeper_(io) {}

Result<void> UdpRelay::open() {
  return watch_.open();
}

void UdpRelay::serve(std::uint32_t mapping, RelayedPort port) {
  RelayedPort& known = ports_[mapping];
  bool const is_new = known.sockets.empty();
  known = std::move(port);
  if (is_new) {
    watch_.add(mapping, known.sockets);
    return;
  }
  std::erase_if(clients_, [&](Clients::value_type const& each) {
    auto const& [key, client] = each;
    return key.place.mapping == mapping &&
           target_of(known.hold, key.path.client, key.place.offset) != client.target;
  });
}

void UdpRelay::forget(std::uint32_t mapping) {
  auto const port = ports_.find(mapping);
  if (port == ports_.end()) {
    return;
  }
  watch_.remove(port->second.sockets);
  ports_.erase(port);
  std::erase_if(clients_, [mapping](Clients::value_type const& each) {
    return each.first.place.mapping == mapping;
  });
}

void UdpRelay::receive(PortPlace place) {
  int const socket = ports_.at(place.mapping).sockets[place.offset];
  for (int count = 0; count < received_at_once; ++count) {
    std::optional<Datagram> const datagram = receive_datagram(socket, buffer_);
    if (!datagram) {
      return;
    }
    pass_on(place, *datagram);
  }
}

/// The filter of the socket may have let more through than is to be relayed.
void UdpRelay::pass_on(PortPlace place, Datagram const& datagram) {
  std::optional<RelayTarget> const target =
      target_of(ports_.at(place.mapping).hold, datagram.path.client, place.offset);
  if (!target) {
    return;
  }
  auto const client = find_or_add({place, datagram.path}, *target);
  if (client == clients_.end()) {
    return;
  }
  client->second.last_used = Clock::now();
  // An error may be the answer to what was sent before: this datagram has not been sent then.
  int const upstream = client->second.upstream.native_handle();
  if (::send(upstream, datagram.bytes.data(), datagram.bytes.size(), 0) < 0 &&
      errno == ECONNREFUSED) {
    ::send(upstream, datagram.bytes.data(), datagram.bytes.size(), 0);
  }
}

/// returns  none when there are too many
UdpRelay::Clients::iterator UdpRelay::find_or_add(Key const& key, RelayTarget const& target) {
  auto const found = clients_.find(key);
  if (found != clients_.end() || clients_.size() >= limits_.clients) {
    return found;
  }
  PortHold const& hold = ports_.at(key.place.mapping).hold;
  if (!sources_.admits(hold, key.path.client, key.path.local, Clock::now())) {
    return clients_.end();
  }
  FileDescriptor socket = connect_to(target);
  stream_descriptor upstream(io_);
  error_code error;
  if (!socket.is_open() || upstream.assign(socket.get(), error)) {
    return clients_.end();
  }
  socket.release();
  if (clients_.empty()) {
    sweep_later();
  }
  Client made{++last_number_, target, std::move(upstream), {}};
  auto const added = clients_.emplace(key, std::move(made)).first;
  wait(added);
  return added;
}

void UdpRelay::wait(Clients::iterator client) {
  client->second.upstream.async_wait(
      stream_descriptor::wait_read,
      [this, key = client->first, number = client->second.number](error_code error) {
        if (!error) {
          answer(key, number);
        }
      });
}

/// An error says that the container refused a datagram; it may take the next one.
void UdpRelay::answer(Key const& key, Number number) {
  auto const client = clients_.find(key);
  if (client == clients_.end() || client->second.number != number) {
    return;
  }
  int const socket = ports_.at(key.place.mapping).sockets[key.place.offset];
  for (int count = 0; count < received_at_once; ++count) {
    ssize_t const size =
        ::recv(client->second.upstream.native_handle(), buffer_.data(), buffer_.size(), 0);
    if (size < 0) {
      break;
    }
    client->second.last_used = Clock::now();
    client->second.is_answered = true;
    answer_datagram(socket, key.path, std::span(buffer_.data(), static_cast<std::size_t>(size)));
  }
  wait(client);
}

void UdpRelay::sweep_later() {
  sweeper_.expires_after(std::min(limits_.idle, limits_.unanswered) / sweeps);
  sweeper_.async_wait([this](error_code error) {
    if (!error) {
      sweep();
    }
  });
}

void UdpRelay::sweep() {
  Clock::time_point const now = Clock::now();
  std::erase_if(clients_, [&](Clients::value_type const& each) {
    Client const& client = each.second;
    return now - client.last_used > (client.is_answered ? limits_.idle : limits_.unanswered);
  });
  if (!clients_.empty()) {
    sweep_later();
  }
}

}  // namespace drawbridge
