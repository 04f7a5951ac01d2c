// One relayed TCP connection: two sockets, and bytes both ways. Each way ends by itself, as TCP
// does.
//
// It moves bytes and says what to wait for; TcpRelay waits.
#pragma once

#include "base/file_descriptor.h"
#include "model/address.h"
#include "ports/port_watch.h"
#include "ports/relayed_port.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace drawbridge {

/// Where bytes are between the two sockets, for all connections: only what a socket does not take
/// at once is kept by its connection.
using RelayBuffer = std::array<char, std::size_t{64} * 1024>;

enum class Way : std::uint8_t { to_target, to_client };

class TcpConnection {
 public:
  using Descriptor = boost::asio::posix::stream_descriptor;
  enum class Pumped : std::uint8_t { wants_to_read, wants_to_write, ended, broken };

  /// How it came about.
  struct Origin {
    PortPlace place;
    IpAddress client;
    RelayTarget target;
  };

  explicit TcpConnection(boost::asio::io_context& io) : connecting(io), client_(io), target_(io) {}

  /// Takes the client's socket and begins to connect to the target.
  ///
  /// returns  false when that failed already
  bool open(FileDescriptor client, Origin const& origin);
  /// returns  true once writing to the target's socket says that it is there
  bool is_connected();

  /// Moves what there is.
  Pumped pump(Way way, RelayBuffer& buffer);
  /// returns  true when both ways have ended
  bool is_over() const { return to_target_.has_ended && to_client_.has_ended; }

  Descriptor& source(Way way) { return way == Way::to_target ? client_ : target_; }
  Descriptor& sink(Way way) { return way == Way::to_target ? target_ : client_; }

  /// Makes both sockets say that the connection broke, once they are closed.
  void reset();

  Origin const& origin() const { return origin_; }

  boost::asio::steady_timer connecting;  // expires when that has taken too long

 private:
  struct Flow {
    std::vector<char> pending;  // read, and not taken by the sink
    std::size_t sent = 0;       // of `pending`
    bool has_ended = false;
  };

  bool drain(Way way);
  bool pass_on(Way way, RelayBuffer const& buffer, std::size_t size);

  Flow& flow(Way way) { return way == Way::to_target ? to_target_ : to_client_; }

  Origin origin_;
  Descriptor client_;
  Descriptor target_;
  Flow to_target_;
  Flow to_client_;
};

}  // namespace drawbridge
