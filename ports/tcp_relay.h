// Relays TCP connections from ports of this host to containers.
//
// Everything here belongs to the relay's thread. Handlers name a connection by number: it may be
// gone when they are called.
#pragma once

#include "base/result.h"
#include "ports/port_watch.h"
#include "ports/relay_limits.h"
#include "ports/relayed_port.h"
#include "ports/source_limit.h"
#include "ports/tcp_connection.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <unordered_map>

namespace drawbridge {

class TcpRelay {
 public:
  /// sources  outlives this
  TcpRelay(boost::asio::io_context& io, RelayLimits limits, SourceLimit& sources);

  /// errors  kernel
  Result<void> open();

  /// Relays what comes to the sockets of a mapping. One that is relayed already has the same
  /// sockets: its connections that would not come about any more, or go elsewhere, are reset.
  ///
  /// mapping  a number that stands for it
  void serve(std::uint32_t mapping, RelayedPort port);
  /// Resets the connections of a mapping and uses its sockets no more. Unknown is success.
  void forget(std::uint32_t mapping);

 private:
  using Number = std::uint64_t;
  using Connections = std::unordered_map<Number, std::unique_ptr<TcpConnection>>;

  void accept(PortPlace place);
  void begin(FileDescriptor client, IpAddress const& address, PortPlace place);
  void connect(Number number, TcpConnection& connection);
  void finish_connecting(Number number);
  void resume(Number number, Way way);
  void wait(Number number, Way way, TcpConnection::Pumped for_what);
  void end(Connections::iterator connection);
  void reset(Connections::iterator connection);
  void reset_if(std::function<bool(TcpConnection::Origin const&)> const& condition);
  void pause();

  boost::asio::io_context& io_;
  RelayLimits limits_;
  SourceLimit& sources_;
  PortWatch watch_;
  boost::asio::steady_timer pause_;
  std::map<std::uint32_t, RelayedPort> ports_;
  Connections connections_;
  Number last_number_ = 0;
  RelayBuffer buffer_;
};

}  // namespace drawbridge
