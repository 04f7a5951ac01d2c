#include "driver/desired_state.h"

#include "driver/names.h"
#include "netlink/nft_skeleton.h"

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
  elements.insert({nft_set::pair, {bridge, bridge}});
  if (network.request.internal) {
    elements.insert({nft_set::internal, {bridge}});
  }
  for (Subnet const& subnet : network.request.subnets) {
    if (subnet.gateway) {
      bool const is_ipv4 = subnet.gateway->family == Family::ipv4;
      elements.insert({is_ipv4 ? nft_set::gateways4 : nft_set::gateways6, {*subnet.gateway}});
    }
  }
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
}

}  // namespace drawbridge
