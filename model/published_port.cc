#include "model/published_port.h"

#include <netinet/in.h>

namespace drawbridge {

std::string name_of_protocol(std::uint8_t protocol) {
  switch (protocol) {
    case IPPROTO_TCP:
      return "tcp";
    case IPPROTO_UDP:
      return "udp";
    case IPPROTO_SCTP:
      return "sctp";
    default:
      return std::to_string(protocol);
  }
}

bool is_for_every_address(std::optional<IpAddress> const& host) {
  return !host || host->bits == 0;
}

bool clash(PublishedPort const& one, PublishedPort const& other) {
  if (one.protocol != other.protocol || !one.has_host_ports() || !other.has_host_ports() ||
      one.host_ports.first > other.host_ports.last ||
      other.host_ports.first > one.host_ports.last) {
    return false;
  }
  if (!one.host || !other.host) {
    return true;
  }
  return one.host->family == other.host->family &&
         (one.host == other.host || is_for_every_address(one.host) ||
          is_for_every_address(other.host));
}

}  // namespace drawbridge
