#include "plugin/docker_worker.h"

#include "base/log.h"
#include "docker/inventory.h"
#include "docker/networks.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace drawbridge {
namespace {

constexpr auto not_due = std::chrono::steady_clock::time_point::max();

constexpr auto is_due_before = [](auto const& a, auto const& b) { return a.due < b.due; };

}  // namespace

DockerWorker::DockerWorker(std::filesystem::path socket, Post post_to_core,
                           DockerWorkerLimits limits)
    : post_to_core_(std::move(post_to_core)),
      limits_(limits),
      api_(std::move(socket), limits.call),
      look_retry_(fresh()),
      name_retry_(fresh()),
      network_retry_(fresh()),
      list_pause_(limits.gather),
      list_retry_(fresh()),
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

void DockerWorker::on_look(OnLook on_look) {
  std::lock_guard const lock(mutex_);
  on_look_ = std::move(on_look);
}

void DockerWorker::look(std::chrono::milliseconds pause, Doubts doubts) {
  std::lock_guard const lock(mutex_);
  doubts_ = std::move(doubts);
  look_wanted_ = true;
  look_due_ = Clock::now() + pause;
  changed_.notify_one();
}

void DockerWorker::find_name(EndpointQuestion question, OnName on_name) {
  std::lock_guard const lock(mutex_);
  if (names_.size() >= limits_.queue) {
    log::debug("endpoint {} stays nameless: {} others wait for the docker api",
               question.endpoint.brief(), names_.size());
    return;
  }
  names_.push_back({std::move(question), std::move(on_name)});
  changed_.notify_one();
}

void DockerWorker::find_network(NetworkId network, OnNetwork on_network) {
  std::lock_guard const lock(mutex_);
  if (networks_.size() >= limits_.queue) {
    log::debug("network {} stays nameless: {} others wait for the docker api", network.brief(),
               networks_.size());
    return;
  }
  Clock::time_point const now = Clock::now();
  networks_.push_back({std::move(network), std::move(on_network), limits_.network_pause,
                       now + limits_.network_pause, now + limits_.network_wait});
  changed_.notify_one();
}

void DockerWorker::watch_networks(OnNetworks on_networks) {
  std::lock_guard const lock(mutex_);
  on_networks_ = std::move(on_networks);
  want_list_by(Clock::now());
}

void DockerWorker::networks_changed() {
  std::lock_guard const lock(mutex_);
  list_pause_ = limits_.gather;
  want_list_by(last_list_ + limits_.gather);
}

void DockerWorker::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    Clock::time_point const now = Clock::now();
    if (names_due() <= now) {
      find_next_name(lock);
    } else if (network_due() <= now) {
      find_next_network(lock);
    } else if (list_due() <= now) {
      take_list(lock);
    } else if (next_look() <= now) {
      take_look(lock);
    } else {
      changed_.wait_until(lock, next_due());
    }
  }
}

DockerWorker::Clock::time_point DockerWorker::next_due() const {
  return std::min({names_due(), network_due(), list_due(), next_look()});
}

DockerWorker::Clock::time_point DockerWorker::names_due() const {
  return names_.empty() ? not_due : name_retry_.due;
}

DockerWorker::Clock::time_point DockerWorker::network_due() const {
  auto const first = std::min_element(networks_.begin(), networks_.end(), is_due_before);
  return first == networks_.end() ? not_due : std::max(first->due, network_retry_.due);
}

DockerWorker::Clock::time_point DockerWorker::list_due() const {
  return list_wanted_ ? std::max(list_due_, list_retry_.due) : not_due;
}

DockerWorker::Clock::time_point DockerWorker::next_look() const {
  return look_wanted_ ? std::max(look_due_, look_retry_.due) : not_due;
}

/// The job stays in the queue until it is done, so that names come in the order of the joins.
void DockerWorker::find_next_name(std::unique_lock<std::mutex>& lock) {
  NameJob const job = names_.front();
  lock.unlock();
  Result<EndpointName> const name = ask_name(job.question);
  lock.lock();
  if (!name) {
    log::debug("name of endpoint {}: {}", job.question.endpoint.brief(), name.error().message);
    if (name.error().code == Errc::kernel) {
      postpone(name_retry_);
      return;
    }
  }
  names_.pop_front();
  name_retry_ = fresh();
  engine_answers();
  if (name) {
    post_to_core_([on_name = job.on_name, name = *name] { on_name(name); });
  }
}

