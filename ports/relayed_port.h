// A mapping as the relay knows it, and where it sends whom. Pure.
#pragma once

#include "ports/host_ports.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace drawbridge {

struct RelayedPort {
  PortHold hold;
  /// One for each host port, in their order; of SocketPorts, and open while the relay has them.
  std::vector<int> sockets;
};

struct RelayTarget {
  IpAddress address;
  std::uint16_t port = 0;

  auto operator<=>(RelayTarget const&) const = default;
};

/// offset   of the host port in the range
///
/// returns  none where the client's packets are not to be taken
std::optional<RelayTarget> target_of(PortHold const& hold, IpAddress const& client,
                                     std::size_t offset);

}  // namespace drawbridge
