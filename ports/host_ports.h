// Ports of this host, held by sockets of this process, so that nothing else takes them and who has
// them is found out before anything is changed.
//
// The kernel translates; these sockets never see what it can translate. What it cannot (::1, an
// IPv6 client of a container without IPv6, a sibling where members are apart) they take and relay.
// socket_ports.h is the real one, tests/support/fake_host_ports.h the other. source: docs/ports.md
#pragma once

#include "base/result.h"
#include "model/published_port.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace drawbridge {

/// How many connections are relayed of each source, to all ports of a network together.
struct RelayLimit {
  std::string network;  // a name for it
  ConnLimit each;
  /// Sources that are not counted. Nor is this host, which uses the address that it asks.
  std::vector<IpPrefix> uncounted;

  bool operator==(RelayLimit const&) const = default;
};

/// A mapping, and what is relayed of it.
struct PortHold {
  PublishedPort port;
  std::optional<IpAddress> ipv4;  // of the container
  std::optional<IpAddress> ipv6;
  /// Sources whose packets are taken and relayed, to the address of their own family if the
  /// container has one. All others are dropped without an answer.
  std::vector<IpPrefix> relayed;
  std::optional<RelayLimit> limit = {};

  bool operator==(PortHold const&) const = default;
};

class HostPorts {
 public:
  virtual ~HostPorts() = default;

  /// Takes the host ports of the mapping, all or none. Holding the same mapping again only changes
  /// where it is relayed to and for whom.
  ///
  /// errors  already_exists    a socket has one of them: "tcp port 0.0.0.0:8080 is taken by nginx
  ///                           (pid 4711)"
  ///         invalid_argument  the host has no such address
  ///         kernel            no socket to be had; the text says why
  virtual Result<void> hold(PortHold const& hold) = 0;

  /// Takes the first of `candidates` that is free; `hold.port.host_ports` is not looked at. They
  /// may be thousands: where hold() finds out at some cost who has a port, this does not.
  ///
  /// returns  which
  /// errors   exhausted   none is free
  ///          others      those of hold()
  virtual Result<std::uint16_t> hold_first(PortHold hold,
                                           std::vector<std::uint16_t> const& candidates);

  /// Takes any free port of the ephemeral range; `hold.port.host_ports` is not looked at.
  ///
  /// returns  which
  /// errors   exhausted   none is free; others as hold()
  virtual Result<std::uint16_t> hold_any(PortHold hold) = 0;

  /// Lets go of the ports of a mapping, and ends what is relayed of it. Unknown is success.
  virtual void release(PublishedPort const& port) = 0;

  /// returns  ports that an administrator keeps from being handed out
  /// source   net.ipv4.ip_local_reserved_ports
  virtual std::vector<PortRange> reserved() const = 0;
  /// returns  the ports that this host's own outgoing connections use
  /// source   net.ipv4.ip_local_port_range
  virtual PortRange ephemeral() const = 0;
};

}  // namespace drawbridge
