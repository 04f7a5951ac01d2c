// The connections of a server: which there are, how long each may take, which one makes room.
//
// Part of server.cc, which alone may include this; everything here belongs to its io thread.
#pragma once

#include "base/file_descriptor.h"
#include "plugin/http_codec.h"
#include "plugin/server.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <chrono>
#include <list>
#include <optional>

namespace drawbridge {

using Clock = std::chrono::steady_clock;
constexpr Clock::time_point never = Clock::time_point::max();

struct Connection {
  Connection(boost::asio::io_context& io, Handler const& handler_of_requests)
      : handler(handler_of_requests), socket(io), answered(io, never) {}

  Handler const& handler;
  boost::asio::local::stream_protocol::socket socket;
  HttpDecoder decoder;
  std::optional<HttpRefusal> refusal;  // set once the connection cannot go on
  HttpRequest request;                 // The core thread reads it and writes `reply`
  HttpReply reply;                     // while the connection waits for `answered`.
  boost::asio::steady_timer answered;
  Clock::time_point deadline = never;    // at which the read or write under way is cancelled
  Clock::time_point idle_since = never;  // never: a request is being read or answered
  bool has_asked = false;                // at least one request
  std::array<char, std::size_t{16} * 1024> incoming;
};

class Connections {
 public:
  using Place = std::list<Connection>::iterator;

  Connections(boost::asio::io_context& io, ServerLimits limits);

  bool is_empty() const { return all_.empty(); }
  bool is_full() const { return all_.size() >= limits_.connections; }

  /// returns  none when the kernel refuses to watch the socket; it is closed then
  std::optional<Place> add(FileDescriptor client, Handler const& handler);
  void remove(Place place) { all_.erase(place); }

  /// Ends the connection that has been idle for longest, if any is.
  void evict_longest_idle();

  /// Lets an idle connection end, but for what its client has sent already: cut off, that would be
  /// sent again without its body. Who connected just now gets a moment to ask.
  void end_when_idle(Connection& connection);

  /// Ends the idle ones; the others get no more time than a refused one.
  void begin_stop();

  /// Cancels what the connection reads or writes once `limit` is over.
  void set_deadline(Connection& connection, std::chrono::milliseconds limit);

 private:
  void watch(Clock::time_point deadline);
  void sweep();

  boost::asio::io_context& io_;
  ServerLimits limits_;
  std::list<Connection> all_;
  bool stopping_ = false;
  boost::asio::steady_timer sweeper_;
  Clock::time_point sweep_at_ = never;
};

}  // namespace drawbridge
