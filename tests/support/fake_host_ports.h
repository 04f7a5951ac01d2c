// Host ports in memory: keeps what is held, writes down what was asked, and refuses what a test
// says that others have.
#pragma once

#include "ports/host_ports.h"

#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {

class FakeHostPorts final : public HostPorts {
 public:
  // Free for a test to set and to look at.
  std::set<std::pair<std::uint8_t, std::uint16_t>> taken;  // by others: protocol and port
  std::string taker = "nginx (pid 4711)";                  // what errors call these others
  std::map<PublishedPort, PortHold> held;
  std::vector<std::string> calls;  // "hold 6 any:8080-8080", "release 6 any:8080-8080"
  std::vector<PortRange> reserved_ranges;
  PortRange ephemeral_range{32768, 60999};

  Result<void> hold(PortHold const& hold) override;
  Result<std::uint16_t> hold_first(PortHold hold,
                                   std::vector<std::uint16_t> const& candidates) override;
  Result<std::uint16_t> hold_any(PortHold hold) override;
  void release(PublishedPort const& port) override;
  std::vector<PortRange> reserved() const override { return reserved_ranges; }
  PortRange ephemeral() const override { return ephemeral_range; }

 private:
  bool is_held(PublishedPort const& port, std::uint16_t number) const;
};

}  // namespace drawbridge
