#include "driver/driver.h"

#include "driver/about.h"
#include "driver/desired_state.h"
#include "driver/kept.h"
#include "driver/names.h"
#include "driver/network_options.h"
#include "driver/port_elements.h"
#include "driver/route_elements.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace drawbridge {
namespace {

constexpr std::size_t max_networks = 20'000;

/// What the engine asks for once more must be what there is.
Result<void> check_repeated(NetworkRequest const& made, NetworkRequest asked) {
  asked.default_mtu_bytes = made.default_mtu_bytes;
  return made == asked
             ? Result<void>()
             : fail(Errc::already_exists, fmt::format("network {} exists", made.id.brief()));
}

}  // namespace

Result<std::vector<std::string>> Driver::start() {
  Result<void> const loaded = load();
  if (!loaded) {
    return fail(loaded.error());
  }
  flows_may_be_left_over_ = !networks_.empty();
  let_go_of_known();
  std::vector<std::string> report;
  drop_ports_of_gone(report);
  for (auto const& [id, entry] : networks_) {
    hold_ports(entry, report);
  }
  for (Repair const& repair : reconcile()) {
    report.push_back(repair.failure.empty() ? repair.text : repair.failure);
  }
  return report;
}

/// What memory has already stays.
Result<void> Driver::load() {
  Result<std::vector<NetworkRequest>> requests = store_.load_networks();
  if (!requests) {
    return fail(requests.error());
  }
  for (NetworkRequest& request : *requests) {
    if (networks_.contains(request.id)) {
      continue;
    }
    Result<NetworkSpec> spec = spec_of(request);
    if (!spec) {
      return fail(about(request.id, spec.error()));
    }
    enter(Network{std::move(request), std::move(*spec)});
  }
  Result<std::vector<KnownNetwork>> known = store_.load_known_networks();
  if (!known) {
    return fail(known.error());
  }
  directory_.learn(std::move(*known));
  Result<std::vector<Endpoint>> endpoints = store_.load_endpoints();
  if (!endpoints) {
    return fail(endpoints.error());
  }
  for (Endpoint& endpoint : *endpoints) {
    auto const owner = networks_.find(endpoint.network);
    if (owner != networks_.end() && !owner->second.endpoints.contains(endpoint.id)) {
      published_.add(endpoint);
      owner->second.endpoints.emplace(endpoint.id, std::move(endpoint));
    }
  }
  Result<std::set<ProxyRoute>> routes = store_.load_routes();
  if (!routes) {
    return fail(routes.error());
  }
  routes_.merge(*routes);
  return load_port_leases();
}

void Driver::enter(Network network) {
  NetworkId const id = network.request.id;
  directory_.add(network);
  peers_.add(network);
  ++networks_generation_;
  networks_.emplace(id, Entry{std::move(network), {}});
}

void Driver::leave(NetworkId const& id) {
  leases_.erase(id);
  directory_.remove(id);
  peers_.remove(networks_.at(id).network);
  networks_.erase(id);
  ++networks_generation_;
}

Result<NetworkSpec> Driver::spec_of(NetworkRequest const& request) const {
  return parse_network_options(request, settings_.defaults);
}

KernelState Driver::state_of(Network const& network) const {
  KernelState state;
  add_network(state, network, directory_);
  return state;
}

/// Adds what the members have in common, `changed` in the place of the one of its id.
void Driver::add_in_common(KernelState& state, Entry const& entry, Endpoint const* changed) const {
  std::vector<Endpoint const*> members;
  for (auto const& [id, endpoint] : entry.endpoints) {
    if (changed == nullptr || id != changed->id) {
      members.push_back(&endpoint);
    }
  }
  if (changed != nullptr) {
    members.push_back(changed);
  }
  add_relayed_elements(state.elements, entry.network, members);
}

KernelState Driver::state_of(Entry const& entry, Endpoint const& endpoint) const {
  KernelState state = state_of(entry.network);
  add_endpoint(state, entry.network, endpoint);
  add_route_elements(state.elements, endpoint, routes_);
  add_in_common(state, entry, &endpoint);
  return state;
}

