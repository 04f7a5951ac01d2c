// A descriptor that becomes readable at a time of the steady clock.
#pragma once

#include "base/file_descriptor.h"
#include "base/result.h"

#include <chrono>
#include <optional>
#include <utility>

namespace drawbridge {

class Alarm {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// errors  kernel   the kernel has no timer left
  static Result<Alarm> open();

  int descriptor() const { return timer_.get(); }

  /// Goes off at `time`, or earlier if it is set to that already: whoever it wakes looks at the
  /// clock.
  void set(TimePoint time);

  /// To be called when the descriptor is readable: from then on nothing is set.
  void take();

 private:
  explicit Alarm(FileDescriptor timer) : timer_(std::move(timer)) {}

  FileDescriptor timer_;
  std::optional<TimePoint> set_to_;
};

}  // namespace drawbridge
