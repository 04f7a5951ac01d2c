#include "driver/join_reply.h"

#include "driver/names.h"

namespace drawbridge {
namespace {

bool may_be_way_out(Network const& network, Endpoint const& endpoint) {
  return !network.request.internal && network.spec.is_default_route && endpoint.is_default_route;
}

/// A network may have several subnets; the gateway is that of the subnet the address is in.
std::optional<IpAddress> gateway_for(Network const& network,
                                     std::optional<IpPrefix> const& address) {
  if (!address) {
    return std::nullopt;
  }
  for (Subnet const& subnet : network.request.subnets) {
    if (subnet.prefix.contains(address->address)) {
      return subnet.gateway;
    }
  }
  return std::nullopt;
}

}  // namespace

JoinReply join_reply(Network const& network, Endpoint const& endpoint) {
  JoinReply reply;
  reply.interface_name = container_end_name(endpoint.id);
  reply.interface_prefix = network.spec.container_interface_prefix;
  if (may_be_way_out(network, endpoint)) {
    reply.gateway_ipv4 = gateway_for(network, endpoint.ipv4);
    reply.gateway_ipv6 = gateway_for(network, endpoint.ipv6);
  }
  // Engines up to 24 look for an IPv4 gateway alone.
  reply.no_gateway_service = !reply.gateway_ipv4;
  return reply;
}

}  // namespace drawbridge
