#include "plugin/look_schedule.h"

#include <algorithm>

namespace drawbridge {

void LookSchedule::looked(TimePoint now, std::chrono::microseconds cost, bool has_failed) {
  last_look_ = now;
  disturbed_.reset();
  rests_until_ = now + cost * pace_.cost_factor;
  retry_.reset();
  if (!has_failed) {
    retry_pause_ = pace_.after_failure;
    return;
  }
  rests_until_ = std::max(rests_until_, now + pace_.after_failure);
  retry_ = now + retry_pause_;
  retry_pause_ = std::min(2 * retry_pause_, pace_.period);
}

LookSchedule::TimePoint LookSchedule::due() const {
  TimePoint const next = last_look_ + pace_.period;
  TimePoint due = when_idle(next, next + pace_.overdue);
  if (disturbed_) {
    due = std::min(due, when_idle(*disturbed_ + pace_.gather, *disturbed_ + pace_.longest));
  }
  if (retry_) {
    due = std::min(due, when_idle(*retry_, *retry_ + pace_.longest));
  }
  return std::max(due, rests_until_);
}

LookSchedule::TimePoint LookSchedule::when_idle(TimePoint earliest, TimePoint latest) const {
  return std::max(earliest, std::min(last_request_ + pace_.gather, latest));
}

}  // namespace drawbridge
