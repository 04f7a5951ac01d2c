// Host ports that change hands as one: those that are new are taken, and all is as it was when one
// of them cannot be had.
#pragma once

#include "model/network.h"
#include "ports/host_ports.h"

#include <cstdint>
#include <utility>
#include <vector>

namespace drawbridge {

class PortTaking {
 public:
  /// ports outlives the object.
  explicit PortTaking(HostPorts& ports) : ports_(ports) {}

  /// errors of all   those of HostPorts, a port that is taken in the words that users of Docker
  /// know

  /// Lets go of a mapping that is in the way of its successor.
  void give_up(PortHold hold);

  Result<void> take(PortHold const& hold);
  /// Takes the first of these host ports that is free.
  ///
  /// returns  the mapping with it
  Result<PublishedPort> take_first(PortHold hold, std::vector<std::uint16_t> const& candidates);
  /// Takes any port that is free.
  Result<PublishedPort> take_any(PortHold const& hold);

  /// Lets go of what was taken and holds again what was given up.
  ///
  /// returns  what somebody else took meanwhile, and how that was said
  std::vector<std::pair<PublishedPort, Error>> take_back();

 private:
  HostPorts& ports_;
  std::vector<PublishedPort> taken_;
  std::vector<PortHold> given_up_;
};

}  // namespace drawbridge
