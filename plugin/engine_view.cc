#include "plugin/engine_view.h"

#include "base/log.h"
#include "plugin/change_log.h"
#include "plugin/wall_clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace drawbridge {
namespace {

/// Later than that, a network that the engine does not list was never made.
constexpr std::chrono::seconds longest_creation{60};

void log_removal(std::string const& what, Result<void> const& outcome) {
  if (outcome) {
    log::warn("released {}: docker does not have it", what);
  } else {
    log::warn("{} is left over: {}", what, outcome.error().message);
  }
}

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
  Result<std::vector<KnownNetwork>> const known = store.load_known_networks();
  if (!known) {
    return fail(known.error());
  }
  for (KnownNetwork const& network : *known) {
    network_names_[network.id] = network.name;
  }
  container_names_.emplace(socket);
  worker_.emplace(std::move(socket), std::move(post_to_core));
  worker_->watch_networks(
      [this](std::vector<KnownNetwork> networks) { return take(std::move(networks)); });
  worker_->on_look([this](std::optional<DockerInventory> const& look) { take(look); });
  look_in(std::chrono::milliseconds(0));
  return {};
}

void EngineView::stop() {
  worker_.reset();
  container_names_.reset();
}

void EngineView::touched(NetworkId const& network, EndpointId const& endpoint) {
  if (worker_) {
    gone_.touched(network, endpoint);
    look_if_idle();
  }
}

void EngineView::touched(PoolId const& pool) {
  if (worker_) {
    gone_.touched(pool);
    look_if_idle();
  }
}

void EngineView::touched(PoolId const& pool, IpAddress const& address) {
  if (worker_) {
    gone_.touched(pool, address);
    look_if_idle();
  }
}

void EngineView::created(NetworkId const& network) {
  if (!worker_) {
    return;
  }
  gone_.touched(network);
  look_if_idle();
  created_.emplace(network, std::chrono::steady_clock::now());
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
  if (worker_) {
    gone_.touched(network);
  }
  network_names_.erase(network);
  created_.erase(network);
  inhabited_.erase(network);
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
  auto const name = endpoint_names_.find({network, endpoint});
  if (name != endpoint_names_.end()) {
    return name->second;
  }
  std::optional<Endpoint> const known = driver_.endpoint(network, endpoint);
  return known && known->marks ? known->marks->container : "";
}

void EngineView::hear() {
  auto const now = std::chrono::steady_clock::now();
  heard_ = Heard{heard_ ? heard_->first : now, now};
}

/// look  none: it failed, and is tried again
void EngineView::take(std::optional<DockerInventory> const& look) {
  if (!look) {
    gone_.missed();
    return;
  }
  hear();
  show(*look);
  touch_created();
  GoneWatch::Verdict const verdict = gone_.take(holdings(), *look);
  if (verdict.warning) {
    log::warn("{}", *verdict.warning);
  }
  if (verdict.news) {
    log::info("{}", *verdict.news);
  }
  release(verdict.release, shows_ours(*look));
  learn(*look);
  look_in(verdict.is_suspicious || see_ ? pauses_.suspicious : pauses_.calm);
}

void EngineView::show(DockerInventory const& look) {
  if (see_ && !see_(look)) {
    see_ = nullptr;
  }
}

/// returns  true when it lists a network of ours
bool EngineView::shows_ours(DockerInventory const& look) const {
  auto const ours = driver_.endpoint_ids();
  return std::any_of(look.networks.begin(), look.networks.end(),
                     [&ours](DockerNetwork const& each) { return ours.contains(each.id); });
}

/// The engine lists a network some time after we made it.
void EngineView::touch_created() {
  auto const now = std::chrono::steady_clock::now();
  for (auto const& [network, since] : created_) {
    if (now - since < longest_creation) {
      gone_.touched(network);
    }
  }
}

/// The question which networks are in doubt is asked on another thread, so it takes with it what is
/// ours now; what comes later counts as touched at the next look.
void EngineView::look_in(std::chrono::milliseconds pause) {
  Holdings ours = holdings();
  is_looking_ = pause.count() == 0 || see_ || !ours.empty();
  if (!is_looking_) {
    return;
  }
  Doubts const theirs = see_ ? see_doubts_ : [](auto const&) { return std::set<NetworkId>(); };
  worker_->look(pause, [ours = std::move(ours), theirs](DockerInventory const& look) {
    std::set<NetworkId> doubtful = find_doubtful(ours, look);
    doubtful.merge(theirs(look));
    return doubtful;
  });
}