KernelState Driver::wanted() const {
  KernelState state;
  for (auto const& [id, entry] : networks_) {
    add_network(state, entry.network, directory_);
    for (auto const& [endpoint_id, endpoint] : entry.endpoints) {
      add_endpoint(state, entry.network, endpoint);
      add_route_elements(state.elements, endpoint, routes_);
    }
    add_in_common(state, entry, nullptr);
  }
  add_kept(state, kept_);
  return state;
}

/// Takes a change back that could not be stored.
///
/// returns  `reason`, with what went wrong on the way back
Error Driver::undo(Error reason, KernelState const& applied, KernelState const& before) {
  ErrorList errors;
  errors.add(std::move(reason));
  Result<void> const undone = reconciler_.change(applied, before);
  if (!undone) {
    errors.add(undone.error().within("and taking it back"));
  }
  return errors.joined();
}

std::vector<Repair> Driver::reconcile() {
  std::vector<Repair> repairs = reconciler_.bring_all_to(wanted());
  std::vector<Repair> const more = mend();
  repairs.insert(repairs.end(), more.begin(), more.end());
  return repairs;
}

std::vector<Repair> Driver::mend() {
  Result<std::vector<std::string>> const mended = kernel_.mend();
  if (!mended) {
    return {{"rules", "rules beside our tables", mended.error().message}};
  }
  std::vector<Repair> repairs;
  for (std::string const& line : *mended) {
    repairs.push_back({"rules", line, ""});
  }
  return repairs;
}

Result<std::vector<Repair>> Driver::what_differs() {
  Result<std::vector<Repair>> damage = reconciler_.compare_all(wanted());
  if (!damage) {
    return damage;
  }
  Result<std::vector<std::string>> const beside = kernel_.astray_accept_rules();
  if (!beside) {
    return fail(beside.error());
  }
  for (std::string const& line : *beside) {
    damage->push_back({"rules", line, ""});
  }
  return damage;
}

Result<Driver::Entry*> Driver::find(NetworkId const& id) {
  auto const found = networks_.find(id);
  if (found == networks_.end()) {
    return fail(Errc::not_found, fmt::format("network {} is not known", id.brief()));
  }
  return &found->second;
}

/// Fills in what the host adds to a request, and what its options mean.
Result<Network> Driver::make_network(NetworkRequest request) const {
  Result<std::uint32_t> const mtu_bytes = kernel_.default_mtu_bytes();
  if (!mtu_bytes) {
    return fail(about(request.id, mtu_bytes.error()));
  }
  request.default_mtu_bytes = *mtu_bytes;
  Result<NetworkSpec> spec = spec_of(request);
  if (!spec) {
    return fail(spec.error());
  }
  Network network{std::move(request), std::move(*spec)};
  Result<void> const checked = check_new(network);
  return checked ? Result<Network>(std::move(network))
                 : fail(about(network.request.id, checked.error()));
}

Result<void> Driver::check_new(Network const& network) const {
  if (networks_.size() >= max_networks) {
    return fail(Errc::exhausted,
                fmt::format("{} networks exist, which is the limit: remove some", max_networks));
  }
  for (Result<void> const& checked :
       {check_bridge(network.spec.bridge), check_team(network.spec.policy.team)}) {
    if (!checked) {
      return checked;
    }
  }
  std::optional<std::string> const asking = needs_docker_api(network.spec);
  if (asking && !settings_.asks_docker) {
    return fail(Errc::unsupported, fmt::format("option \"{}\" needs the docker api: set "
                                               "docker_socket in the configuration",
                                               *asking));
  }
  return {};
}

Result<void> Driver::check_bridge(std::string const& bridge) const {
  auto const other = std::find_if(networks_.begin(), networks_.end(), [&](auto const& each) {
    return each.second.network.spec.bridge == bridge;
  });
  auto const kept = kept_.bridges.find(bridge);
  if (other == networks_.end() && kept == kept_.bridges.end()) {
    return {};
  }
  std::string const owner = other == networks_.end() ? kept->second.owner : other->first.value;
  return fail(Errc::already_exists,
              fmt::format("bridge {} belongs to network {}: choose another name", bridge,
                          NetworkId{owner}.brief()));
}

