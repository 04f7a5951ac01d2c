#include "driver/policy_elements.h"

#include "driver/names.h"
#include "driver/permission_set.h"
#include "netlink/nft/skeleton.h"

#include <utility>
#include <variant>

namespace drawbridge {
namespace {

using Elements = std::set<Element>;

constexpr Service everything;

/// The sets of one family.
struct FamilySets {
  char const* from_address;
  char const* egress_to;
  char const* open;
  char const* routed;
  char const* masquerade;
  char const* host;
};

constexpr FamilySets sets_of_ipv4{nft_set::from_address4, nft_set::egress_to4,  nft_set::open4,
                                  nft_set::routed4,       nft_set::masquerade4, nft_set::host4};
constexpr FamilySets sets_of_ipv6{nft_set::from_address6, nft_set::egress_to6,  nft_set::open6,
                                  nft_set::routed6,       nft_set::masquerade6, nft_set::host6};

FamilySets const& sets_of(Family family) {
  return family == Family::ipv4 ? sets_of_ipv4 : sets_of_ipv6;
}

Verdict jump(char const* chain) {
  return {Verdict::Kind::jump, chain};
}

std::set<Family> families_of(NetworkRequest const& request) {
  std::set<Family> families;
  for (Subnet const& subnet : request.subnets) {
    families.insert(subnet.prefix.family());
  }
  return families;
}

// ---- within the network ------------------------------------------------------------------------

void add_isolation(Elements& elements, Network const& network) {
  std::string const& bridge = network.spec.bridge;
  if (network.spec.policy.isolation == Isolation::network) {
    elements.insert({nft_set::pair, {bridge, bridge}, Verdict{}});
    return;
  }
  elements.insert(
      {nft_set::pair, {bridge, bridge}, Verdict{Verdict::Kind::go_to, nft_chain::apart}});
  elements.insert({nft_set::doors, {bridge, bridge_mac(network)}});
}

// ---- from elsewhere into it --------------------------------------------------------------------

void add_team(Elements& elements, Network const& network) {
  std::string const& team = network.spec.policy.team;
  if (!team.empty()) {
    elements.insert({nft_set::teams, {network.spec.bridge, group_of(team)}});
  }
}

/// returns  the entries of allow_from with bridges for names, however often each is named
std::vector<Permission> resolved(Network const& network, NetworkDirectory const& directory) {
  std::vector<Permission> permissions;
  for (Permission const& permission : network.spec.policy.allow_from) {
    auto const* peer = std::get_if<NetworkPeer>(&permission.from);
    if (peer == nullptr) {
      permissions.push_back(permission);
      continue;
    }
    std::set<std::string> bridges = directory.bridges_of(*peer);
    bridges.erase(network.spec.bridge);
    for (std::string const& bridge : bridges) {
      permissions.push_back({NetworkPeer{bridge}, permission.service});
    }
  }
  return without_overlaps(std::move(permissions));
}

Element permission_of(IpPrefix const& from, Service const& service, std::string const& to) {
  return {sets_of(from.family()).from_address, {from, to, service.protocols, service.ports}};
}

Element permission_of(NetworkPeer const& from, Service const& service, std::string const& to) {
  if (service == everything) {
    return {nft_set::pair, {from.name_or_id, to}, Verdict{}};
  }
  return {nft_set::from_network, {from.name_or_id, to, service.protocols, service.ports}};
}

void add_mode(Elements& elements, std::string const& bridge, Family family, GatewayMode mode) {
  if (mode == GatewayMode::nat_unprotected) {
    elements.insert({sets_of(family).open, {bridge}});
  } else if (mode == GatewayMode::routed) {
    elements.insert({sets_of(family).routed, {bridge}});
  }
}

// ---- out of it ---------------------------------------------------------------------------------

void add_egress_list(Elements& elements, Network const& network) {
  for (Destination const& destination : network.spec.policy.egress_list) {
    elements.insert({sets_of(destination.to.family()).egress_to,
                     {network.spec.bridge, destination.to, destination.service.protocols,
                      destination.service.ports}});
  }
}

void add_egress(Elements& elements, Network const& network) {
  std::string const& bridge = network.spec.bridge;
  auto const limit = [&](Verdict const& outside, Verdict const& host) {
    elements.insert({nft_set::egress, {bridge}, outside});
    elements.insert({nft_set::to_host, {bridge}, host});
    elements.insert({nft_set::limited, {bridge}});
  };
  if (network.request.internal || network.spec.policy.egress == Egress::none) {
    limit({Verdict::Kind::drop, {}}, {Verdict::Kind::drop, {}});
  } else if (network.spec.policy.egress == Egress::internet) {
    limit(jump(nft_chain::egress_internet), jump(nft_chain::host_internet));
  } else if (network.spec.policy.egress == Egress::listed) {
    limit(jump(nft_chain::egress_listed), jump(nft_chain::egress_listed));
    add_egress_list(elements, network);
  }
}

void add_source(Elements& elements, Network const& network, Family family, GatewayMode mode) {
  Policy const& policy = network.spec.policy;
  bool const translates = mode == GatewayMode::nat || mode == GatewayMode::nat_unprotected;
  if (!policy.masquerade || !translates || network.request.internal) {
    return;
  }
  std::optional<IpAddress> const& host =
      family == Family::ipv4 ? policy.host_ipv4 : policy.host_ipv6;
  if (host) {
    elements.insert({sets_of(family).host, {network.spec.bridge}, *host});
  } else {
    elements.insert({sets_of(family).masquerade, {network.spec.bridge}});
  }
}

}  // namespace

void add_permission_elements(Elements& elements, Network const& network,
                             NetworkDirectory const& directory) {
  for (Permission const& permission : resolved(network, directory)) {
    elements.insert(std::visit(
        [&](auto const& from) {
          return permission_of(from, permission.service, network.spec.bridge);
        },
        permission.from));
  }
}

void add_policy_elements(Elements& elements, Network const& network,
                         NetworkDirectory const& directory) {
  Policy const& policy = network.spec.policy;
  elements.insert({nft_set::nets, {network.spec.bridge}});
  add_isolation(elements, network);
  add_team(elements, network);
  add_permission_elements(elements, network, directory);
  add_egress(elements, network);
  for (Family const family : families_of(network.request)) {
    GatewayMode const mode = family == Family::ipv4 ? policy.mode_ipv4 : policy.mode_ipv6;
    add_mode(elements, network.spec.bridge, family, mode);
    add_source(elements, network, family, mode);
  }
}

void add_member_elements(Elements& elements, Network const& network, Endpoint const& endpoint) {
  std::string const port = host_end_name(endpoint.id);
  IpAddress const link_local = link_local_of(endpoint.mac);
  IpAddress const unspecified4{Family::ipv4, 0};
  IpAddress const unspecified6{Family::ipv6, 0};
  if (endpoint.ipv4) {
    elements.insert({nft_set::sources4, {port, endpoint.mac, endpoint.ipv4->address}});
    elements.insert({nft_set::sources4, {port, endpoint.mac, unspecified4}});
  }
  if (endpoint.ipv6) {
    elements.insert({nft_set::sources6, {port, endpoint.mac, endpoint.ipv6->address}});
    elements.insert({nft_set::targets6, {port, endpoint.ipv6->address}});
  }
  elements.insert({nft_set::sources6, {port, endpoint.mac, link_local}});
  elements.insert({nft_set::sources6, {port, endpoint.mac, unspecified6}});
  elements.insert({nft_set::targets6, {port, link_local}});
  if (network.spec.policy.isolation != Isolation::project || endpoint.is_hub()) {
    return;
  }
  elements.insert({nft_set::bounded, {port}});
  if (endpoint.marks) {
    elements.insert({nft_set::projects, {port, group_of(endpoint.marks->project)}});
  }
}

}  // namespace drawbridge
