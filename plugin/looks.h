// The looks at the kernel: they compare everything that is ours with what it should be, repair it,
// say so in the log and count it.
//
// At start, on demand, on SIGHUP, every 30 s, and soon after somebody else changed a link, an
// address or a table of ours. All on the core thread. source: docs/operations.md
#pragma once

#include "base/result.h"
#include "driver/driver.h"
#include "driver/repair.h"
#include "plugin/look_schedule.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {

/// Since the daemon started.
struct LookCounters {
  std::uint64_t looks = 0;
  std::map<std::string, std::uint64_t> repaired;  // by kind
  std::map<std::string, std::uint64_t> failed;
  std::chrono::microseconds last_cpu{0};  // of this thread, for the last look
};

class Looks {
 public:
  /// driver  outlives the object
  explicit Looks(Driver& driver);

  /// Looks, repairs, logs and counts.
  ///
  /// returns  what was wrong
  std::vector<Repair> look();

  /// Puts back only what others took from the rules: Driver::mend(). Logs and counts alike. Also to
  /// be called before an operation that relies on our rules.
  void mend();

  /// Does what is due.
  void tend();

  /// A request came, which puts off what is due, for a moment.
  void requested();
  /// Others did something, or perhaps: makes a look due, or a mend().
  void disturbed(Disturbance const& disturbance);
  /// returns  when tend() has something to do
  LookSchedule::TimePoint due() const;

  /// Looks only: nothing changes, nothing is counted.
  ///
  /// returns  what a look() would repair now
  /// errors   kernel   it cannot be looked at
  Result<std::vector<Repair>> preview();

  LookCounters const& counters() const { return counters_; }

 private:
  std::set<std::string> tell(std::vector<Repair> const& repairs);

  Driver& driver_;
  LookCounters counters_;
  LookSchedule looks_;
  LookSchedule mends_;  // a look mends, too, so only disturbances make them due
  std::set<std::string> told_failures_;  // at the last look, and by mend() since
};

}  // namespace drawbridge
