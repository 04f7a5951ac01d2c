#include "plugin/core_loop.h"

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
  std::lock_guard const lock(mutex_);
  tasks_.push_back(std::move(task));
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
    std::optional<Task> const task = next_before(idle_wanted ? idle_at : TimePoint::max());
    if (task) {
      (*task)();
      run_waiting();
      if (on_drained) {
        on_drained();
      }
      idle_wanted = static_cast<bool>(on_idle);
    } else if (idle_wanted && Clock::now() >= idle_at) {
      idle_wanted = on_idle();
    }
    idle_at = Clock::now() + idle_after;
  }
}

void CoreLoop::run_waiting() {
  while (std::optional<Task> const task = next_waiting()) {
    (*task)();
  }
}

bool CoreLoop::is_finished() {
  std::lock_guard const lock(mutex_);
  return finishing_ && tasks_.empty();
}

/// returns  none at `deadline`, and once nothing more will come
std::optional<CoreLoop::Task> CoreLoop::next_before(TimePoint deadline) {
  std::unique_lock lock(mutex_);
  changed_.wait_until(lock, deadline, [this] { return finishing_ || !tasks_.empty(); });
  lock.unlock();
  return next_waiting();
}

std::optional<CoreLoop::Task> CoreLoop::next_waiting() {
  std::lock_guard const lock(mutex_);
  if (tasks_.empty()) {
    return std::nullopt;
  }
  std::optional<Task> task = std::move(tasks_.front());
  tasks_.pop_front();
  return task;
}

}  // namespace drawbridge
