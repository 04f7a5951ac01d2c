// The real host ports: sockets, and a thread that relays what the kernel cannot translate.
#pragma once

#include "ports/host_ports.h"
#include "ports/relay_limits.h"

#include <memory>

namespace drawbridge {

class SocketPorts final : public HostPorts {
 public:
  /// Starts the thread, and lets this process have as many files open as it may allow itself.
  ///
  /// errors  kernel   no sockets or no thread to be had
  static Result<std::unique_ptr<SocketPorts>> open(RelayLimits limits = {});
  /// Lets go of everything.
  ~SocketPorts() override;

  Result<void> hold(PortHold const& hold) override;
  Result<std::uint16_t> hold_first(PortHold hold,
                                   std::vector<std::uint16_t> const& candidates) override;
  Result<std::uint16_t> hold_any(PortHold hold) override;
  void release(PublishedPort const& port) override;
  std::vector<PortRange> reserved() const override;
  PortRange ephemeral() const override;

 private:
  class Impl;
  explicit SocketPorts(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace drawbridge
