// A network's own range of host ports (`ports`): in which order they are handed out. Pure.
//
// source: docs/ports.md
#pragma once

#include "model/policy.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drawbridge {

/// returns  every one of them
std::vector<std::uint16_t> ports_of(PortRange const& range);

/// Ports of a network that are kept for containers, by their names.
using PortLeases = std::map<std::string, std::uint16_t>;

struct PoolView {
  PortRange range;
  std::vector<PortRange> reserved;  // net.ipv4.ip_local_reserved_ports
  PortLeases leases;                // of containers that exist, or may exist
  std::string container;            // whom it is for; empty: not known
};

/// returns  the container's own, then those that nobody has from the lowest up, then those that are
///          kept for others. Ports that an administrator reserved are none, unless the reservation
///          covers the range: then it was made for it.
std::vector<std::uint16_t> pool_candidates(PoolView const& pool);

/// returns  what to do about a range that this host's own connections use as well; nothing where it
///          is reserved, or apart from them
/// source   net.ipv4.ip_local_port_range
std::optional<std::string> reservation_advice(PortRange const& range, PortRange const& ephemeral,
                                              std::vector<PortRange> const& reserved);

}  // namespace drawbridge