/// Teams are told apart by numbers that are hashed from their names.
Result<void> Driver::check_team(std::string const& team) const {
  auto const shares_number = [&team](auto const& each) {
    std::string const& other = each.second.network.spec.policy.team;
    return !other.empty() && other != team && group_of(other) == group_of(team);
  };
  if (team.empty() || std::none_of(networks_.begin(), networks_.end(), shares_number)) {
    return {};
  }
  return fail(Errc::conflict, fmt::format("team \"{}\" cannot be told from another team that "
                                          "exists: choose another name",
                                          team));
}

Result<void> Driver::create_network(NetworkRequest request) {
  auto const known = networks_.find(request.id);
  if (known != networks_.end()) {
    return check_repeated(known->second.network.request, std::move(request));
  }
  Result<Network> network = make_network(std::move(request));
  if (!network) {
    return fail(network.error());
  }
  NetworkId const id = network->request.id;
  std::set<NetworkId> const naming = that_name(id);
  KernelState before;
  before.elements = permissions_of(naming);
  directory_.add(*network);
  KernelState after = state_of(*network);
  after.elements.merge(permissions_of(naming));
  Result<void> const applied = reconciler_.bring_to(before, after);
  if (!applied) {
    directory_.remove(id);
    return fail(about(id, applied.error()));
  }
  Result<void> const stored = store_.save(network->request);
  if (!stored) {
    directory_.remove(id);
    return fail(undo(about(id, stored.error()), after, before));
  }
  warn_of_ports(*network);
  enter(*std::move(network));
  return {};
}

Result<void> Driver::delete_network(NetworkId const& id) {
  auto const found = networks_.find(id);
  if (found == networks_.end()) {
    return delete_unknown(id);
  }
  forget_flows_while_known(found->second);
  Result<void> const stored = store_.remove(id);
  if (!stored) {
    return fail(about(id, stored.error()));
  }
  std::set<NetworkId> const naming = that_name(id);
  KernelState before = state_of(found->second.network);
  for (auto const& [endpoint_id, endpoint] : found->second.endpoints) {
    add_endpoint(before, found->second.network, endpoint);
    add_route_elements(before.elements, endpoint, routes_);
    drop_routes_to(endpoint);
  }
  add_in_common(before, found->second, nullptr);
  before.elements.merge(permissions_of(naming));
  std::map<EndpointId, Endpoint> const gone = std::move(found->second.endpoints);
  leave(id);
  KernelState after;
  after.elements = permissions_of(naming);
  Result<void> const applied = reconciler_.bring_to(before, after);
  for (auto const& [endpoint_id, endpoint] : gone) {
    release_ports(endpoint);
  }
  return applied ? applied : fail(about(id, applied.error()));
}

std::optional<NetworkId> Driver::network_with(IpPrefix const& subnet) const {
  for (auto const& [id, entry] : networks_) {
    std::vector<Subnet> const& subnets = entry.network.request.subnets;
    if (std::any_of(subnets.begin(), subnets.end(),
                    [&subnet](Subnet const& each) { return each.prefix == subnet; })) {
      return id;
    }
  }
  return std::nullopt;
}

std::optional<Endpoint> Driver::endpoint(NetworkId const& network, EndpointId const& id) const {
  auto const entry = networks_.find(network);
  if (entry == networks_.end()) {
    return std::nullopt;
  }
  auto const found = entry->second.endpoints.find(id);
  return found == entry->second.endpoints.end() ? std::nullopt : std::optional(found->second);
}

std::size_t Driver::endpoint_count() const {
  std::size_t count = 0;
  for (auto const& [id, entry] : networks_) {
    count += entry.endpoints.size();
  }
  return count;
}

}  // namespace drawbridge
