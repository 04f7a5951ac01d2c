#include "driver/desired_state.h"

#include "driver/names.h"
#include "netlink/nft_skeleton.h"

#include <array>
#include <cstdint>
#include <optional>

namespace drawbridge {
namespace {

/// A bridge keeps its MAC address whatever ports come and go; members cache it as the gateway's.
MacAddress bridge_mac(Network const& network) {
  for (Subnet const& subnet : network.request.subnets) {
    if (subnet.gateway) {
      return mac_for(*subnet.gateway);
    }
  }
  return mac_for(network.request.id.value);
}

Bridge bridge_of(Network const& network) {
  Bridge bridge;
  bridge.name = network.spec.bridge;
  bridge.owner = network.request.id.value;
  bridge.mac = bridge_mac(network);
  bridge.mtu_bytes = network.spec.mtu_bytes;
  for (Subnet const& subnet : network.request.subnets) {
    if (subnet.gateway) {
      bridge.addresses.insert(IpPrefix{*subnet.gateway, subnet.prefix.length});
    }
  }
  return bridge;
}

void add_elements(std::set<Element>& elements, Network const& network) {
  std::string const& bridge = network.spec.bridge;
  elements.insert({nft_set::nets, {bridge}});
  elements.insert({nft_set::pair, {bridge, bridge}, Verdict{}});
  if (network.request.internal) {
    elements.insert({nft_set::egress, {bridge}, Verdict{Verdict::Kind::drop, {}}});
    elements.insert({nft_set::to_host, {bridge}, Verdict{Verdict::Kind::drop, {}}});
  }
  elements.insert({nft_set::masquerade4, {bridge}});
  elements.insert({nft_set::masquerade6, {bridge}});
  for (Subnet const& subnet : network.request.subnets) {
    if (subnet.gateway) {
      bool const is_ipv4 = subnet.gateway->family == Family::ipv4;
      elements.insert({is_ipv4 ? nft_set::gateways4 : nft_set::gateways6, {*subnet.gateway}});
    }
  }
}

/// The address that a member gives itself, of its Ethernet address. source: RFC 4291, appendix A
IpAddress link_local_address(MacAddress const& mac) {
  std::array<std::uint8_t, 6> const& bytes = mac.bytes;
  std::array<std::uint8_t, 8> const identifier{static_cast<std::uint8_t>(bytes[0] ^ 2),
                                               bytes[1],
                                               bytes[2],
                                               0xff,
                                               0xfe,
                                               bytes[3],
                                               bytes[4],
                                               bytes[5]};
  IpAddress address{Family::ipv6, AddressBits{0xfe80} << 112};
  for (std::size_t i = 0; i < identifier.size(); ++i) {
    address.bits |= AddressBits{identifier[i]} << (8 * (7 - i));
  }
  return address;
}

/// What a member may send from, and answer for.
void add_elements(std::set<Element>& elements, std::string const& port, Endpoint const& endpoint) {
  std::set<IpAddress> own{link_local_address(endpoint.mac)};
  for (std::optional<IpPrefix> const& prefix : {endpoint.ipv4, endpoint.ipv6}) {
    if (prefix) {
      own.insert(prefix->address);
    }
  }
  for (IpAddress const& address : own) {
    bool const is_ipv4 = address.family == Family::ipv4;
    elements.insert(
        {is_ipv4 ? nft_set::sources4 : nft_set::sources6, {port, endpoint.mac, address}});
    if (!is_ipv4) {
      elements.insert({nft_set::targets6, {port, address}});
    }
  }
  elements.insert({nft_set::sources4, {port, endpoint.mac, IpAddress{Family::ipv4, 0}}});
  elements.insert({nft_set::sources6, {port, endpoint.mac, IpAddress{Family::ipv6, 0}}});
}

}  // namespace

void add_network(KernelState& state, Network const& network) {
  state.bridges.emplace(network.spec.bridge, bridge_of(network));
  add_elements(state.elements, network);
  if (network.request.internal) {
    return;
  }
  for (Subnet const& subnet : network.request.subnets) {
    state.forwarding.insert(subnet.prefix.family());
  }
}

void add_endpoint(KernelState& state, Network const& network, Endpoint const& endpoint) {
  if (!endpoint.joined) {
    return;
  }
  Veth veth;
  veth.host_end = host_end_name(endpoint.id);
  veth.container_end = container_end_name(endpoint.id);
  veth.owner = endpoint.id.value;
  veth.bridge = network.spec.bridge;
  veth.mtu_bytes = network.spec.mtu_bytes;
  state.veths.emplace(veth.host_end, veth);
  add_elements(state.elements, veth.host_end, endpoint);
}

}  // namespace drawbridge
