// The Docker API: one call after the other over a unix socket, each with a deadline.
//
// For a thread that may wait (docs/adr/0015), or with a limit that a request can bear. Each call
// has a connection of its own: connecting takes microseconds against the millisecond of the call,
// and a kept one would only add the case that the engine closed it meanwhile. What is asked for is
// in networks.h, containers.h, inventory.h, container_calls.h, network_calls.h; the stream of
// events, which is no call, in event_stream.h. source: Docker Engine API v1.40 to v1.48
#pragma once

#include "base/result.h"
#include "http/http_call.h"
#include "http/http_reply.h"
#include "http/unix_connection.h"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace drawbridge {

class ApiClient {
 public:
  using Clock = std::chrono::steady_clock;

  /// limit  for each call: connecting, asking and reading the reply together
  explicit ApiClient(std::filesystem::path socket,
                     std::chrono::milliseconds limit = std::chrono::seconds(2));

  /// Asks for `path` in the newest version of the API that both sides know, which is agreed on
  /// with the first call, and anew when the engine went away or is another one.
  ///
  /// path     below the version: "/networks"
  /// returns  the body of a reply with status 200
  /// errors   not_found   the engine knows no such object
  ///          kernel      the engine is not there or does not answer in time
  ///          malformed   what answers does not speak HTTP, or too much of it
  ///          unsupported, invalid_argument, conflict   as refusal_in() says
  Result<std::string> get(std::string const& path);

  /// Sends `body`, which is JSON. An engine that did not answer in time may have done it, or may
  /// still do it.
  ///
  /// returns  the body of a reply with status 200, 201 or 204
  /// errors   as get()
  Result<std::string> post(std::string const& path, std::string body);

  /// Sends DELETE, otherwise as post().
  Result<std::string> remove(std::string const& path);

  /// returns  N of the version 1.N that calls are made in: 40 to 48
  /// errors   as get(); unsupported: the engine is older than 1.40
  Result<int> minor_version();
  /// The same, asked anew, whatever was agreed on: a sign that the engine lives.
  Result<int> agree_anew();

  /// Lets later calls end at `latest`, however much of their own limit is left.
  void end_by(Clock::time_point latest) { latest_ = latest; }

  /// returns  `error` with the socket and the call in front, as the calls themselves tell errors
  [[nodiscard]] Error in_call(std::string const& path, Error const& error) const {
    return in_call("GET", path, error);
  }
  [[nodiscard]] Error in_call(std::string_view method, std::string const& path,
                              Error const& error) const;

  /// Lets the call in progress and every later one fail at once. From any thread.
  void stop() { stop_.raise(); }

  /// returns  the socket, and what stop() raises, for a stream beside the calls
  std::filesystem::path const& socket() const { return socket_; }
  StopSignal const& stop_signal() const { return stop_; }

 private:
  Result<std::string> call(HttpCall const& call);
  Result<ApiReply> ask(HttpCall const& call, Clock::time_point deadline);
  Result<ApiReply> ask_once(HttpCall const& call, Clock::time_point deadline);
  Result<ApiReply> exchange(HttpCall const& call, Clock::time_point deadline) const;
  Result<void> agree_on_version(Clock::time_point deadline);
  Result<ApiReply> ask_for_version(Clock::time_point deadline) const;
  Clock::time_point deadline() const;
  Error told(Error error, Clock::time_point deadline) const;

  std::filesystem::path socket_;
  std::chrono::milliseconds limit_;
  Clock::time_point latest_ = Clock::time_point::max();
  std::optional<int> minor_version_;  // of API 1.x, once agreed on
  std::string engine_version_;        // that the engine named then: "1.41"
  StopSignal stop_;
};

}  // namespace drawbridge
