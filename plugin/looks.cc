#include "plugin/looks.h"

#include "base/log.h"

#include <ctime>

namespace drawbridge {
namespace {

std::chrono::microseconds thread_cpu() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return std::chrono::duration_cast<std::chrono::microseconds>(
      std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
}

void log_repair(Repair const& repair) {
  if (repair.failure.empty()) {
    log::warn("repaired: {}", repair.text);
  } else {
    log::error("cannot repair: {}: {}", repair.text, repair.failure);
  }
}

}  // namespace

std::vector<Repair> Looks::look() {
  std::chrono::microseconds const begun = thread_cpu();
  std::vector<Repair> repairs = driver_.reconcile();
  counters_.last_cpu = thread_cpu() - begun;
  ++counters_.looks;
  for (Repair const& repair : repairs) {
    log_repair(repair);
    ++(repair.failure.empty() ? counters_.repaired : counters_.failed)[repair.kind];
  }
  return repairs;
}

Result<std::vector<Repair>> Looks::preview() {
  return driver_.what_differs();
}

}  // namespace drawbridge
