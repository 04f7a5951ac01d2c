#include "driver/port_text.h"

#include <fmt/core.h>

namespace drawbridge {

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
  return fmt::format("{}:{}/{}", host, to_text(port.host_ports), name_of_protocol(port.protocol));
}

}  // namespace drawbridge
