#include "driver/port_pool.h"

#include "driver/port_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace drawbridge {
namespace {

bool holds(PortRange const& range, std::uint32_t port) {
  return range.first <= port && port <= range.last;
}

bool is_covered(PortRange const& range, std::vector<PortRange> reserved) {
  std::sort(reserved.begin(), reserved.end());
  std::uint32_t next = range.first;
  for (PortRange const& each : reserved) {
    if (holds(each, next)) {
      next = each.last + 1u;
    }
  }
  return next > range.last;
}

/// returns  the ports of the range that may be handed out
std::set<std::uint16_t> usable(PoolView const& pool) {
  bool const is_ours = is_covered(pool.range, pool.reserved);
  std::set<std::uint16_t> ports;
  for (std::uint32_t port = pool.range.first; port <= pool.range.last; ++port) {
    bool const is_reserved =
        !is_ours && std::any_of(pool.reserved.begin(), pool.reserved.end(),
                                [port](PortRange const& each) { return holds(each, port); });
    if (!is_reserved) {
      ports.insert(ports.end(), static_cast<std::uint16_t>(port));
    }
  }
  return ports;
}

}  // namespace

std::vector<std::uint16_t> ports_of(PortRange const& range) {
  std::vector<std::uint16_t> ports;
  for (std::uint32_t port = range.first; port <= range.last; ++port) {
    ports.push_back(static_cast<std::uint16_t>(port));
  }
  return ports;
}

std::vector<std::uint16_t> pool_candidates(PoolView const& pool) {
  std::set<std::uint16_t> free = usable(pool);
  std::vector<std::uint16_t> candidates;
  if (auto const own = pool.leases.find(pool.container);
      own != pool.leases.end() && free.erase(own->second) > 0) {
    candidates.push_back(own->second);
  }
  std::set<std::uint16_t> of_others;
  for (auto const& [container, port] : pool.leases) {
    if (free.erase(port) > 0) {
      of_others.insert(port);
    }
  }
  candidates.insert(candidates.end(), free.begin(), free.end());
  candidates.insert(candidates.end(), of_others.begin(), of_others.end());
  return candidates;
}

std::optional<std::string> reservation_advice(PortRange const& range, PortRange const& ephemeral,
                                              std::vector<PortRange> const& reserved) {
  bool const meets = range.first <= ephemeral.last && ephemeral.first <= range.last;
  if (!meets || is_covered(range, reserved)) {
    return std::nullopt;
  }
  std::vector<std::string> ranges;
  for (PortRange const& each : reserved) {
    ranges.push_back(to_text(each));
  }
  ranges.push_back(to_text(range));
  return fmt::format(
      "connections of this host may take ports of {} for themselves ({} are theirs): reserve them "
      "with sysctl -w net.ipv4.ip_local_reserved_ports={}",
      to_text(range), to_text(ephemeral), fmt::join(ranges, ","));
}

}  // namespace drawbridge
