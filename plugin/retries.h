// When something that failed is tried again: twice soon, then ever later, up to a limit.
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <random>

namespace drawbridge {

/// returns  between three quarters of it and all: many that failed together do not come together
inline std::chrono::milliseconds jittered(std::chrono::milliseconds pause) {
  thread_local std::minstd_rand random{std::random_device{}()};
  auto const most = pause.count();
  return std::chrono::milliseconds(
      std::uniform_int_distribution<decltype(pause.count())>(most - most / 4, most)(random));
}

struct RetryLimits {
  int soon = 3;  // tries in all before the pauses grow
  std::chrono::milliseconds first{200};
  std::chrono::milliseconds longest{30'000};
};

/// The pauses of many things.
template <class Key>
class Retries {
 public:
  using Clock = std::chrono::steady_clock;

  explicit Retries(RetryLimits limits) : limits_(limits) {}

  /// returns  how many tries failed in a row, this one too
  int failed(Key const& key, Clock::time_point now) {
    Entry& entry = entries_[key];
    ++entry.failures;
    if (entry.failures > limits_.soon) {
      entry.pause = std::min(2 * entry.pause, limits_.longest);
    } else {
      entry.pause = limits_.first;
    }
    entry.due = now + jittered(entry.pause);
    return entry.failures;
  }
  void succeeded(Key const& key) { entries_.erase(key); }
  /// Leaves what nobody wants any more; `is_wanted` is asked with each key.
  template <class Wanted>
  void keep(Wanted const& is_wanted) {
    std::erase_if(entries_, [&](auto const& each) { return !is_wanted(each.first); });
  }
  /// Everything is due again: what stood in the way may be gone.
  void hurry() {
    for (auto& [key, entry] : entries_) {
      entry.due = Clock::time_point::min();
    }
  }

  bool is_due(Key const& key, Clock::time_point now) const {
    auto const found = entries_.find(key);
    return found == entries_.end() || found->second.due <= now;
  }
  /// returns  when the next is due behind `now`
  Clock::time_point next_due(Clock::time_point now) const {
    Clock::time_point next = Clock::time_point::max();
    for (auto const& [key, entry] : entries_) {
      next = entry.due > now ? std::min(next, entry.due) : next;
    }
    return next;
  }

 private:
  struct Entry {
    int failures = 0;
    std::chrono::milliseconds pause{0};
    Clock::time_point due;
  };

  RetryLimits limits_;
  std::map<Key, Entry> entries_;
};

}  // namespace drawbridge
