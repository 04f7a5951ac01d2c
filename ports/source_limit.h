// How many connections each source opened of late to the relayed ports of a network: what the
// chains of `connlimit` count where the kernel translates (netlink/nft/connlimit.h).
//
// Part of the relay; everything here belongs to its thread.
#pragma once

#include "ports/host_ports.h"

#include <chrono>
#include <cstddef>
#include <map>
#include <string>
#include <utility>

namespace drawbridge {

class SourceLimit {
 public:
  using Clock = std::chrono::steady_clock;

  /// Counts one connection, unless it is of this host or of a member.
  ///
  /// at       the address of this host that the client used
  /// returns  false when it is more than the network takes
  bool admits(PortHold const& hold, IpAddress const& client, IpAddress const& at,
              Clock::time_point now);

 private:
  struct Bucket {
    double connections = 0;  // that are left
    Clock::time_point filled;
  };

  bool makes_room(Clock::time_point now);

  std::map<std::pair<std::string, IpAddress>, Bucket> buckets_;
  Clock::time_point next_look_ = Clock::time_point::min();
};

}  // namespace drawbridge
