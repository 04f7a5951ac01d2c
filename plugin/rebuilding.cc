#include "plugin/rebuilding.h"

#include "base/log.h"
#include "docker/networks.h"
#include "plugin/ipam_messages.h"
#include "plugin/network_messages.h"
#include "plugin/wall_clock.h"

#include <fmt/format.h>

#include <utility>

namespace drawbridge {
namespace {

/// All that is ours. Where a look at the kernel brings elements along, this is that look.
Result<KernelState> observe_with_elements(Kernel& kernel) {
  Result<KernelState> observed = kernel.observe_owned();
  if (!observed) {
    return observed;
  }
  Result<std::set<Element>> elements = kernel.held_elements();
  if (!elements) {
    return fail(elements.error());
  }
  observed->elements = std::move(*elements);
  return observed;
}

std::string brief_list(std::map<std::string, Bridge> const& bridges) {
  constexpr std::size_t most = 10;
  std::string text;
  std::size_t count = 0;
  for (auto const& [name, bridge] : bridges) {
    if (++count > most) {
      return text + fmt::format(" and {} more", bridges.size() - most);
    }
    text += (text.empty() ? "" : ", ") + std::string(NetworkId{bridge.owner}.brief());
  }
  return text;
}

template <class T>
Result<void> save_each(Store& store, std::vector<T> const& all) {
  for (T const& each : all) {
    if (Result<void> saved = store.save(each); !saved) {
      return saved;
    }
  }
  return {};
}

}  // namespace

Result<bool> Rebuilding::start(RebuildSettings settings, std::optional<LostState> const& lost) {
  settings_ = std::move(settings);
  if (lost) {
    log::error("{}: it is kept as {}, and a new one is begun", lost->reason, lost->copy.string());
  }
  Result<bool> const awaited = parts_.store.awaits_rebuild();
  if (!awaited || !*awaited) {
    return awaited;
  }
  Result<KernelState> observed = observe_with_elements(parts_.kernel);
  if (!observed) {
    return fail(observed.error());
  }
  bool const has_any = !observed->bridges.empty() || !observed->veths.empty();
  if (!has_any && settings_.docker_socket.empty()) {
    Result<void> const ended = parts_.store.end_rebuild();
    return ended ? Result<bool>(false) : fail(ended.error());
  }
  is_pending_ = true;
  if (has_any) {
    log_kept(*observed);
    parts_.driver.keep(std::move(*observed));
  }
  return true;
}

void Rebuilding::log_kept(KernelState const& kept) const {
  log::warn("the state of networks {} is lost: {} bridges and {} ports stay as they are: {}",
            brief_list(kept.bridges), kept.bridges.size(), kept.veths.size(), remedy());
}

std::string Rebuilding::remedy() const {
  return settings_.docker_socket.empty()
             ? "set docker_socket and start again, or remove the networks and create them again"
             : fmt::format("they are rebuilt as soon as docker answers on {}",
                           settings_.docker_socket);
}

Error Rebuilding::explain(Error error) const {
  if (is_pending_ && error.code == Errc::not_found) {
    error.message += fmt::format(
        ": drawbridge lost its state: {}",
        settings_.docker_socket.empty()
            ? "set docker_socket and start it again, or remove the network and create it again"
            : "wait until docker has told it of its networks, and try again");
  }
  return error;
}

/// What is there needs no rebuilding.
Result<RebuildGround> Rebuilding::ground() const {
  Result<std::uint32_t> const mtu_bytes = parts_.kernel.default_mtu_bytes();
  if (!mtu_bytes) {
    return fail(mtu_bytes.error());
  }
  RebuildGround ground{settings_.driver, settings_.defaults, *mtu_bytes, {}, {}};
  Result<std::vector<NetworkRequest>> const networks = parts_.store.load_networks();
  if (!networks) {
    return fail(networks.error());
  }
  for (NetworkRequest const& network : *networks) {
    ground.networks.insert(network.id);
  }
  Result<std::vector<Pool>> const pools = parts_.store.load_pools();
  if (!pools) {
    return fail(pools.error());
  }
  for (Pool const& pool : *pools) {
    ground.pools.insert(pool.id);
  }
  return ground;
}

DockerInventory Rebuilding::without_gone(DockerInventory look) const {
  auto const is_gone = [this](auto const& each) { return gone_.contains(each.id.value); };
  std::erase_if(look.networks, is_gone);
  for (DockerNetwork& network : look.networks) {
    std::erase_if(network.endpoints, is_gone);
  }
  return look;
}

Result<Rebuilt> Rebuilding::rebuild_from(DockerInventory const& look) {
  Result<KernelState> const observed = observe_with_elements(parts_.kernel);
  if (!observed) {
    return fail(observed.error());
  }
  Result<RebuildGround> const known = ground();
  if (!known) {
    return fail(known.error());
  }
  for (DockerNetwork const& network : look.networks) {
    has_rebuilt_ = has_rebuilt_ || known->networks.contains(network.id);
  }
  Rebuilt rebuilt = rebuild(without_gone(look), *observed, *known, wall_time());
  std::erase_if(rebuilt.pools, [this](Pool const& pool) { return gone_.contains(pool.id.value); });
  std::erase_if(rebuilt.leases, [this](Lease const& lease) {
    return gone_.contains(lease.pool.value) ||
           gone_addresses_.contains(std::pair(lease.pool, lease.address));
  });
  return rebuilt;
}

void Rebuilding::removed(std::string_view path, std::string_view body) {
  if (!is_pending_) {
    return;
  }
  if (path == "/NetworkDriver.DeleteNetwork") {
    gone_.insert(decode_network_id(body).value_or(NetworkId{}).value);
  } else if (path == "/NetworkDriver.DeleteEndpoint") {
    gone_.insert(decode_endpoint_ref(body).value_or(EndpointRef{}).endpoint.value);
  } else if (path == "/IpamDriver.ReleasePool") {
    gone_.insert(decode_pool_id(body).value_or(PoolId{}).value);
  } else if (path == "/IpamDriver.ReleaseAddress") {
    Lease const lease = decode_release_address(body).value_or(Lease{});
    gone_addresses_.insert({lease.pool, lease.address});
  }
}

Result<void> Rebuilding::store_all(Rebuilt const& rebuilt, DockerInventory const& look) {
  std::vector<KnownNetwork> known;
  for (DockerNetwork const& network : look.networks) {
    known.push_back(known_network(network));
  }
  Result<void> stored = save_each(parts_.store, known);
  stored = stored ? save_each(parts_.store, rebuilt.pools) : stored;
  stored = stored ? save_each(parts_.store, rebuilt.leases) : stored;
  stored = stored ? save_each(parts_.store, rebuilt.networks) : stored;
  stored = stored ? save_each(parts_.store, rebuilt.endpoints) : stored;
  return stored ? save_each(parts_.store, rebuilt.port_leases) : stored;
}

/// All of it or nothing.
Result<void> Rebuilding::store(Rebuilt const& rebuilt, DockerInventory const& look) {
  if (Result<void> begun = parts_.store.begin(); !begun) {
    return begun;
  }
  Result<void> stored = store_all(rebuilt, look);
  stored = stored ? parts_.store.commit() : stored;
  if (!stored) {
    parts_.store.roll_back();
  }
  return stored;
}

Result<void> Rebuilding::learn(Rebuilt const& rebuilt) {
  parts_.ipam.invalidate();
  if (Result<void> loaded = parts_.ipam.load(); !loaded) {
    return loaded;
  }
  Result<std::vector<std::string>> const held = parts_.driver.load_rebuilt();
  if (!held) {
    return fail(held.error());
  }
  for (std::string const& line : *held) {
    log::warn("{}", line);
  }
  if (!rebuilt.networks.empty() || !rebuilt.pools.empty()) {
    has_rebuilt_ = true;
    log::info("rebuilt {} networks, {} endpoints and {} subnets as docker lists them",
              rebuilt.networks.size(), rebuilt.endpoints.size(), rebuilt.pools.size());
  }
  return {};
}

void Rebuilding::log_failures(std::vector<std::string> const& failures) {
  for (std::string const& failure : failures) {
    if (told_.insert(failure).second) {
      log::error("{}", failure);
    }
  }
}

/// Keeps in mind what is kept although Docker does not list it.
///
/// returns  true when the look before said the same
bool Rebuilding::agree() {
  std::set<NetworkId> unknown;
  for (auto const& [name, bridge] : parts_.driver.kept().bridges) {
    unknown.insert({bridge.owner});
  }
  bool const agrees = unknown.empty() || last_ == unknown;
  last_ = std::move(unknown);
  return agrees;
}

Doubts Rebuilding::doubts() const {
  return [kept = parts_.driver.kept(), driver = settings_.driver](DockerInventory const& look) {
    return find_ours(look, kept, driver);
  };
}

bool Rebuilding::take(DockerInventory const& look) {
  if (!is_pending_) {
    return false;
  }
  Result<Rebuilt> const rebuilt = rebuild_from(look);
  Result<void> done = rebuilt ? store(*rebuilt, look) : fail(rebuilt.error());
  done = done ? learn(*rebuilt) : done;
  if (!done) {
    log::error("networks cannot be rebuilt yet: {}", done.error().message);
    return true;
  }
  log_failures(rebuilt->failures);
  bool const is_whole = rebuilt->failures.empty() && agree();
  Result<void> const ended = is_whole ? end() : Result<void>();
  if (!ended) {
    log::error("{}", ended.error().message);
  }
  parts_.looks.look();
  return is_pending_;
}

/// What Docker never listed while it listed others is nobody's. An engine that lists none of ours
/// is likely another one.
Result<void> Rebuilding::end() {
  std::map<std::string, Bridge> const& left = parts_.driver.kept().bridges;
  if (!left.empty() && !has_rebuilt_) {
    if (told_.insert("another engine").second) {
      log::warn(
          "docker lists none of networks {}: they stay as they are: name the socket of the "
          "engine that uses this daemon, or run drawbridge uninstall and start it again",
          brief_list(left));
    }
    return {};
  }
  if (Result<void> ended = parts_.store.end_rebuild(); !ended) {
    return ended;
  }
  if (!left.empty()) {
    log::warn("docker does not list networks {}: what is left of them is removed",
              brief_list(left));
  }
  parts_.driver.drop_kept();
  is_pending_ = false;
  return {};
}

}  // namespace drawbridge
