// Relays UDP datagrams from ports of this host to containers: a socket of its own for each client,
// so that answers find back.
//
// Everything here belongs to the relay's thread. Handlers name a client by number: it may be gone
// when they are called.
#pragma once

#include "base/file_descriptor.h"
#include "base/result.h"
#include "ports/datagram.h"
#include "ports/port_watch.h"
#include "ports/relay_limits.h"
#include "ports/relayed_port.h"
#include "ports/source_limit.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <compare>
#include <cstdint>
#include <map>
#include <vector>

namespace drawbridge {

class UdpRelay {
 public:
  /// sources  outlives this
  UdpRelay(boost::asio::io_context& io, RelayLimits limits, SourceLimit& sources);

  /// errors  kernel
  Result<void> open();

  /// Relays what comes to the sockets of a mapping. One that is relayed already has the same
  /// sockets: what clients send from now on goes where it says now.
  ///
  /// mapping  a number that stands for it
  void serve(std::uint32_t mapping, RelayedPort port);
  /// Forgets the clients of a mapping and uses its sockets no more. Unknown is success.
  void forget(std::uint32_t mapping);

 private:
  using Number = std::uint64_t;
  using Clock = std::chrono::steady_clock;

  struct Key {
    PortPlace place;
    DatagramPath path;

    auto operator<=>(Key const&) const = default;
  };
  struct Client {
    Number number = 0;
    RelayTarget target;
    boost::asio::posix::stream_descriptor upstream;
    Clock::time_point last_used;
    bool is_answered = false;
  };
  using Clients = std::map<Key, Client>;

  void receive(PortPlace place);
  void pass_on(PortPlace place, Datagram const& datagram);
  Clients::iterator find_or_add(Key const& key, RelayTarget const& target);
  void wait(Clients::iterator client);
  void answer(Key const& key, Number number);
  void sweep_later();
  void sweep();

  boost::asio::io_context& io_;
  RelayLimits limits_;
  SourceLimit& sources_;
  PortWatch watch_;
  std::map<std::uint32_t, RelayedPort> ports_;
  Clients clients_;
  Number last_number_ = 0;
  boost::asio::steady_timer sweeper_;
  std::array<char, std::size_t{64} * 1024> buffer_;  // for every datagram that there can be
};

}  // namespace drawbridge
