#include "ports/relayed_port.h"

#include <algorithm>

namespace drawbridge {

std::optional<RelayTarget> target_of(PortHold const& hold, IpAddress const& client,
                                     std::size_t offset) {
  bool const is_relayed = std::any_of(hold.relayed.begin(), hold.relayed.end(),
                                      [&](IpPrefix const& each) { return each.contains(client); });
  bool const is_ipv6 = client.family == Family::ipv6;
  std::optional<IpAddress> const& own_family = is_ipv6 ? hold.ipv6 : hold.ipv4;
  std::optional<IpAddress> const& address = own_family ? own_family
                                            : is_ipv6  ? hold.ipv4
                                                       : hold.ipv6;
  if (!is_relayed || !address) {
    return std::nullopt;
  }
  return RelayTarget{*address, static_cast<std::uint16_t>(hold.port.container_port + offset)};
}

}  // namespace drawbridge
