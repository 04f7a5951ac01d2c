#include "driver/desired_state.h"

#include "driver/names.h"
#include "driver/policy_elements.h"
#include "driver/port_elements.h"
#include "netlink/nft/skeleton.h"

namespace drawbridge {
namespace {

/// The addresses of the bridge: the gateways, but where somebody else is the gateway, or nobody.
std::set<IpPrefix> bridge_addresses(Network const& network) {
  std::set<IpPrefix> addresses;
  for (Subnet const& subnet : network.request.subnets) {
    bool const is_ipv4 = subnet.prefix.family() == Family::ipv4;
    Policy const& policy = network.spec.policy;
    GatewayMode const mode = is_ipv4 ? policy.mode_ipv4 : policy.mode_ipv6;
    bool const is_withheld =
        mode == GatewayMode::isolated || (is_ipv4 && network.spec.inhibit_ipv4);
    if (subnet.gateway && !is_withheld) {
      addresses.insert(IpPrefix{*subnet.gateway, subnet.prefix.length});
    }
  }
  return addresses;
}

Bridge bridge_of(Network const& network) {
  Bridge bridge;
  bridge.name = network.spec.bridge;
  bridge.owner = network.request.id.value;
  bridge.mac = bridge_mac(network);
  bridge.mtu_bytes = network.spec.mtu_bytes;
  bridge.addresses = bridge_addresses(network);
  if (!network.spec.policy.team.empty()) {
    bridge.group = group_of(network.spec.policy.team);
  }
  return bridge;
}

Veth veth_of(Network const& network, Endpoint const& endpoint) {
  Veth veth;
  veth.host_end = host_end_name(endpoint.id);
  veth.container_end = container_end_name(endpoint.id);
  veth.owner = endpoint.id.value;
  veth.bridge = network.spec.bridge;
  veth.mtu_bytes = network.spec.mtu_bytes;
  veth.mac = endpoint.mac;
  veth.isolated = network.spec.policy.isolation == Isolation::members && !endpoint.is_hub();
  if (network.spec.policy.isolation == Isolation::project && endpoint.marks) {
    veth.group = group_of(endpoint.marks->project);
  }
  veth.hairpin = turns_back(network, endpoint);
  veth.rate_bits_per_second = network.spec.policy.rate_bits_per_second;
  return veth;
}

}  // namespace

void add_network(KernelState& state, Network const& network, NetworkDirectory const& directory) {
  Bridge const bridge = bridge_of(network);
  for (IpPrefix const& address : bridge.addresses) {
    bool const is_ipv4 = address.family() == Family::ipv4;
    state.elements.insert({is_ipv4 ? nft_set::gateways4 : nft_set::gateways6, {address.address}});
  }
  state.bridges.emplace(bridge.name, bridge);
  add_policy_elements(state.elements, network, directory);
  add_publish_elements(state.elements, network);
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
  state.veths.emplace(host_end_name(endpoint.id), veth_of(network, endpoint));
  add_member_elements(state.elements, network, endpoint);
  add_port_elements(state.elements, network, endpoint);
  auto const bridge = state.bridges.find(network.spec.bridge);
  if (bridge != state.bridges.end() && is_reached_by_loopback(network, endpoint)) {
    bridge->second.route_localnet = true;
  }
}

}  // namespace drawbridge