void EngineView::look_if_idle() {
  if (!is_looking_) {
    is_looking_ = true;
    worker_->look(pauses_.calm, [](auto const&) { return std::set<NetworkId>(); });
  }
}

Holdings EngineView::holdings() const {
  Holdings ours{driver_.endpoint_ids(), {}, ipam_.leases()};
  for (Ipam::Usage const& usage : ipam_.usage()) {
    ours.pools.push_back(usage.pool);
  }
  return ours;
}

/// What Docker does not list keeps its name as long as we have it.
void EngineView::learn(DockerInventory const& look) {
  forget_names();
  for (DockerNetwork const& network : look.networks) {
    network_names_[network.id] = network.name;
    for (DockerEndpoint const& endpoint : network.endpoints) {
      auto const known = endpoint_names_.find({network.id, endpoint.id});
      if (known == endpoint_names_.end() || known->second != endpoint.name) {
        learn({network.id, endpoint.id, network.name, endpoint.name});
        find_missing_marks(network.id, endpoint);
      }
    }
  }
}

/// Of all that we do not have.
void EngineView::forget_names() {
  auto const ours = driver_.endpoint_ids();
  std::erase_if(network_names_, [&](auto const& each) { return !ours.contains(each.first); });
  std::erase_if(endpoint_names_, [&](auto const& each) {
    auto const network = ours.find(each.first.first);
    return network == ours.end() || !network->second.contains(each.first.second);
  });
}

/// returns  true while the list is wanted although nothing seems to have changed
bool EngineView::take(std::vector<KnownNetwork> networks) {
  hear();
  forget_names();
  for (KnownNetwork const& network : networks) {
    network_names_[network.id] = network.name;
  }
  group_.finish();
  log_changes(driver_.learn_networks(std::move(networks)));
  return driver_.wants_networks();
}

/// Networks and endpoints first: a subnet is free when the bridge with its address is gone.
///
/// is_ours  the engine has a network of ours, so it is the one that asks us
void EngineView::release(Gone const& gone, bool is_ours) {
  if (gone.empty()) {
    return;
  }
  group_.finish();
  for (auto const& [network, endpoint] : gone.endpoints) {
    std::string const container = container_of(network, endpoint);
    std::string const what = fmt::format(
        "endpoint {}{} of network {}", endpoint.brief(),
        container.empty() ? "" : fmt::format(" (container {})", container), title(network));
    log_removal(what, driver_.delete_endpoint(network, endpoint));
  }
  for (NetworkId const& network : gone.networks) {
    if (is_ours || !driver_.is_inhabited(network)) {
      release(network);
    } else if (inhabited_.insert(network).second) {
      log::warn(
          "network {} stays: containers run in it, though docker does not have it: is "
          "docker_socket "
          "that of their engine",
          title(network));
    }
  }
  release(gone.leases);
}

void EngineView::release(NetworkId const& network) {
  std::string const what = "network " + title(network);
  log_removal(what, driver_.delete_network(network));
  deleted(network);
}

void EngineView::release(Leftovers const& leftovers) {
  for (PoolId const& pool : leftovers.pools) {
    if (has_network(pool)) {
      continue;
    }
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

/// returns  true while a network of ours has the pool's subnet: that one has to go first
bool EngineView::has_network(PoolId const& pool) const {
  std::vector<Ipam::Usage> const used = ipam_.usage();
  return std::any_of(used.begin(), used.end(), [&](Ipam::Usage const& each) {
    return each.pool.id == pool && driver_.network_with(each.pool.prefix);
  });
}

void EngineView::learn(KnownNetwork const& network) {
  hear();
  if (created_.erase(network.id) == 0) {
    return;  // deleted since
  }
  network_names_[network.id] = network.name;
  group_.finish();
  log_changes(driver_.learn_network(network));
}

void EngineView::learn(EndpointName const& name) {
  hear();
  network_names_[name.network] = name.network_name;
  std::optional<Endpoint> const endpoint = driver_.endpoint(name.network, name.endpoint);
  if (!endpoint) {
    return;
  }
  endpoint_names_[{name.network, name.endpoint}] = name.container_name;
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
