// The wall clock, read where decisions are carried out; what decides takes the time as a value.
#pragma once

#include "model/pool.h"

#include <chrono>

namespace drawbridge {

inline WallTime wall_time() {
  return std::chrono::time_point_cast<WallTime::duration>(std::chrono::system_clock::now());
}

}  // namespace drawbridge
