// What one thread is to do, in order, and until when it may wait for more of it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

namespace drawbridge {

class TaskInbox {
 public:
  using Clock = std::chrono::steady_clock;

  /// From any thread.
  void post(std::function<void()> task) {
    std::lock_guard const lock(mutex_);
    tasks_.push_back(std::move(task));
    changed_.notify_one();
  }

  /// Lets run() say that it is over. What waits is never done.
  void close() {
    std::lock_guard const lock(mutex_);
    closed_ = true;
    changed_.notify_one();
  }

  /// Waits for tasks, at most until `latest`, and does those that are there.
  ///
  /// returns  false when it is closed
  bool run(Clock::time_point latest) {
    std::unique_lock lock(mutex_);
    auto const is_awaited = [this] { return closed_ || !tasks_.empty(); };
    // A wait until the end of time overflows.
    if (latest == Clock::time_point::max()) {
      changed_.wait(lock, is_awaited);
    } else {
      changed_.wait_until(lock, latest, is_awaited);
    }
    std::deque<std::function<void()>> const tasks = std::exchange(tasks_, {});
    bool const go_on = !closed_;
    lock.unlock();
    for (std::function<void()> const& task : tasks) {
      if (go_on) {
        task();
      }
    }
    return go_on;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> tasks_;
  bool closed_ = false;
};

}  // namespace drawbridge
