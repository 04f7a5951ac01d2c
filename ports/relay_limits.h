// How much is relayed at a time, and for how long.
#pragma once

#include <chrono>
#include <cstddef>

namespace drawbridge {

struct RelayLimits {
  std::size_t connections = 4096;  // of TCP; who comes then waits
  std::chrono::milliseconds connect{5'000};
  std::size_t clients = 4096;  // of UDP; who comes then is dropped
  std::chrono::milliseconds unanswered{30'000};
  std::chrono::milliseconds idle{60'000};  // of UDP, since the last datagram
};

}  // namespace drawbridge
