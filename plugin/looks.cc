#include "plugin/looks.h"

#include "base/log.h"

#include <algorithm>
#include <ctime>
#include <utility>

namespace drawbridge {
namespace {

using Clock = std::chrono::steady_clock;

std::chrono::microseconds thread_cpu() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

bool has_failures(std::vector<Repair> const& repairs) {
  return std::any_of(repairs.begin(), repairs.end(),
                     [](Repair const& repair) { return !repair.failure.empty(); });
}

}  // namespace

Looks::Looks(Driver& driver) : driver_(driver), looks_(Clock::now()), mends_(Clock::now()) {}

std::vector<Repair> Looks::look() {
  std::chrono::microseconds const begun = thread_cpu();
  std::vector<Repair> repairs = driver_.reconcile();
  counters_.last_cpu = thread_cpu() - begun;
  ++counters_.looks;
  told_failures_ = tell(repairs);
  looks_.looked(Clock::now(), counters_.last_cpu, has_failures(repairs));
  mends_.looked(Clock::now(), {}, false);
  return repairs;
}

void Looks::mend() {
  std::chrono::microseconds const begun = thread_cpu();
  std::vector<Repair> const repairs = driver_.mend();
  told_failures_.merge(tell(repairs));
  mends_.looked(Clock::now(), thread_cpu() - begun, has_failures(repairs));
}

void Looks::tend() {
  if (Clock::now() >= looks_.due()) {
    look();
  } else if (Clock::now() >= mends_.due()) {
    mend();
  }
}

void Looks::requested() {
  looks_.requested(Clock::now());
  mends_.requested(Clock::now());
}

void Looks::disturbed(Disturbance const& disturbance) {
  if (disturbance.ours) {
    looks_.disturbed(Clock::now());
  }
  if (disturbance.rules) {
    mends_.disturbed(Clock::now());
  }
}

LookSchedule::TimePoint Looks::due() const {
  return std::min(looks_.due(), mends_.due());
}

/// What cannot be repaired is said once, until a look shows that it is over.
///
/// returns  what cannot be repaired
std::set<std::string> Looks::tell(std::vector<Repair> const& repairs) {
  std::set<std::string> failures;
  for (Repair const& repair : repairs) {
    if (repair.failure.empty()) {
      log::warn("repaired: {}", repair.text);
      ++counters_.repaired[repair.kind];
      continue;
    }
    ++counters_.failed[repair.kind];
    std::string text = repair.text + ": " + repair.failure;
    if (!told_failures_.contains(text)) {
      log::error("cannot repair: {}", text);
    }
    failures.insert(std::move(text));
  }
  return failures;
}

Result<std::vector<Repair>> Looks::preview() {
  return driver_.what_differs();
}

}  // namespace drawbridge
