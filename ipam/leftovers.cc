#include "ipam/leftovers.h"

#include "ipam/address_space.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>

namespace drawbridge {
namespace {

/// Docker 29 lists a network that asked for any subnet of a length as 0.0.0.0/LENGTH: which one it
/// has cannot be told, so each of that length may be it.
IpPrefix any_like(IpPrefix const& subnet) {
  return {{subnet.family(), 0}, subnet.length};
}

/// What Docker holds: the subnets of its networks, and the addresses that those networks list.
class Holdings {
 public:
  explicit Holdings(DockerInventory const& docker);

  bool holds(IpPrefix const& subnet) const;
  bool holds(IpPrefix const& subnet, IpAddress const& address) const;

 private:
  bool lists(IpPrefix const& subnet, IpAddress const& address) const;

  std::map<IpPrefix, std::set<IpAddress>> addresses_by_subnet_;
};

std::set<IpAddress> addresses_of(DockerEndpoint const& endpoint) {
  std::set<IpAddress> addresses;
  for (std::optional<IpPrefix> const& address : {endpoint.ipv4, endpoint.ipv6}) {
    if (address) {
      addresses.insert(address->address);
    }
  }
  return addresses;
}

std::set<IpAddress> addresses_of(DockerNetwork const& network) {
  std::set<IpAddress> addresses;
  for (DockerSubnet const& subnet : network.subnets) {
    addresses.insert(subnet.auxiliary.begin(), subnet.auxiliary.end());
    if (subnet.gateway) {
      addresses.insert(*subnet.gateway);
    }
  }
  for (DockerEndpoint const& endpoint : network.endpoints) {
    addresses.merge(addresses_of(endpoint));
  }
  return addresses;
}

Holdings::Holdings(DockerInventory const& docker) {
  for (DockerNetwork const& network : docker.networks) {
    std::set<IpAddress> const addresses = addresses_of(network);
    for (DockerSubnet const& subnet : network.subnets) {
      addresses_by_subnet_[subnet.prefix].insert(addresses.begin(), addresses.end());
    }
  }
}

bool Holdings::holds(IpPrefix const& subnet) const {
  return addresses_by_subnet_.contains(subnet) || addresses_by_subnet_.contains(any_like(subnet));
}

bool Holdings::holds(IpPrefix const& subnet, IpAddress const& address) const {
  return lists(subnet, address) || lists(any_like(subnet), address);
}

bool Holdings::lists(IpPrefix const& subnet, IpAddress const& address) const {
  auto const found = addresses_by_subnet_.find(subnet);
  return found != addresses_by_subnet_.end() && found->second.contains(address);
}

/// Docker does not list a gateway that it was given without asking for it by address.
bool may_be_left_over(Lease const& lease) {
  return lease.kind != AddressKind::gateway && !lease.released_at;
}

bool is_local(Pool const& pool) {
  return pool.address_space == local_address_space;
}

}  // namespace

Leftovers find_leftovers(std::vector<Pool> const& pools, std::vector<Lease> const& leases,
                         DockerInventory const& docker) {
  Holdings const holdings(docker);
  Leftovers leftovers;
  std::map<PoolId, IpPrefix> held;
  for (Pool const& pool : pools) {
    if (!is_local(pool)) {
      continue;
    }
    if (holdings.holds(pool.prefix)) {
      held.emplace(pool.id, pool.prefix);
    } else {
      leftovers.pools.push_back(pool.id);
    }
  }
  for (Lease const& lease : leases) {
    auto const pool = held.find(lease.pool);
    if (pool != held.end() && may_be_left_over(lease) &&
        !holdings.holds(pool->second, lease.address)) {
      leftovers.addresses.push_back(lease);
    }
  }
  return leftovers;
}

bool may_have(DockerNetwork const& network, IpPrefix const& subnet) {
  return std::any_of(network.subnets.begin(), network.subnets.end(), [&](DockerSubnet const& each) {
    return each.prefix == subnet || each.prefix == any_like(subnet);
  });
}

}  // namespace drawbridge
