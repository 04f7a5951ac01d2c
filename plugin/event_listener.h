// The thread that listens to Docker's events, and begins anew for ever when they end.
#pragma once

#include "docker/event_stream.h"

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>
#include <variant>

namespace drawbridge {

/// From now on events are told: what was before is for a look to see.
struct StreamOpened {};
/// Events are told no more, until the next StreamOpened.
struct StreamLost {
  Error reason;
};
using Heard = std::variant<StreamOpened, DockerEvent, StreamLost>;

struct ListenerLimits {
  EventStreamLimits stream = {};
  std::chrono::milliseconds first_retry{200};
  std::chrono::milliseconds longest_retry{30'000};
};

class EventListener {
 public:
  /// Starts the thread. `tell` is called on it.
  EventListener(std::filesystem::path socket, std::function<void(Heard)> tell,
                ListenerLimits limits = {});
  /// Ends the call in progress.
  ~EventListener();

 private:
  void run();
  Error listen();
  bool pause(std::chrono::milliseconds how_long);

  EventStream stream_;  // the thread's
  std::function<void(Heard)> tell_;
  ListenerLimits limits_;
  bool was_open_ = false;  // since the last pause
  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace drawbridge
