// Answers that wait for something that another thread does.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <utility>

namespace drawbridge {

/// From any thread. What is put off is given out once.
class PutOff {
 public:
  using Answer = std::function<void()>;

  /// returns  its number
  std::uint64_t add(Answer answer) {
    std::lock_guard const lock(mutex_);
    answers_.emplace(++last_, std::move(answer));
    return last_;
  }
  /// returns  nothing to do when it was taken before
  Answer take(std::uint64_t number) {
    std::lock_guard const lock(mutex_);
    auto const found = answers_.extract(number);
    return found ? found.mapped() : [] {};
  }
  std::map<std::uint64_t, Answer> take_all() {
    std::lock_guard const lock(mutex_);
    return std::exchange(answers_, {});
  }

 private:
  std::mutex mutex_;
  std::uint64_t last_ = 0;
  std::map<std::uint64_t, Answer> answers_;
};

}  // namespace drawbridge