Result<EndpointName> DockerWorker::ask_name(EndpointQuestion const& question) {
  Result<DockerNetwork> const network = fetch_network(api_, question.network);
  if (!network) {
    return fail(network.error());
  }
  auto const endpoint =
      std::find_if(network->endpoints.begin(), network->endpoints.end(),
                   [&](DockerEndpoint const& each) { return each.id == question.endpoint; });
  if (endpoint == network->endpoints.end()) {
    return fail(Errc::not_found, "its network does not have it any more");
  }
  EndpointName name{question.network, question.endpoint, network->name, endpoint->name};
  if (question.with_marks) {
    Result<std::optional<ContainerMarks>> marks = fetch_marks(api_, endpoint->name);
    if (!marks) {
      return fail(marks.error());
    }
    name.marks = std::move(*marks);
  }
  return name;
}

void DockerWorker::find_next_network(std::unique_lock<std::mutex>& lock) {
  auto const job = std::min_element(networks_.begin(), networks_.end(), is_due_before);
  lock.unlock();
  Result<DockerNetwork> const network = fetch_network(api_, job->id);
  lock.lock();
  answer_network(job, network);
}

void DockerWorker::answer_network(NetworkJobs::iterator job, Result<DockerNetwork> const& network) {
  Clock::time_point const now = Clock::now();
  if (!network && network.error().code == Errc::kernel) {
    log::debug("name of network {}: {}", job->id.brief(), network.error().message);
    postpone(network_retry_);
    return;
  }
  network_retry_ = fresh();
  engine_answers();
  if (!network && network.error().code == Errc::not_found && now < job->expires) {
    job->due = now + job->pause;
    job->pause = std::min(2 * job->pause, limits_.longest_network_pause);
    return;
  }
  if (network) {
    post_to_core_([on_network = std::move(job->on_network), known = known_network(*network)] {
      on_network(known);
    });
  } else {
    log::debug("network {} stays nameless: {}", job->id.brief(), network.error().message);
  }
  networks_.erase(job);
}

void DockerWorker::take_list(std::unique_lock<std::mutex>& lock) {
  list_wanted_ = false;
  last_list_ = Clock::now();
  lock.unlock();
  Result<std::vector<DockerNetwork>> const listed = fetch_networks(api_);
  lock.lock();
  if (!listed) {
    list_wanted_ = true;
    postpone(list_retry_, listed.error());
    return;
  }
  list_retry_ = fresh();
  end_outage();
  std::vector<KnownNetwork> networks;
  std::transform(listed->begin(), listed->end(), std::back_inserter(networks), known_network);
  post_to_core_([this, networks = std::move(networks)] { answer_list(networks); });
}

/// On the core thread.
void DockerWorker::answer_list(std::vector<KnownNetwork> networks) {
  if (!on_networks_(std::move(networks))) {
    return;
  }
  std::lock_guard const lock(mutex_);
  want_list_by(Clock::now() + list_pause_);
  list_pause_ = std::min(2 * list_pause_, limits_.list_again);
}

void DockerWorker::want_list_by(Clock::time_point due) {
  list_due_ = list_wanted_ ? std::min(list_due_, due) : due;
  list_wanted_ = true;
  changed_.notify_one();
}

void DockerWorker::take_look(std::unique_lock<std::mutex>& lock) {
  look_wanted_ = false;
  Doubts const doubts = doubts_;
  lock.unlock();
  Result<DockerInventory> inventory = take_inventory(api_, doubts);
  lock.lock();
  if (!inventory) {
    look_wanted_ = true;
    postpone(look_retry_, inventory.error());
    post_to_core_([this] { on_look_(std::nullopt); });
    return;
  }
  look_retry_ = fresh();
  end_outage();
  post_to_core_([this, seen = std::move(*inventory)] { on_look_(seen); });
}

/// After an outage lists and looks do not wait for the end of their pauses: others showed that it
/// is over.
void DockerWorker::engine_answers() {
  list_retry_.due = Clock::time_point::min();
  look_retry_.due = Clock::time_point::min();
}

void DockerWorker::end_outage() {
  if (std::exchange(is_outage_told_, false)) {
    log::info("docker answers again");
  }
}

void DockerWorker::postpone(Retry& retry) const {
  retry.due = Clock::now() + retry.pause;
  retry.pause = std::min(2 * retry.pause, limits_.longest_retry);
}

/// Warns once, when the failures have gone on for long.
void DockerWorker::postpone(Retry& retry, Error const& error) {
  log::debug("{}", error.message);
  bool const was_longest = retry.pause >= limits_.longest_retry;
  postpone(retry);
  bool const is_long = !was_longest && retry.pause >= limits_.longest_retry;
  if (is_long && !std::exchange(is_outage_told_, true)) {
    log::warn("{}; nothing is released and networks are known as they were until it answers",
              error.message);
  }
}

}  // namespace drawbridge
