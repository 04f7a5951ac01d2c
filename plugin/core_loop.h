// The core thread's work: a queue of tasks from other threads, and something to do when idle.
//
// One task at a time, in the order of arrival. Mutexes are here, in docker_worker.h, and in what the
// steward's threads share.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>

namespace drawbridge {

class CoreLoop {
 public:
  using Task = std::function<void()>;

  /// Queues `task`. From any thread.
  void post(Task task);

  /// Queues `task` alike, which neither puts off `on_idle` nor asks for it.
  void post_aside(Task task);

  /// Lets `run` return once the queue is empty. From any thread.
  void finish();

  /// Runs tasks on the calling thread, which SIGTERM, SIGINT and SIGHUP do not interrupt meanwhile.
  ///
  /// on_drained  called each time that no task of `post` waits any more; may be empty
  /// on_idle     called once no task of `post` has arrived for `idle_after`, and again after the
  ///             same time while it returns true; may be empty
  void run(std::chrono::milliseconds idle_after, std::function<bool()> const& on_idle,
           std::function<void()> const& on_drained = {});

 private:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Entry {
    Task task;
    bool counts;
  };

  void push(Entry entry);
  bool is_drained();
  bool is_finished();
  std::optional<Entry> next_before(TimePoint deadline);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Entry> tasks_;
  bool finishing_ = false;
};

}  // namespace drawbridge
