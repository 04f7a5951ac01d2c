// Who has a port, for the text of an error: found out by a look through /proc.
#pragma once

#include "ports/port_socket.h"

#include <chrono>
#include <string>

namespace drawbridge {

class PortHolders {
 public:
  /// returns  "nginx (pid 4711)"; "another process" where it cannot be seen, and when looks have
  ///          taken much time just now: whoever tries one port after the other reads no texts
  std::string holder_of(HostPort const& port);

 private:
  using Clock = std::chrono::steady_clock;

  Clock::time_point next_look_ = Clock::time_point::min();
};

}  // namespace drawbridge
