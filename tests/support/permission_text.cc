#include "tests/support/permission_text.h"

#include <fmt/format.h>

#include <variant>

namespace drawbridge {
namespace {

std::string text_of(ProtocolRange protocols) {
  constexpr std::pair<std::uint8_t, char const*> names[] = {{6, "tcp"}, {17, "udp"}, {132, "sctp"}};
  for (auto const& [number, name] : names) {
    if (protocols == ProtocolRange{number, number}) {
      return name;
    }
  }
  return fmt::format("{}-{}", protocols.first, protocols.last);
}

std::string text_of(PortRange ports) {
  return ports.first == ports.last ? std::to_string(ports.first)
                                   : fmt::format("{}-{}", ports.first, ports.last);
}

std::string text_of(Permission const& permission) {
  auto const* network = std::get_if<NetworkPeer>(&permission.from);
  std::string text =
      network != nullptr ? network->name_or_id : std::get<IpPrefix>(permission.from).to_string();
  Service const& service = permission.service;
  if (service == Service{}) {
    return text;
  }
  text += ":" + text_of(service.protocols);
  return service.ports == PortRange{} ? text : text + "/" + text_of(service.ports);
}

}  // namespace

std::string text_of(std::vector<Permission> const& permissions) {
  std::string text;
  for (Permission const& permission : permissions) {
    text += (text.empty() ? "" : ", ") + text_of(permission);
  }
  return text;
}

}  // namespace drawbridge
