#include "plugin/engine_view.h"

#include "base/log.h"
#include "plugin/wall_clock.h"

#include <fmt/format.h>

#include <utility>

namespace drawbridge {
namespace {

void log_release(std::string const& what, CommitGroup::Outcome const& outcome) {
  if (outcome) {
    log::warn("released {}: docker does not hold it", what);
  } else {
    log::warn("{} is left over: {}", what, outcome.error().message);
  }
}

CommitGroup::Outcome outcome_of(Result<void> const& result) {
  return result ? CommitGroup::Outcome("") : fail(result.error());
}

}  // namespace

Result<void> EngineView::start(std::filesystem::path socket, Store& store,
                               DockerWorker::Post post_to_core) {
  Result<std::vector<Pool>> pools = store.load_pools();
  if (!pools) {
    return fail(pools.error());
  }
  Result<std::vector<Lease>> leases = store.load_leases();
  if (!leases) {
    return fail(leases.error());
  }
  leftovers_.emplace(std::move(*pools), std::move(*leases));
  worker_.emplace(std::move(socket), std::move(post_to_core));
  worker_->look([this](DockerInventory const& look) { return take(look); });
  return {};
}

void EngineView::touched(PoolId const& pool) {
  if (leftovers_) {
    leftovers_->touched(pool);
  }
}

void EngineView::touched(PoolId const& pool, IpAddress const& address) {
  if (leftovers_) {
    leftovers_->touched(pool, address);
  }
}

void EngineView::joined(NetworkId const& network, EndpointId const& endpoint) {
  if (worker_) {
    worker_->find_name(network, endpoint, [this](EndpointName const& name) { learn(name); });
  }
}

std::string EngineView::title(NetworkId const& network) const {
  auto const name = network_names_.find(network);
  return name == network_names_.end() ? std::string(network.brief())
                                      : fmt::format("{} ({})", name->second, network.brief());
}

/// returns  true while another look is wanted
bool EngineView::take(DockerInventory const& look) {
  network_names_.clear();
  for (DockerNetwork const& network : look.networks) {
    network_names_[network.id] = network.name;
    for (DockerEndpoint const& endpoint : network.endpoints) {
      learn({network.id, endpoint.id, network.name, endpoint.name});
    }
  }
  LeftoverWatch::Verdict const verdict = leftovers_->take(look);
  if (verdict.warning) {
    log::warn("{}", *verdict.warning);
  }
  release(verdict.release);
  return !leftovers_->is_finished();
}

void EngineView::release(Leftovers const& leftovers) {
  for (PoolId const& pool : leftovers.pools) {
    group_.add([&] { return outcome_of(ipam_.release_pool(pool)); },
               [&](auto const& outcome) { log_release("pool " + pool.value, outcome); });
  }
  for (Lease const& lease : leftovers.addresses) {
    group_.add(
        [&] { return outcome_of(ipam_.release_address(lease.pool, lease.address, wall_time())); },
        [&](auto const& outcome) {
          log_release("address " + lease.address.to_string() + " of pool " + lease.pool.value,
                      outcome);
        });
  }
  group_.finish();
}

void EngineView::learn(EndpointName const& name) {
  network_names_[name.network] = name.network_name;
  std::optional<Endpoint> const endpoint = driver_.endpoint(name.network, name.endpoint);
  if (!endpoint) {
    return;
  }
  for (std::optional<IpPrefix> const& address : {endpoint->ipv4, endpoint->ipv6}) {
    if (address) {
      ipam_.learn_owner(*address, name.container_name);
    }
  }
}

}  // namespace drawbridge
