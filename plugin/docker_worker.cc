#include "plugin/docker_worker.h"

#include "base/log.h"
#include "docker/inventory.h"

#include <algorithm>
#include <utility>

namespace drawbridge {

DockerWorker::DockerWorker(std::filesystem::path socket, Post post_to_core,
                           DockerWorkerLimits limits)
    : post_to_core_(std::move(post_to_core)),
      limits_(limits),
      api_(std::move(socket), limits.call),
      look_retry_(fresh()),
      name_retry_(fresh()),
      thread_([this] { run(); }) {}

DockerWorker::~DockerWorker() {
  {
    std::lock_guard const lock(mutex_);
    stopping_ = true;
    changed_.notify_one();
  }
  api_.stop();
  thread_.join();
}

void DockerWorker::look(OnLook on_look) {
  std::lock_guard const lock(mutex_);
  on_look_ = std::move(on_look);
  look_wanted_ = true;
  changed_.notify_one();
}

void DockerWorker::find_name(NetworkId network, EndpointId endpoint, OnName on_name) {
  std::lock_guard const lock(mutex_);
  if (names_.size() >= limits_.queue) {
    log::debug("endpoint {} stays nameless: {} others wait for the docker api", endpoint.brief(),
               names_.size());
    return;
  }
  names_.push_back({std::move(network), std::move(endpoint), std::move(on_name)});
  changed_.notify_one();
}

void DockerWorker::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    Clock::time_point const now = Clock::now();
    if (!names_.empty() && name_retry_.due <= now) {
      find_next_name(lock);
    } else if (look_wanted_ && look_retry_.due <= now) {
      take_look(lock);
    } else {
      changed_.wait_until(lock, next_due());
    }
  }
}

DockerWorker::Clock::time_point DockerWorker::next_due() const {
  constexpr Clock::time_point never = Clock::time_point::max();
  return std::min(names_.empty() ? never : name_retry_.due, look_wanted_ ? look_retry_.due : never);
}

void DockerWorker::take_look(std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  Result<DockerInventory> inventory = take_inventory(api_);
  lock.lock();
  if (inventory) {
    look_wanted_ = false;
    look_retry_ = fresh();
    post_to_core_([this, seen = std::move(*inventory)] { answer_look(seen); });
    return;
  }
  log::debug("{}", inventory.error().message);
  bool const was_longest = look_retry_.pause >= limits_.longest_retry;
  postpone(look_retry_);
  if (!was_longest && look_retry_.pause >= limits_.longest_retry) {
    log::warn("{}; leases are not compared with docker until it answers",
              inventory.error().message);
  }
}

/// On the core thread.
void DockerWorker::answer_look(DockerInventory const& inventory) {
  if (!on_look_(inventory)) {
    return;
  }
  std::lock_guard const lock(mutex_);
  look_wanted_ = true;
  look_retry_.due = Clock::now() + limits_.look_again;
  changed_.notify_one();
}

/// The job stays in the queue until it is done, so that names come in the order of the joins.
void DockerWorker::find_next_name(std::unique_lock<std::mutex>& lock) {
  NameJob const job = names_.front();
  lock.unlock();
  Result<DockerNetwork> const network = fetch_network(api_, job.network);
  lock.lock();
  if (!network) {
    log::debug("name of endpoint {}: {}", job.endpoint.brief(), network.error().message);
    if (network.error().code == Errc::kernel) {
      postpone(name_retry_);
      return;
    }
  }
  names_.pop_front();
  name_retry_ = fresh();
  if (network) {
    post_name(job, *network);
  }
}

void DockerWorker::post_name(NameJob const& job, DockerNetwork const& network) {
  auto const endpoint = std::find_if(
      network.endpoints.begin(), network.endpoints.end(),
      [&job](DockerEndpoint const& candidate) { return candidate.id == job.endpoint; });
  if (endpoint == network.endpoints.end()) {
    log::debug("endpoint {} stays nameless: network {} does not have it any more",
               job.endpoint.brief(), job.network.brief());
    return;
  }
  EndpointName const name{job.network, job.endpoint, network.name, endpoint->name};
  post_to_core_([on_name = job.on_name, name] { on_name(name); });
}

void DockerWorker::postpone(Retry& retry) const {
  retry.due = Clock::now() + retry.pause;
  retry.pause = std::min(2 * retry.pause, limits_.longest_retry);
}

}  // namespace drawbridge
