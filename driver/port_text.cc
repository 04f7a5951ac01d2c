#include "driver/port_text.h"

#include <fmt/core.h>

#include <netinet/in.h>

namespace drawbridge {

std::string protocol_text(std::uint8_t protocol) {
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

std::string to_text(PortRange const& range) {
  return range.first == range.last ? std::to_string(range.first)
                                   : fmt::format("{}-{}", range.first, range.last);
}

std::string host_text(PublishedPort const& port) {
  std::string host = "0.0.0.0";
  if (port.host) {
    bool const is_ipv4 = port.host->family == Family::ipv4;
    host = is_ipv4 ? port.host->to_string() : "[" + port.host->to_string() + "]";
  }
  return fmt::format("{}:{}/{}", host, to_text(port.host_ports), protocol_text(port.protocol));
}

}  // namespace drawbridge
