// When the next look at the kernel is due. Pure: knows only the times that it is told.
//
// source: docs/operations.md "What is looked at, and when"; docs/adr/0027-looks.md
#pragma once

#include <chrono>
#include <optional>

namespace drawbridge {

struct LookPace {
  std::chrono::milliseconds period{30'000};        // from one look to the next
  std::chrono::milliseconds overdue{30'000};       // requests put it off, but not for longer
  std::chrono::milliseconds gather{100};           // from a disturbance, or a request, to the look
  std::chrono::milliseconds longest{1'000};        // the same while requests keep coming
  int cost_factor = 20;                            // a look rests for so many times what it cost
  std::chrono::milliseconds after_failure{2'000};  // or for so long, when it repaired not all: then
                                                   // the next is due, later with every failure
};

class LookSchedule {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  /// now  counts as a look
  explicit LookSchedule(TimePoint now, LookPace pace = {})
      : pace_(pace),
        last_look_(now),
        last_request_(now - pace.gather),
        rests_until_(now),
        retry_pause_(pace.after_failure) {}

  /// Somebody asked the daemon for something.
  void requested(TimePoint now) { last_request_ = now; }

  /// Something of ours was changed, perhaps by others. Only the first since the last look counts.
  void disturbed(TimePoint now) { disturbed_ = disturbed_.value_or(now); }

  /// A look is over.
  ///
  /// cost  of it, in time of a processor
  void looked(TimePoint now, std::chrono::microseconds cost, bool has_failed);

  /// returns  when the next look is to be done; later, when a request comes meanwhile
  TimePoint due() const;

 private:
  TimePoint when_idle(TimePoint earliest, TimePoint latest) const;

  LookPace pace_;
  TimePoint last_look_;
  TimePoint last_request_;
  TimePoint rests_until_;
  std::chrono::milliseconds retry_pause_;
  std::optional<TimePoint> retry_;
  std::optional<TimePoint> disturbed_;
};

}  // namespace drawbridge
