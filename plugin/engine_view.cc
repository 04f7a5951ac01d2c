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

void log_changes(std::vector<std::string> const& changes) {
  for (std::string const& change : changes) {
    log::info("{}", change);
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
  container_names_.emplace(socket);
  worker_.emplace(std::move(socket), std::move(post_to_core));
  worker_->watch_networks(
      [this](std::vector<KnownNetwork> networks) { return take(std::move(networks)); });
  worker_->look([this](DockerInventory const& look) { return take(look); });
  return {};
}

void EngineView::stop() {
  worker_.reset();
  container_names_.reset();
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

void EngineView::created(NetworkId const& network) {
  if (!worker_) {
    return;
  }
  created_.insert(network);
  worker_->find_network(network, [this](KnownNetwork const& found) { learn(found); });
  networks_changed();
}

void EngineView::networks_changed() {
  if (worker_ && driver_.wants_networks()) {
    worker_->networks_changed();
  }
}

void EngineView::joined(NetworkId const& network, EndpointId const& endpoint) {
  if (worker_) {
    find_name(network, endpoint);
  }
}

void EngineView::name_containers(PublishRequest& request) {
  if (container_names_) {
    container_names_->fill(request);
  }
}

void EngineView::published(NetworkId const& network, EndpointId const& endpoint) {
  if (!worker_ || !driver_.wants_marks(network)) {
    return;
  }
  std::optional<Endpoint> const known = driver_.endpoint(network, endpoint);
  if (known && !known->marks) {
    find_name(network, endpoint);
  }
}

void EngineView::ask_marks() {
  if (!worker_) {
    return;
  }
  for (auto const& [network, endpoint] : driver_.endpoints_that_want_marks()) {
    find_name(network, endpoint);
  }
}

void EngineView::deleted(NetworkId const& network) {
  network_names_.erase(network);
  created_.erase(network);
}

std::string EngineView::name_of(NetworkId const& network) const {
  auto const name = network_names_.find(network);
  return name == network_names_.end() ? "" : name->second;
}

std::string EngineView::title(NetworkId const& network) const {
  std::string const name = name_of(network);
  return name.empty() ? std::string(network.brief())
                      : fmt::format("{} ({})", name, network.brief());
}

std::string EngineView::container_of(NetworkId const& network, EndpointId const& endpoint) const {
  auto const name = endpoint_names_.find(endpoint);
  if (name != endpoint_names_.end()) {
    return name->second;
  }
  std::optional<Endpoint> const known = driver_.endpoint(network, endpoint);
  return known && known->marks ? known->marks->container : "";
}

/// returns  true while another look is wanted
bool EngineView::take(DockerInventory const& look) {
  network_names_.clear();
  for (DockerNetwork const& network : look.networks) {
    network_names_[network.id] = network.name;
    for (DockerEndpoint const& endpoint : network.endpoints) {
      learn({network.id, endpoint.id, network.name, endpoint.name});
      find_missing_marks(network.id, endpoint);
    }
  }
  LeftoverWatch::Verdict const verdict = leftovers_->take(look);
  if (verdict.warning) {
    log::warn("{}", *verdict.warning);
  }
  release(verdict.release);
  return !leftovers_->is_finished();
}

/// returns  true while the list is wanted although nothing seems to have changed
bool EngineView::take(std::vector<KnownNetwork> networks) {
  network_names_.clear();
  for (KnownNetwork const& network : networks) {
    network_names_[network.id] = network.name;
  }
  group_.finish();
  log_changes(driver_.learn_networks(std::move(networks)));
  return driver_.wants_networks();
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

void EngineView::learn(KnownNetwork const& network) {
  if (created_.erase(network.id) == 0) {
    return;  // deleted since
  }
  network_names_[network.id] = network.name;
  group_.finish();
  log_changes(driver_.learn_network(network));
}

void EngineView::learn(EndpointName const& name) {
  network_names_[name.network] = name.network_name;
  std::optional<Endpoint> const endpoint = driver_.endpoint(name.network, name.endpoint);
  if (!endpoint) {
    return;
  }
  endpoint_names_[name.endpoint] = name.container_name;
  for (std::optional<IpPrefix> const& address : {endpoint->ipv4, endpoint->ipv6}) {
    if (address) {
      ipam_.learn_owner(*address, name.container_name);
    }
  }
  if (name.marks) {
    group_.finish();
    log_changes(driver_.learn_member(name.endpoint, name.network, *name.marks));
  }
}

void EngineView::find_name(NetworkId const& network, EndpointId const& endpoint) {
  worker_->find_name({network, endpoint, driver_.wants_marks(network)},
                     [this](EndpointName const& name) { learn(name); });
}

/// What was joined while Docker did not answer, or renamed while we did not run.
void EngineView::find_missing_marks(NetworkId const& network, DockerEndpoint const& seen) {
  std::optional<Endpoint> const endpoint = driver_.endpoint(network, seen.id);
  if (!endpoint || !driver_.wants_marks(network)) {
    return;
  }
  if (!endpoint->marks || endpoint->marks->container != seen.name) {
    find_name(network, seen.id);
  }
}

}  // namespace drawbridge
