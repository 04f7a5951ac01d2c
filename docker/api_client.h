// The Docker API: one GET after the other over a unix socket, each with a deadline.
//
// For a thread that may wait (docs/adr/0015), or with a limit that a request can bear. Each call
// has a connection of its own: connecting takes microseconds against the millisecond of the call,
// and a kept one would only add the case that the engine closed it meanwhile. source: Docker Engine
// API v1.40 to v1.44
#pragma once

#include "base/result.h"
#include "docker/http_reply.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

namespace drawbridge {

class ApiClient {
 public:
  using Clock = std::chrono::steady_clock;

  /// limit  for each call: connecting, asking and reading the reply together
  explicit ApiClient(std::filesystem::path socket,
                     std::chrono::milliseconds limit = std::chrono::seconds(2));

  /// Asks for `path` in the newest version of the API that both sides know, which is agreed on
  /// with the first call and whenever the engine refuses it.
  ///
  /// path     below the version: "/networks"
  /// returns  the body of a reply with status 200
  /// errors   not_found   the engine knows no such object
  ///          kernel      the engine is not there or does not answer in time
  ///          malformed   what answers does not speak HTTP, or too much of it
  ///          unsupported, invalid_argument, conflict   the engine says why it will not
  Result<std::string> get(std::string const& path);

  /// Lets later calls end at `latest`, however much of their own limit is left.
  void end_by(Clock::time_point latest) { latest_ = latest; }

  /// returns  `error` with the socket and the call in front, as get() itself tells errors
  [[nodiscard]] Error in_call(std::string const& path, Error const& error) const;

  /// Lets every later call fail at once. From any thread; a call in progress ends by its deadline.
  void stop() { stopped_ = true; }

 private:
  Result<ApiReply> ask(std::string const& path, Clock::time_point deadline);
  Result<ApiReply> exchange(std::string const& target, Clock::time_point deadline) const;
  Result<int> agree_on_version(Clock::time_point deadline) const;
  Error error_of(ApiReply const& reply) const;

  std::filesystem::path socket_;
  std::chrono::milliseconds limit_;
  Clock::time_point latest_ = Clock::time_point::max();
  std::optional<int> minor_version_;  // of API 1.x, once agreed on
  std::atomic<bool> stopped_ = false;
};

}  // namespace drawbridge
