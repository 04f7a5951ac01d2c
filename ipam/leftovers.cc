#include "ipam/leftovers.h"

#include "ipam/address_space.h"

#include <fmt/core.h>

#include <algorithm>
#include <map>

namespace drawbridge {
namespace {

/// What Docker holds: the subnets of its networks, and the addresses that those networks list.
class Holdings {
 public:
  explicit Holdings(DockerInventory const& docker);

  bool holds(IpPrefix const& subnet) const;
  bool holds(IpPrefix const& subnet, IpAddress const& address) const;

 private:
  static IpPrefix any_like(IpPrefix const& subnet);
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

/// Docker 29 lists a network that asked for any subnet of a length as 0.0.0.0/LENGTH: which one it
/// has cannot be told, so each of that length may be it.
IpPrefix Holdings::any_like(IpPrefix const& subnet) {
  return {{subnet.family(), 0}, subnet.length};
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

LeftoverWatch::LeftoverWatch(std::vector<Pool> pools, std::vector<Lease> leases)
    : pools_(std::move(pools)), leases_(std::move(leases)) {
  std::erase_if(pools_, [](Pool const& pool) { return !is_local(pool); });
  finished_ = pools_.empty();
  for (Pool const& pool : pools_) {
    untouched_pools_.insert(pool.id);
  }
  for (Lease const& lease : leases_) {
    untouched_addresses_.emplace(lease.pool, lease.address);
  }
}

void LeftoverWatch::touched(PoolId const& pool) {
  untouched_pools_.erase(pool);
  auto const first = untouched_addresses_.lower_bound({pool, IpAddress()});
  auto last = first;
  while (last != untouched_addresses_.end() && last->first == pool) {
    ++last;
  }
  untouched_addresses_.erase(first, last);
}

void LeftoverWatch::touched(PoolId const& pool, IpAddress const& address) {
  untouched_pools_.erase(pool);
  untouched_addresses_.erase({pool, address});
}

LeftoverWatch::Verdict LeftoverWatch::take(DockerInventory const& look) {
  if (finished_) {
    return {};
  }
  if (!last_ && is_another_engine(look)) {
    finished_ = true;
    return {{},
            fmt::format("docker_socket names an engine that knows none of the {} subnets leased "
                        "here: nothing is released",
                        pools_.size())};
  }
  Leftovers now = untouched(find_leftovers(pools_, leases_, look));
  finished_ = last_ && untouched(*last_) == now;
  last_ = now;
  return {finished_ ? std::move(now) : Leftovers(), std::nullopt};
}

/// A single subnet may well be gone; of several, one should be left.
bool LeftoverWatch::is_another_engine(DockerInventory const& look) const {
  Holdings const docker(look);
  return pools_.size() > 1 && std::none_of(pools_.begin(), pools_.end(), [&](Pool const& pool) {
           return docker.holds(pool.prefix);
         });
}

Leftovers LeftoverWatch::untouched(Leftovers all) const {
  std::erase_if(all.pools, [this](PoolId const& pool) { return !untouched_pools_.contains(pool); });
  std::erase_if(all.addresses, [this](Lease const& lease) {
    return !untouched_addresses_.contains({lease.pool, lease.address});
  });
  return all;
}

}  // namespace drawbridge
