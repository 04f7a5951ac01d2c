#include "ports/host_ports.h"

namespace drawbridge {

Result<std::uint16_t> HostPorts::hold_first(PortHold hold,
                                            std::vector<std::uint16_t> const& candidates) {
  for (std::uint16_t const port : candidates) {
    hold.port.host_ports = {port, port};
    Result<void> const held = this->hold(hold);
    if (held) {
      return port;
    }
    if (held.error().code != Errc::already_exists) {
      return fail(held.error());
    }
  }
  return fail(Errc::exhausted, "none of the ports is free");
}

}  // namespace drawbridge
