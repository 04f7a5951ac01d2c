#include "driver/flow_judge.h"

#include "model/private_ranges.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include <netinet/in.h>

namespace drawbridge {
namespace {

constexpr std::uint16_t dns_port = 53;

bool covers(Service const& service, std::uint8_t protocol, std::uint16_t port) {
  return service.protocols.first <= protocol && protocol <= service.protocols.last &&
         service.ports.first <= port && port <= service.ports.last;
}

std::vector<IpPrefix> parsed_private_ranges() {
  std::vector<IpPrefix> prefixes;
  prefixes.reserve(private_ranges.size());
  for (PrivateRange const& range : private_ranges) {
    prefixes.push_back(IpPrefix::parse(range.prefix).value());
  }
  return prefixes;
}

/// What `egress=internet` is not.
bool is_private(IpAddress const& address) {
  static std::vector<IpPrefix> const prefixes = parsed_private_ranges();
  return std::any_of(prefixes.begin(), prefixes.end(),
                     [&address](IpPrefix const& prefix) { return prefix.contains(address); });
}

bool is_listed(Policy const& policy, Flow const& flow) {
  return std::any_of(policy.egress_list.begin(), policy.egress_list.end(),
                     [&flow](Destination const& entry) {
                       return entry.to.contains(flow.destination) &&
                              covers(entry.service, flow.protocol, flow.translated_port);
                     });
}

/// The host itself, as a network's members know it.
bool is_gateway(Network const* network, IpAddress const& address) {
  if (network == nullptr) {
    return false;
  }
  std::vector<Subnet> const& subnets = network->request.subnets;
  return std::any_of(subnets.begin(), subnets.end(),
                     [&address](Subnet const& subnet) { return subnet.gateway == address; });
}

bool may_leave(Network const& source, Flow const& flow) {
  if (source.request.internal) {
    return false;
  }
  bool const is_dns = flow.destination_port == dns_port;
  switch (source.spec.policy.egress) {
    case Egress::all:
      return true;
    case Egress::internet:
      return is_dns || !is_private(flow.translated_destination);
    case Egress::listed:
      return is_dns || is_listed(source.spec.policy, flow);
    case Egress::none:
      return false;
  }
  return false;
}

/// Processes of this host ask from its loopback addresses, or from the address that they ask.
bool is_of_this_host(Flow const& flow) {
  constexpr AddressBits ipv4_loopback = 127;
  bool const is_loopback = flow.source.family == Family::ipv4
                               ? flow.source.bits >> 24 == ipv4_loopback
                               : flow.source.bits == 1;
  return is_loopback || flow.source == flow.destination;
}

/// What somebody translated is a published port.
bool may_ask_published(Policy const& policy, Flow const& flow) {
  if (policy.publish == Publish::all || policy.publish == Publish::none) {
    return policy.publish == Publish::all;
  }
  return is_of_this_host(flow) ||
         std::any_of(policy.publish_list.begin(), policy.publish_list.end(),
                     [&flow](IpPrefix const& from) { return from.contains(flow.source); });
}

bool may_enter(Network const& destination, bool from_container, Flow const& flow) {
  Policy const& policy = destination.spec.policy;
  bool const is_invited = std::any_of(
      policy.allow_from.begin(), policy.allow_from.end(), [&flow](Permission const& permission) {
        auto const* peer = std::get_if<IpPrefix>(&permission.from);
        return peer != nullptr && peer->contains(flow.source) &&
               covers(permission.service, flow.protocol, flow.translated_port);
      });
  if (is_invited) {
    return true;
  }
  if (flow.destination_is_translated) {
    return may_ask_published(policy, flow);
  }
  if (from_container) {
    return false;
  }
  bool const is_ipv4 = flow.destination.family == Family::ipv4;
  GatewayMode const mode = is_ipv4 ? policy.mode_ipv4 : policy.mode_ipv6;
  bool const is_icmp = is_ipv4 ? flow.protocol == IPPROTO_ICMP : flow.protocol == IPPROTO_ICMPV6;
  return mode == GatewayMode::nat_unprotected || (mode == GatewayMode::routed && is_icmp);
}

}  // namespace

FlowJudge::FlowJudge(std::map<std::string, Network const*> networks,
                     NetworkDirectory const& directory,
                     std::set<std::pair<IpAddress, IpAddress>> routed)
    : networks_(std::move(networks)), directory_(directory), routed_(std::move(routed)) {
  for (auto& [subnet, bridge] : directory.subnets()) {
    subnets_.emplace(subnet.first(), std::pair(subnet.last(), std::move(bridge)));
  }
}

/// returns  null for an address in no network that is known
std::string const* FlowJudge::bridge_at(IpAddress const& address) const {
  auto const after = subnets_.upper_bound(address);
  if (after == subnets_.begin()) {
    return nullptr;
  }
  auto const& [last, bridge] = std::prev(after)->second;
  return address <= last ? &bridge : nullptr;
}

Network const* FlowJudge::network_at(std::string const* bridge) const {
  auto const found = bridge != nullptr ? networks_.find(*bridge) : networks_.end();
  return found == networks_.end() ? nullptr : found->second;
}

bool FlowJudge::are_peers(std::string const& from, Network const* source,
                          Network const& destination, Flow const& flow) const {
  Policy const& policy = destination.spec.policy;
  if (source != nullptr && !policy.team.empty() && policy.team == source->spec.policy.team) {
    return true;
  }
  return std::any_of(
      policy.allow_from.begin(), policy.allow_from.end(), [&](Permission const& permission) {
        auto const* peer = std::get_if<NetworkPeer>(&permission.from);
        return peer != nullptr && covers(permission.service, flow.protocol, flow.translated_port) &&
               directory_.bridges_of(*peer).contains(from);
      });
}

bool FlowJudge::allows(Flow const& flow) const {
  std::string const* const from = bridge_at(flow.source);
  std::string const* const to = bridge_at(flow.translated_destination);
  Network const* const source = network_at(from);
  Network const* const destination = network_at(to);
  if (is_gateway(source, flow.source)) {
    return true;
  }
  if (is_gateway(destination, flow.translated_destination)) {
    return source == nullptr || may_leave(*source, flow);
  }
  if (from != nullptr && to != nullptr && *from == *to) {
    return true;
  }
  if (destination != nullptr && from != nullptr && are_peers(*from, source, *destination, flow)) {
    return true;
  }
  if (!flow.destination_is_translated && routed_.contains({flow.source, flow.destination})) {
    return true;
  }
  if (source != nullptr && !may_leave(*source, flow)) {
    return false;
  }
  return destination == nullptr || may_enter(*destination, from != nullptr, flow);
}

}  // namespace drawbridge
