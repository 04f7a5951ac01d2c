#include "plugin/gone_watch.h"

#include "ipam/address_space.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace drawbridge {
namespace {

constexpr int enough_looks = 2;

/// What a look shows, to be found quickly.
using Shown = std::map<NetworkId, std::set<EndpointId>>;

Shown shown_in(DockerInventory const& look) {
  Shown shown;
  for (DockerNetwork const& network : look.networks) {
    std::set<EndpointId>& endpoints = shown[network.id];
    for (DockerEndpoint const& endpoint : network.endpoints) {
      endpoints.insert(endpoint.id);
    }
  }
  return shown;
}

bool shows_any_network(DockerInventory const& look, Holdings const& ours) {
  return std::any_of(look.networks.begin(), look.networks.end(),
                     [&](DockerNetwork const& each) { return ours.networks.contains(each.id); });
}

bool shows(DockerInventory const& look, Pool const& pool) {
  return std::any_of(look.networks.begin(), look.networks.end(),
                     [&](DockerNetwork const& each) { return may_have(each, pool.prefix); });
}

/// returns  those that networks of this host have
std::vector<Pool> local_pools(Holdings const& ours) {
  std::vector<Pool> pools = ours.pools;
  std::erase_if(pools, [](Pool const& each) { return each.address_space != local_address_space; });
  return pools;
}

/// Adds the networks that should show these addresses.
void add_networks_of(std::vector<Lease> const& addresses, Holdings const& ours,
                     DockerInventory const& look, std::set<NetworkId>& doubtful) {
  std::set<PoolId> in_doubt;
  for (Lease const& lease : addresses) {
    in_doubt.insert(lease.pool);
  }
  std::vector<Pool> pools = ours.pools;
  std::erase_if(pools, [&in_doubt](Pool const& each) { return !in_doubt.contains(each.id); });
  for (DockerNetwork const& network : look.networks) {
    if (std::any_of(pools.begin(), pools.end(),
                    [&](Pool const& each) { return may_have(network, each.prefix); })) {
      doubtful.insert(network.id);
    }
  }
}

}  // namespace

Gone find_gone(Holdings const& ours, DockerInventory const& look) {
  Shown const shown = shown_in(look);
  Gone gone;
  for (auto const& [network, endpoints] : ours.networks) {
    auto const found = shown.find(network);
    if (found == shown.end()) {
      gone.networks.push_back(network);
      continue;
    }
    for (EndpointId const& endpoint : endpoints) {
      if (!found->second.contains(endpoint)) {
        gone.endpoints.emplace_back(network, endpoint);
      }
    }
  }
  gone.leases = find_leftovers(ours.pools, ours.leases, look);
  return gone;
}

bool is_another_engine(Holdings const& ours, DockerInventory const& look) {
  if (shows_any_network(look, ours)) {
    return false;
  }
  if (ours.networks.size() > 1) {
    return true;
  }
  std::vector<Pool> const pools = local_pools(ours);
  return pools.size() > 1 && std::none_of(pools.begin(), pools.end(),
                                          [&](Pool const& each) { return shows(look, each); });
}

std::set<NetworkId> find_doubtful(Holdings const& ours, DockerInventory const& look) {
  if (is_another_engine(ours, look)) {
    return {};
  }
  Gone const gone = find_gone(ours, look);
  std::set<NetworkId> doubtful(gone.networks.begin(), gone.networks.end());
  for (auto const& [network, endpoint] : gone.endpoints) {
    doubtful.insert(network);
  }
  add_networks_of(gone.leases.addresses, ours, look, doubtful);
  return doubtful;
}

void GoneWatch::touched(NetworkId const& network) {
  touched_.insert(network);
}

void GoneWatch::touched(NetworkId const& network, EndpointId const& endpoint) {
  touched_.insert(network);
  touched_.insert(endpoint);
}

void GoneWatch::touched(PoolId const& pool) {
  touched_.insert(pool);
}

