#include "plugin/event_listener.h"

#include "plugin/retries.h"

#include <utility>

namespace drawbridge {
namespace {

constexpr std::chrono::hours no_end{1};

std::chrono::nanoseconds since_1970() {
  return std::chrono::system_clock::now().time_since_epoch();
}

}  // namespace

EventListener::EventListener(std::filesystem::path socket, std::function<void(Heard)> tell,
                             ListenerLimits limits)
    : stream_(std::move(socket), limits.stream),
      tell_(std::move(tell)),
      limits_(limits),
      thread_([this] { run(); }) {}

EventListener::~EventListener() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  stream_.cancel();
  thread_.join();
}

void EventListener::run() {
  std::chrono::milliseconds wait = limits_.first_retry;
  bool stopped = false;
  while (!stopped) {
    was_open_ = false;
    Error reason = listen();
    wait = was_open_ ? limits_.first_retry : wait;
    tell_(StreamLost{std::move(reason)});
    stopped = pause(jittered(wait));
    wait = std::min(2 * wait, limits_.longest_retry);
  }
}

/// Every stream begins with a look, so what happened between two need not be told.
///
/// returns  why no more is told
Error EventListener::listen() {
  if (Result<void> const opened = stream_.open(since_1970()); !opened) {
    return opened.error();
  }
  was_open_ = true;
  tell_(StreamOpened{});
  while (true) {
    Result<std::optional<DockerEvent>> event = stream_.next(EventStream::Clock::now() + no_end);
    if (!event) {
      return event.error();
    }
    if (*event) {
      tell_(*std::move(*event));
    }
  }
}

/// returns  whether it is over
bool EventListener::pause(std::chrono::milliseconds how_long) {
  std::unique_lock lock(mutex_);
  return changed_.wait_for(lock, how_long, [this] { return stopping_; });
}

}  // namespace drawbridge
