// The thread that waits for the Docker API, so that neither requests nor sockets do.
//
// It asks and posts what it learned to the core thread; what follows from that is decided there.
// Exists only where the configuration names a docker_socket. source: docs/adr/0015
#pragma once

#include "docker/api_client.h"
#include "model/docker.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>

namespace drawbridge {

struct DockerWorkerLimits {
  std::chrono::milliseconds call{2'000};         // of the Docker API, from connecting to the reply
  std::chrono::milliseconds look_again{10'000};  // after a look that was not the last
  std::chrono::milliseconds first_retry{1'000};  // doubles with every failure
  std::chrono::milliseconds longest_retry{30'000};
  std::size_t queue = 1024;  // endpoints whose names are wanted; then further ones stay nameless
};

class DockerWorker {
 public:
  using Post = std::function<void(std::function<void()>)>;
  /// returns  true while another look is wanted
  using OnLook = std::function<bool(DockerInventory const&)>;
  using OnName = std::function<void(EndpointName const&)>;

  /// Starts the thread.
  ///
  /// post_to_core  runs a task on the core thread, from any thread; what it posts to outlives the
  ///               worker, and the worker outlives the tasks
  DockerWorker(std::filesystem::path socket, Post post_to_core, DockerWorkerLimits limits = {});
  /// Waits for the call in progress, at most for its limit.
  ~DockerWorker();

  /// Looks at all of Docker until `on_look`, called on the core thread with every look that
  /// succeeded, has had enough. An engine that does not answer is asked again. Once per worker.
  void look(OnLook on_look);

  /// Asks how the endpoint's network and container are called and gives that to `on_name` on the
  /// core thread. Waits until the engine answers; an endpoint that it does not know is forgotten.
  void find_name(NetworkId network, EndpointId endpoint, OnName on_name);

 private:
  using Clock = std::chrono::steady_clock;

  /// When to try again, ever later while it fails.
  struct Retry {
    std::chrono::milliseconds pause;
    Clock::time_point due = Clock::time_point::min();
  };
  struct NameJob {
    NetworkId network;
    EndpointId endpoint;
    OnName on_name;
  };

  void run();
  Clock::time_point next_due() const;
  void take_look(std::unique_lock<std::mutex>& lock);
  void answer_look(DockerInventory const& inventory);
  void find_next_name(std::unique_lock<std::mutex>& lock);
  void post_name(NameJob const& job, DockerNetwork const& network);
  void postpone(Retry& retry) const;
  Retry fresh() const { return {limits_.first_retry}; }

  Post post_to_core_;
  DockerWorkerLimits limits_;
  ApiClient api_;     // the thread's
  std::mutex mutex_;  // of all that follows, but for `on_look_` once a look was asked for
  std::condition_variable changed_;
  bool stopping_ = false;
  bool look_wanted_ = false;
  OnLook on_look_;
  Retry look_retry_;
  std::deque<NameJob> names_;
  Retry name_retry_;
  std::thread thread_;
};

}  // namespace drawbridge
