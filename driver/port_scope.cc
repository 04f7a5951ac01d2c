#include "driver/port_scope.h"

#include <algorithm>

namespace drawbridge {

IpAddress unspecified(Family family) {
  return {family, 0};
}

std::optional<IpAddress> address_of(Endpoint const& endpoint, Family family) {
  std::optional<IpPrefix> const& prefix = family == Family::ipv4 ? endpoint.ipv4 : endpoint.ipv6;
  return prefix ? std::optional(prefix->address) : std::nullopt;
}

bool is_for(std::optional<IpAddress> const& host, Family family) {
  return !host || host->family == family;
}

GatewayMode mode_of(Policy const& policy, Family family) {
  return family == Family::ipv4 ? policy.mode_ipv4 : policy.mode_ipv6;
}

bool has_host_ports(Policy const& policy, Family family) {
  GatewayMode const mode = mode_of(policy, family);
  return mode == GatewayMode::nat || mode == GatewayMode::nat_unprotected;
}

bool is_kept_apart(Network const& network, Endpoint const& endpoint) {
  return network.spec.policy.isolation != Isolation::network && !endpoint.is_hub();
}

bool is_translated(Network const& network, Endpoint const& endpoint, PublishedPort const& port,
                   Family family) {
  Policy const& policy = network.spec.policy;
  return policy.publish != Publish::none && port.has_host_ports() && is_for(port.host, family) &&
         address_of(endpoint, family) && has_host_ports(policy, family);
}

bool is_translated(Network const& network, Endpoint const& endpoint) {
  return std::any_of(endpoint.ports.begin(), endpoint.ports.end(), [&](PublishedPort const& port) {
    return is_translated(network, endpoint, port, Family::ipv4) ||
           is_translated(network, endpoint, port, Family::ipv6);
  });
}

std::optional<PublishedPort> narrowed(PublishedPort port, Family family) {
  if (!is_for(port.host, family)) {
    return std::nullopt;
  }
  port.host = port.host.value_or(unspecified(family));
  return port;
}

}  // namespace drawbridge
