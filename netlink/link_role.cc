#include "netlink/link_role.h"

#include "netlink/link_message.h"
#include "netlink/mark.h"

#include <utility>

namespace drawbridge {

Bridge bridge_from(Link const& link, std::set<IpPrefix> addresses) {
  Bridge bridge;
  bridge.name = link.name;
  bridge.owner = owner_in(link.alias).value_or("");
  bridge.mac = link.mac;
  bridge.mtu_bytes = link.mtu_bytes;
  bridge.addresses = std::move(addresses);
  bridge.up = link.up;
  bridge.group = {link.group};
  bridge.route_localnet = link.route_localnet;
  return bridge;
}

bool is_told_of(Link const& port) {
  return port.master != 0 && !port.port.flood && !port.port.learning;
}

MacAddress told_mac_of(Link const& port, std::set<MacAddress> const& static_macs) {
  return is_told_of(port) && static_macs.size() == 1 ? *static_macs.begin() : MacAddress{};
}

Veth veth_from(Link const& link, std::string container_end, std::string bridge) {
  Veth veth;
  veth.host_end = link.name;
  veth.container_end = std::move(container_end);
  veth.owner = owner_in(link.alias).value_or("");
  veth.bridge = std::move(bridge);
  veth.mtu_bytes = link.mtu_bytes;
  veth.up = link.up;
  veth.isolated = link.port.isolated;
  veth.hairpin = link.port.hairpin;
  veth.group = {link.group};
  return veth;
}

LinkRole role_of(Link const& link) {
  if (!link_message::is_ours(link)) {
    return LinkRole::foreign;
  }
  if (link.alias == retired_mark) {
    return LinkRole::retired;
  }
  if (link.kind == "ifb") {
    return LinkRole::limiter;
  }
  if (!owner_in(link.alias)) {
    return LinkRole::container_end;
  }
  return link.kind == "bridge" ? LinkRole::bridge : LinkRole::veth;
}

}  // namespace drawbridge