/// The pool is noted as an address of its own: its other addresses are not touched.
void GoneWatch::touched(PoolId const& pool, IpAddress const& address) {
  touched_.insert(Address(pool, address));
}

/// The next look may have begun already: what was touched until now still counts there. Not longer,
/// because an engine that never answers must not fill our memory.
void GoneWatch::missed() {
  missing_.clear();
  touched_before_ = std::exchange(touched_, {});
}

void GoneWatch::forget_touched() {
  touched_.clear();
  touched_before_.clear();
}

bool GoneWatch::covers(std::set<Thing> const& touched, Thing const& thing) {
  if (touched.contains(thing)) {
    return true;
  }
  if (auto const* const address = std::get_if<Address>(&thing)) {
    return touched.contains(address->first);
  }
  auto const* const pool = std::get_if<PoolId>(&thing);
  return pool != nullptr && std::any_of(touched.begin(), touched.end(), [pool](Thing const& other) {
           auto const* const address = std::get_if<Address>(&other);
           return address != nullptr && address->first == *pool;
         });
}

std::set<GoneWatch::Thing> GoneWatch::things_in(Gone const& gone) {
  std::set<Thing> things(gone.networks.begin(), gone.networks.end());
  for (auto const& [network, endpoint] : gone.endpoints) {
    things.insert(endpoint);
  }
  things.insert(gone.leases.pools.begin(), gone.leases.pools.end());
  for (Lease const& lease : gone.leases.addresses) {
    things.insert(Address(lease.pool, lease.address));
  }
  return things;
}

Gone GoneWatch::only(Gone gone, std::set<Thing> const& kept) {
  std::erase_if(gone.networks, [&](NetworkId const& each) { return !kept.contains(each); });
  std::erase_if(gone.endpoints, [&](auto const& each) { return !kept.contains(each.second); });
  std::erase_if(gone.leases.pools, [&](PoolId const& each) { return !kept.contains(each); });
  std::erase_if(gone.leases.addresses, [&](Lease const& each) {
    return !kept.contains(Address(each.pool, each.address));
  });
  return gone;
}

GoneWatch::Verdict GoneWatch::take(Holdings const& ours, DockerInventory const& look) {
  if (is_another_engine(ours, look)) {
    return distrust(ours);
  }
  bool const was_distrusted = foreign_looks_ >= enough_looks;
  foreign_looks_ = 0;
  Gone gone = find_gone(ours, look);
  std::set<Thing> missing = things_in(gone);
  bool const any_missing = !missing.empty();
  std::erase_if(missing, [this](Thing const& each) {
    return covers(touched_, each) || covers(touched_before_, each);
  });
  std::set<Thing> agreed = missing;
  std::erase_if(agreed, [this](Thing const& each) { return !missing_.contains(each); });
  std::erase_if(missing, [&agreed](Thing const& each) { return agreed.contains(each); });
  missing_ = std::move(missing);
  forget_touched();
  Verdict verdict{only(std::move(gone), agreed), any_missing, std::nullopt, std::nullopt};
  if (was_distrusted) {
    verdict.news = "docker_socket names an engine that knows networks from here again";
  }
  return verdict;
}

/// Warns at the second look in a row: at the first, its networks may have come during the look.
GoneWatch::Verdict GoneWatch::distrust(Holdings const& ours) {
  missing_.clear();
  forget_touched();
  Verdict verdict;
  foreign_looks_ = std::min(foreign_looks_ + 1, enough_looks + 1);
  verdict.is_suspicious = foreign_looks_ < enough_looks;
  if (foreign_looks_ == enough_looks) {
    verdict.warning =
        ours.networks.size() > 1
            ? fmt::format(
                  "docker_socket names an engine that knows none of the {} networks made "
                  "here: nothing is released",
                  ours.networks.size())
            : fmt::format(
                  "docker_socket names an engine that knows none of the {} subnets leased "
                  "here: nothing is released",
                  local_pools(ours).size());
  }
  return verdict;
}

}  // namespace drawbridge
