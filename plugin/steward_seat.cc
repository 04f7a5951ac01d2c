#include "plugin/steward_seat.h"

#include "base/log.h"

#include <utility>
#include <vector>

namespace drawbridge {
namespace {

std::optional<IpAddress> address_of(std::optional<IpPrefix> const& prefix) {
  return prefix ? std::optional(prefix->address) : std::nullopt;
}

}  // namespace

std::vector<OwnNetwork> own_networks(Driver const& driver) {
  std::vector<OwnNetwork> networks;
  driver.each_network([&networks](Network const& network) {
    Policy const& policy = network.spec.policy;
    networks.push_back({network.request.id, network.spec.bridge, policy.proxies, policy.proxy_mode,
                        policy.attach});
  });
  return networks;
}

Result<void> StewardSeat::start(std::filesystem::path socket, AttachWishes wishes,
                                Post post_to_core) {
  auto const made = store_.load_memberships();
  if (!made) {
    return fail(made.error());
  }
  told_generation_ = driver_.networks_generation();
  steward_.emplace(std::move(socket), std::move(wishes), own_networks(driver_),
                   std::set<Membership>(made->begin(), made->end()),
                   hooks(std::move(post_to_core)));
  return {};
}

StewardHooks StewardSeat::hooks(Post post_to_core) {
  StewardHooks hooks;
  hooks.post_to_core = std::move(post_to_core);
  hooks.on_routes = [this](std::set<ProxyRoute> routes) { learn(std::move(routes)); };
  hooks.on_made = [this](Membership const& membership) { return keep(membership); };
  hooks.on_ended = [this](Membership const& membership) { forget(membership); };
  return hooks;
}

void StewardSeat::configure(AttachWishes wishes) {
  if (steward_) {
    steward_->configure(std::move(wishes));
  }
}

void StewardSeat::follow() {
  std::uint64_t const generation = driver_.networks_generation();
  if (steward_ && generation != told_generation_) {
    told_generation_ = generation;
    steward_->networks_are(own_networks(driver_));
  }
}

/// A network that was made a moment ago is told first: the steward has to know what it wishes.
void StewardSeat::joined(NetworkId const& network, EndpointId const& endpoint,
                         std::function<void()> done) {
  std::optional<Endpoint> const known = driver_.endpoint(network, endpoint);
  if (!steward_ || !known) {
    done();
    return;
  }
  follow();
  steward_->joined({network, endpoint, address_of(known->ipv4), address_of(known->ipv6)},
                   std::move(done));
}

void StewardSeat::left(NetworkId const& network, EndpointId const& endpoint,
                       std::function<void()> done) {
  if (!steward_) {
    done();
    return;
  }
  follow();
  steward_->left(network, endpoint, std::move(done));
}

/// What is kept of routes and memberships is no part of a group of IPAM requests.
void StewardSeat::learn(std::set<ProxyRoute> routes) {
  group_.finish();
  for (std::string const& line : driver_.learn_routes(std::move(routes))) {
    log::info("{}", line);
  }
}

Result<void> StewardSeat::keep(Membership const& membership) {
  group_.finish();
  return store_.save(membership);
}

/// One that cannot be forgotten now is found to be over at a look.
void StewardSeat::forget(Membership const& membership) {
  group_.finish();
  if (Result<void> const removed = store_.remove(membership); !removed) {
    log::warn("{}", removed.error().message);
  }
}

}  // namespace drawbridge
