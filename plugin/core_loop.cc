#include "plugin/core_loop.h"

#include <algorithm>
#include <csignal>
#include <utility>

namespace drawbridge {
namespace {

using Clock = std::chrono::steady_clock;

/// Leaves our signals to other threads: here they would interrupt netlink calls.
class SignalsElsewhere {
 public:
  SignalsElsewhere() {
    sigset_t ours;
    sigemptyset(&ours);
    for (int const signal : {SIGTERM, SIGINT, SIGHUP}) {
      sigaddset(&ours, signal);
    }
    pthread_sigmask(SIG_BLOCK, &ours, &before_);
  }
  ~SignalsElsewhere() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  SignalsElsewhere(SignalsElsewhere const&) = delete;
  SignalsElsewhere& operator=(SignalsElsewhere const&) = delete;

 private:
  sigset_t before_;
};

}  // namespace

void CoreLoop::post(Task task) {
  push({std::move(task), true});
}

void CoreLoop::post_aside(Task task) {
  push({std::move(task), false});
}

void CoreLoop::push(Entry entry) {
  std::lock_guard const lock(mutex_);
  tasks_.push_back(std::move(entry));
  changed_.notify_one();
}

void CoreLoop::finish() {
  std::lock_guard const lock(mutex_);
  finishing_ = true;
  changed_.notify_one();
}

void CoreLoop::run(std::chrono::milliseconds idle_after, std::function<bool()> const& on_idle,
                   std::function<void()> const& on_drained) {
  SignalsElsewhere const while_running;
  bool idle_wanted = static_cast<bool>(on_idle);
  TimePoint idle_at = Clock::now() + idle_after;
  while (!is_finished()) {
    std::optional<Entry> const next = next_before(idle_wanted ? idle_at : TimePoint::max());
    if (next) {
      next->task();
    }
    if (next && on_drained && is_drained()) {
      on_drained();
    }
    if (next && next->counts) {
      idle_wanted = static_cast<bool>(on_idle);
      idle_at = Clock::now() + idle_after;
    } else if (idle_wanted && Clock::now() >= idle_at) {
      idle_wanted = on_idle();
      idle_at = Clock::now() + idle_after;
    }
  }
}

bool CoreLoop::is_drained() {
  std::lock_guard const lock(mutex_);
  return std::none_of(tasks_.begin(), tasks_.end(),
                      [](Entry const& entry) { return entry.counts; });
}

bool CoreLoop::is_finished() {
  std::lock_guard const lock(mutex_);
  return finishing_ && tasks_.empty();
}

/// returns  none at `deadline`, and once nothing more will come
std::optional<CoreLoop::Entry> CoreLoop::next_before(TimePoint deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [this] { return finishing_ || !tasks_.empty(); });
  if (tasks_.empty()) {
    return std::nullopt;
  }
  std::optional<Entry> next = std::move(tasks_.front());
  tasks_.pop_front();
  return next;
}

}  // namespace drawbridge
