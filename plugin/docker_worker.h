// The thread that waits for the Docker API, so that neither requests nor sockets do.
//
// It asks and posts what it learned to the core thread; what follows from that is decided there.
// Exists only where the configuration names a docker_socket. source: docs/adr/0015
#pragma once

#include "docker/api_client.h"
#include "docker/inventory.h"
#include "model/docker.h"
#include "model/network.h"

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <filesystem>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <string_view>
#include <thread>
#include <vector>

namespace drawbridge {

struct DockerWorkerLimits {
  std::chrono::milliseconds call{2'000};         // of the Docker API, from connecting to the reply
  std::chrono::milliseconds list_again{10'000};  // at the latest, while the list is wanted
  std::chrono::milliseconds gather{250};         // at least this between two lists of networks
  std::chrono::milliseconds network_pause{10};   // before a new network is asked for; doubles
  std::chrono::milliseconds longest_network_pause{1'000};
  std::chrono::milliseconds network_wait{30'000};  // for the engine to list a new network
  std::chrono::milliseconds first_retry{1'000};    // doubles with every failure
  std::chrono::milliseconds longest_retry{30'000};
  std::size_t queue = 1024;  // of endpoints, and of networks; what comes then stays nameless
};

struct EndpointQuestion {
  NetworkId network;
  EndpointId endpoint;
  bool with_marks = false;  // of its container
};

class DockerWorker {
 public:
  using Post = std::function<void(std::function<void()>)>;
  /// Not given: the look failed, and is tried again.
  using OnLook = std::function<void(std::optional<DockerInventory> const&)>;
  using OnName = std::function<void(EndpointName const&)>;
  using OnNetwork = std::function<void(KnownNetwork const&)>;
  /// returns  true while the list is wanted although nobody says that it changed
  using OnNetworks = std::function<bool(std::vector<KnownNetwork>)>;

  /// Starts the thread.
  ///
  /// post_to_core  runs a task on the core thread, from any thread; what it posts to outlives the
  ///               worker, and the worker outlives the tasks
  DockerWorker(std::filesystem::path socket, Post post_to_core, DockerWorkerLimits limits = {});
  /// Waits for the call in progress, at most for its limit.
  ~DockerWorker();

  /// Gives every look, and every failure of one, to `on_look` on the core thread. Once per worker,
  /// before the first look().
  void on_look(OnLook on_look);
  /// Looks at all of Docker once, after a pause. In place of a look that has not begun yet.
  ///
  /// doubts  is called on another thread
  void look(std::chrono::milliseconds pause, Doubts doubts);

  /// Asks how the endpoint's network and container are called, and for the container's labels where
  /// they are wanted, and gives that to `on_name` on the core thread. Waits until the engine
  /// answers; an endpoint that it does not know is forgotten.
  void find_name(EndpointQuestion question, OnName on_name);

  /// Asks for a network that is being created and gives it to `on_network` on the core thread. The
  /// engine lists it some time after it got our reply; one that never appears is forgotten.
  void find_network(NetworkId network, OnNetwork on_network);

  /// Gives the list of all networks to `on_networks` on the core thread: now, soon after every
  /// networks_changed(), then ever more seldom while it is wanted. Once per worker.
  void watch_networks(OnNetworks on_networks);
  /// Says that the list may be another one, or will be in a moment: a network's interface is there
  /// before the engine lists the network.
  void networks_changed();

 private:
  using Clock = std::chrono::steady_clock;

  /// When to try again, ever later while it fails.
  struct Retry {
    std::chrono::milliseconds pause;
    Clock::time_point due = Clock::time_point::min();
  };
  struct NameJob {
    EndpointQuestion question;
    OnName on_name;
  };
  struct NetworkJob {
    NetworkId id;
    OnNetwork on_network;
    std::chrono::milliseconds pause;
    Clock::time_point due;
    Clock::time_point expires;
  };
  using NetworkJobs = std::list<NetworkJob>;

  void run();
  Clock::time_point next_due() const;
  Clock::time_point names_due() const;
  Clock::time_point network_due() const;
  Clock::time_point list_due() const;
  Clock::time_point next_look() const;

  void find_next_name(std::unique_lock<std::mutex>& lock);
  Result<EndpointName> ask_name(EndpointQuestion const& question);
  void find_next_network(std::unique_lock<std::mutex>& lock);
  void answer_network(NetworkJobs::iterator job, Result<DockerNetwork> const& network);
  void take_list(std::unique_lock<std::mutex>& lock);
  void answer_list(std::vector<KnownNetwork> networks);
  void want_list_by(Clock::time_point due);
  void take_look(std::unique_lock<std::mutex>& lock);

  void engine_answers();
  void end_outage();
  void postpone(Retry& retry) const;
  void postpone(Retry& retry, Error const& error);
  Retry fresh() const { return {limits_.first_retry}; }

  Post post_to_core_;
  DockerWorkerLimits limits_;
  ApiClient api_;     // the thread's
  std::mutex mutex_;  // of all that follows, but for on_look_ and on_networks_ once they are set
  std::condition_variable changed_;
  bool stopping_ = false;
  bool is_outage_told_ = false;
  bool look_wanted_ = false;
  bool look_at_containers_ = false;
  OnLook on_look_;
  Doubts doubts_;
  Clock::time_point look_due_ = Clock::time_point::min();
  Retry look_retry_;
  std::deque<NameJob> names_;
  Retry name_retry_;
  NetworkJobs networks_;
  Retry network_retry_;
  bool list_wanted_ = false;
  OnNetworks on_networks_;
  Clock::time_point list_due_ = Clock::time_point::min();
  Clock::time_point last_list_ = Clock::time_point::min();
  std::chrono::milliseconds list_pause_;
  Retry list_retry_;
  std::thread thread_;
};

}  // namespace drawbridge
