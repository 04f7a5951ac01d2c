#include "plugin/alarm.h"

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <system_error>

#include <sys/timerfd.h>
#include <unistd.h>

namespace drawbridge {

Result<Alarm> Alarm::open() {
  FileDescriptor timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer.is_open()) {
    return fail(Errc::kernel, "open a timer: " + std::generic_category().message(errno));
  }
  return Alarm(std::move(timer));
}

// The steady clock is CLOCK_MONOTONIC. A time of zero would switch the timer off.
void Alarm::set(TimePoint time) {
  using namespace std::chrono;
  if (set_to_ && *set_to_ <= time) {
    return;
  }
  nanoseconds const since_boot = std::max(nanoseconds(1), nanoseconds(time.time_since_epoch()));
  seconds const whole = duration_cast<seconds>(since_boot);
  itimerspec spec{};
  spec.it_value.tv_sec = whole.count();
  spec.it_value.tv_nsec = (since_boot - whole).count();
  ::timerfd_settime(timer_.get(), TFD_TIMER_ABSTIME, &spec, nullptr);
  set_to_ = time;
}

void Alarm::take() {
  std::uint64_t times = 0;
  static_cast<void>(::read(timer_.get(), &times, sizeof times) > 0);
  set_to_.reset();
}

}  // namespace drawbridge
