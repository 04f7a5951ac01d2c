#include "plugin/port_brief.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

namespace drawbridge {
namespace {

constexpr std::size_t shown_in_brief = 4;

/// returns  "80" or, of several ports, "80-90"
std::string numbers_text(unsigned first, unsigned last) {
  return first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
}

std::string brief_text(PublishedPort const& port) {
  if (!port.has_host_ports()) {
    return fmt::format("{}/{}", container_numbers(port), name_of_protocol(port.protocol));
  }
  return fmt::format("{}->{}/{}", published_text(port), container_numbers(port),
                     name_of_protocol(port.protocol));
}

}  // namespace

std::optional<IpAddress> target_of(PublishedPort const& port, std::optional<IpAddress> const& ipv4,
                                   std::optional<IpAddress> const& ipv6) {
  bool const prefers_ipv6 = port.host && port.host->family == Family::ipv6;
  std::optional<IpAddress> const& first = prefers_ipv6 ? ipv6 : ipv4;
  return first ? first : (prefers_ipv6 ? ipv4 : ipv6);
}

std::string before_port(IpAddress const& address) {
  return address.family == Family::ipv6 ? fmt::format("[{}]", address.to_string())
                                        : address.to_string();
}

std::string published_text(PublishedPort const& port) {
  return fmt::format("{}:{}", port.host ? before_port(*port.host) : "0.0.0.0",
                     numbers_text(port.host_ports.first, port.host_ports.last));
}

std::string container_numbers(PublishedPort const& port) {
  unsigned const first = port.container_port;
  return numbers_text(first, first + port.host_ports.last - port.host_ports.first);
}

std::string brief_text(std::vector<PublishedPort> const& ports) {
  std::string text;
  for (std::size_t i = 0; i < std::min(ports.size(), shown_in_brief); ++i) {
    text += (i == 0 ? "" : ",") + brief_text(ports[i]);
  }
  return ports.size() > shown_in_brief
             ? fmt::format("{},...+{}", text, ports.size() - shown_in_brief)
             : text;
}

}  // namespace drawbridge
