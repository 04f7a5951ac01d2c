// The stream of events of a Docker engine, for a thread that waits for it and does nothing else.
//
// It tells of changes, not of what there is: a full look belongs behind every open(), because an
// engine that was restarted has forgotten its events. A reader that is slow loses events without a
// word (moby leaves out what it could not hand over within 100 ms of a queue of 1024), and one that
// looks again from time to time is right all the same. source: Docker Engine API v1.40, GET /events
#pragma once

#include "base/result.h"
#include "docker/api_client.h"
#include "docker/events.h"
#include "http/unix_connection.h"

#include <chrono>
#include <filesystem>
#include <optional>

namespace drawbridge {

struct EventStreamLimits {
  std::chrono::milliseconds call{2'000};      // for opening, and for a sign that the engine lives
  std::chrono::milliseconds silence{10'000};  // after which such a sign is wanted
};

class EventStream {
 public:
  using Clock = std::chrono::steady_clock;

  explicit EventStream(std::filesystem::path socket, EventStreamLimits limits = {});

  /// Agrees on the version of the API and asks for events, on a new connection. What happens after
  /// it has returned is told by next(). May be called again after an error of it or of next().
  ///
  /// since   events of this time (since 1970) and later ones come first: the time of the call, or
  ///         resume_at() of the stream that ended
  /// errors  kernel   the engine is not there or does not answer in time, or cancelled
  ///         otherwise as ApiClient::get()
  Result<void> open(std::chrono::nanoseconds since);

  /// Waits for the next event. When none came for long, the engine is asked whether it lives, which
  /// may take longer than `latest` by the limit of a call.
  ///
  /// returns  nothing when there is none up to `latest`
  /// errors   kernel      the stream is at its end: the engine closed it, does not answer any more,
  ///                      or cancelled; also before the first open()
  ///          malformed   what comes is no event
  ///          The same again until it is opened anew.
  Result<std::optional<DockerEvent>> next(Clock::time_point latest);

  /// returns  the time of the last event, or `since` if there was none: what open() takes to miss
  ///          nothing. That last event comes again.
  std::chrono::nanoseconds resume_at() const { return resume_at_; }

  /// Lets the call in progress and every later one fail at once. From any thread.
  void cancel() { api_.stop(); }

 private:
  Result<void> ask(int minor_version);
  Result<std::optional<DockerEvent>> take();
  bool wait(Clock::time_point latest);
  Result<void> receive(Patience const& patience);
  void ask_whether_it_lives();
  void end_at(Error error);
  Patience until(Clock::time_point deadline) const;

  EventStreamLimits limits_;
  ApiClient api_;
  std::optional<UnixConnection> connection_;  // while there is no end_
  EventDecoder decoder_;
  std::optional<Error> end_;  // of the bytes; events before it may be there still
  Clock::time_point heard_ = Clock::time_point::min();  // that the engine lives
  std::chrono::nanoseconds resume_at_{0};
};

}  // namespace drawbridge
