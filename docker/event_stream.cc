#include "docker/event_stream.h"

#include "http/http_call.h"

#include <fmt/core.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>

namespace drawbridge {

EventStream::EventStream(std::filesystem::path socket, EventStreamLimits limits)
    : limits_(limits),
      api_(std::move(socket), limits.call),
      end_(Error{Errc::kernel, "the stream of events is not open"}) {}

Result<void> EventStream::open(std::chrono::nanoseconds since) {
  decoder_ = EventDecoder();
  end_.reset();
  resume_at_ = since;
  Result<int> const minor = api_.agree_anew();
  if (!minor) {
    end_at(minor.error());
  } else if (Result<void> const asked = ask(*minor); !asked) {
    end_at(api_.in_call("/events", asked.error()));
  }
  return end_ ? Result<void>(fail(*end_)) : Result<void>();
}

/// Sends the request and reads the head of its reply.
Result<void> EventStream::ask(int minor_version) {
  Patience const patience = until(Clock::now() + limits_.call);
  Result<UnixConnection> connection = UnixConnection::open(api_.socket(), patience);
  if (!connection) {
    return fail(connection.error());
  }
  connection_ = std::move(*connection);
  std::string const target = fmt::format("/v1.{}{}", minor_version, path_of_events(resume_at_));
  Result<void> done = connection_->send(bytes_of({"GET", target}), patience);
  while (done && !decoder_.is_open()) {
    done = receive(patience);
  }
  return done;
}

Result<std::optional<DockerEvent>> EventStream::next(Clock::time_point latest) {
  while (true) {
    Result<std::optional<DockerEvent>> event = take();
    if (!event || *event || !wait(latest)) {
      return event;
    }
  }
}

/// returns  the next event of those that have arrived
/// errors   why there will be no more, behind the last event
Result<std::optional<DockerEvent>> EventStream::take() {
  if (api_.stop_signal().is_raised()) {
    return fail(Errc::kernel, std::string(was_stopped));
  }
  Result<std::optional<DockerEvent>> event = decoder_.next();
  if (!event) {
    return fail(api_.in_call("/events", event.error()));
  }
  if (*event) {
    resume_at_ = (*event)->time;
    return event;
  }
  return end_ ? Result<std::optional<DockerEvent>>(fail(*end_)) : event;
}

/// Waits for bytes, or for the time at which the engine is asked whether it lives.
///
/// returns  whether there may be something to take: an event, or an end
bool EventStream::wait(Clock::time_point latest) {
  Clock::time_point const silent = heard_ + limits_.silence;
  Result<bool> const readable = connection_->is_readable(until(std::min(latest, silent)));
  if (!readable) {
    end_at(api_.in_call("/events", readable.error()));
  } else if (*readable) {
    Result<void> const received = receive(until(Clock::now() + limits_.call));
    if (!received) {
      end_at(api_.in_call("/events", received.error()));
    }
  } else if (Clock::now() >= silent) {
    ask_whether_it_lives();
  } else {
    return false;
  }
  return true;
}

/// Takes in what has arrived.
///
/// errors  why no more will come
Result<void> EventStream::receive(Patience const& patience) {
  Result<std::string_view> const bytes = connection_->receive(patience);
  if (!bytes) {
    return fail(bytes.error());
  }
  heard_ = Clock::now();
  Result<void> const fed = bytes->empty() ? Result<void>() : decoder_.feed(*bytes);
  if (!fed) {
    return fed;
  }
  return bytes->empty() || decoder_.is_over() ? fail(decoder_.end()) : Result<void>();
}

/// The engine sends nothing when nothing happens, and a socket tells nothing of one that hangs.
void EventStream::ask_whether_it_lives() {
  if (Result<int> const answer = api_.agree_anew(); !answer) {
    end_at(answer.error());
  }
  heard_ = Clock::now();
}

void EventStream::end_at(Error error) {
  end_ = std::move(error);
  connection_.reset();
}

Patience EventStream::until(Clock::time_point deadline) const {
  return {deadline, &api_.stop_signal()};
}

}  // namespace drawbridge
