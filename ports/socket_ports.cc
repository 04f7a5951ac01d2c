#include "ports/socket_ports.h"

#include <utility>

namespace drawbridge {

class SocketPorts::Impl {};

SocketPorts::SocketPorts(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SocketPorts::~SocketPorts() = default;

Result<std::unique_ptr<SocketPorts>> SocketPorts::open() {
  return std::unique_ptr<SocketPorts>(new SocketPorts(std::make_unique<Impl>()));
}

Result<void> SocketPorts::hold(PortHold const&) {
  return fail(Errc::unsupported, "host ports are not there yet");
}

Result<std::uint16_t> SocketPorts::hold_any(PortHold) {
  return fail(Errc::unsupported, "host ports are not there yet");
}

void SocketPorts::release(PublishedPort const&) {}

std::vector<PortRange> SocketPorts::reserved() const {
  return {};
}

PortRange SocketPorts::ephemeral() const {
  return {32768, 60999};
}

}  // namespace drawbridge
