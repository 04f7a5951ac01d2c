#include "driver/driver.h"

#include "driver/desired_state.h"
#include "driver/names.h"
#include "driver/network_options.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace drawbridge {
namespace {

constexpr std::size_t max_networks = 20'000;
constexpr std::size_t max_endpoints_per_network = 1023;  // ports of one bridge: BR_MAX_PORTS

KernelState state_of(Network const& network) {
  KernelState state;
  add_network(state, network);
  return state;
}

KernelState state_of(Network const& network, Endpoint const& endpoint) {
  KernelState state = state_of(network);
  add_endpoint(state, network, endpoint);
  return state;
}

/// A network may have several subnets; the gateway is that of the subnet the address is in.
std::optional<IpAddress> gateway_for(Network const& network,
                                     std::optional<IpPrefix> const& address) {
  if (!address || network.request.internal || !network.spec.is_default_route) {
    return std::nullopt;
  }
  for (Subnet const& subnet : network.request.subnets) {
    if (subnet.prefix.contains(address->address)) {
      return subnet.gateway;
    }
  }
  return std::nullopt;
}

JoinReply reply_for(Network const& network, Endpoint const& endpoint) {
  JoinReply reply;
  reply.interface_name = container_end_name(endpoint.id);
  reply.interface_prefix = network.spec.container_interface_prefix;
  reply.gateway_ipv4 = gateway_for(network, endpoint.ipv4);
  reply.gateway_ipv6 = gateway_for(network, endpoint.ipv6);
  // Engines up to 24 look for an IPv4 gateway alone.
  reply.no_gateway_service = !reply.gateway_ipv4;
  return reply;
}

MacAddress choose_mac(Endpoint const& endpoint) {
  if (endpoint.ipv4) {
    return mac_for(endpoint.ipv4->address);
  }
  return endpoint.ipv6 ? mac_for(endpoint.ipv6->address) : mac_for(endpoint.id.value);
}

Error about(NetworkId const& id, Error const& error) {
  return error.within(fmt::format("network {}", id.brief()));
}

Error about(EndpointId const& id, Error const& error) {
  return error.within(fmt::format("endpoint {}", id.brief()));
}

}  // namespace

Result<std::vector<std::string>> Driver::start() {
  Result<void> const loaded = load();
  if (!loaded) {
    return fail(loaded.error());
  }
  return reconcile();
}

Result<void> Driver::load() {
  Result<std::vector<NetworkRequest>> requests = store_.load_networks();
  if (!requests) {
    return fail(requests.error());
  }
  for (NetworkRequest& request : *requests) {
    Result<NetworkSpec> spec = parse_network_options(request);
    if (!spec) {
      return fail(about(request.id, spec.error()));
    }
    NetworkId const id = request.id;
    networks_.emplace(id, Entry{Network{std::move(request), std::move(*spec)}, {}});
  }
  Result<std::vector<Endpoint>> endpoints = store_.load_endpoints();
  if (!endpoints) {
    return fail(endpoints.error());
  }
  for (Endpoint& endpoint : *endpoints) {
    auto const owner = networks_.find(endpoint.network);
    if (owner != networks_.end()) {
      owner->second.endpoints.emplace(endpoint.id, std::move(endpoint));
    }
  }
  return {};
}

KernelState Driver::wanted() const {
  KernelState state;
  for (auto const& [id, entry] : networks_) {
    add_network(state, entry.network);
    for (auto const& [endpoint_id, endpoint] : entry.endpoints) {
      add_endpoint(state, entry.network, endpoint);
    }
  }
  return state;
}

/// Takes a change back that could not be stored.
///
/// returns  `reason`, with what went wrong on the way back
Error Driver::undo(Error reason, KernelState const& applied, KernelState const& before) {
  ErrorList errors;
  errors.add(std::move(reason));
  Result<void> const undone = reconciler_.bring_to(applied, before);
  if (!undone) {
    errors.add(undone.error().within("and taking it back"));
  }
  return errors.joined();
}

std::vector<std::string> Driver::reconcile() {
  KernelState state = wanted();
  // The engine switches forwarding on at its own start and then sets a FORWARD policy of drop. Were
  // it on already, the engine would leave the policy at accept and the host an open router.
  state.forwarding.clear();
  std::vector<std::string> report = reconciler_.bring_all_to(state);
  Result<std::vector<std::string>> const mended = kernel_.mend();
  if (mended) {
    report.insert(report.end(), mended->begin(), mended->end());
  } else {
    report.push_back(mended.error().message);
  }
  return report;
}

Result<Driver::Entry*> Driver::find(NetworkId const& id) {
  auto const found = networks_.find(id);
  if (found == networks_.end()) {
    return fail(Errc::not_found, fmt::format("network {} is not known", id.brief()));
  }
  return &found->second;
}

Result<void> Driver::check_new(Network const& network) const {
  if (networks_.size() >= max_networks) {
    return fail(Errc::exhausted,
                fmt::format("{} networks exist, which is the limit: remove some", max_networks));
  }
  auto const same_bridge = [&](auto const& each) {
    return each.second.network.spec.bridge == network.spec.bridge;
  };
  auto const other = std::find_if(networks_.begin(), networks_.end(), same_bridge);
  if (other != networks_.end()) {
    return fail(Errc::already_exists,
                fmt::format("bridge {} belongs to network {}: choose another name",
                            network.spec.bridge, other->first.brief()));
  }
  return {};
}

Result<void> Driver::create_network(NetworkRequest request) {
  NetworkId const id = request.id;
  auto const known = networks_.find(id);
  if (known != networks_.end()) {
    NetworkRequest const& made = known->second.network.request;
    request.default_mtu_bytes = made.default_mtu_bytes;
    return made == request
               ? Result<void>()
               : fail(Errc::already_exists, fmt::format("network {} exists", id.brief()));
  }
  Result<std::uint32_t> const mtu_bytes = kernel_.default_mtu_bytes();
  if (!mtu_bytes) {
    return fail(about(id, mtu_bytes.error()));
  }
  request.default_mtu_bytes = *mtu_bytes;
  Result<NetworkSpec> spec = parse_network_options(request);
  if (!spec) {
    return fail(spec.error());
  }
  Network const network{std::move(request), std::move(*spec)};
  Result<void> const checked = check_new(network);
  if (!checked) {
    return fail(about(id, checked.error()));
  }
  Result<void> const applied = reconciler_.bring_to({}, state_of(network));
  if (!applied) {
    return fail(about(id, applied.error()));
  }
  Result<void> const stored = store_.save(network.request);
  if (!stored) {
    return fail(undo(about(id, stored.error()), state_of(network), {}));
  }
  networks_.emplace(id, Entry{network, {}});
  return {};
}

Result<void> Driver::delete_network(NetworkId const& id) {
  auto const found = networks_.find(id);
  if (found == networks_.end()) {
    return {};
  }
  Result<void> const stored = store_.remove(id);
  if (!stored) {
    return fail(about(id, stored.error()));
  }
  KernelState before = state_of(found->second.network);
  for (auto const& [endpoint_id, endpoint] : found->second.endpoints) {
    add_endpoint(before, found->second.network, endpoint);
  }
  networks_.erase(found);
  Result<void> const applied = reconciler_.bring_to(before, {});
  return applied ? applied : fail(about(id, applied.error()));
}

Result<MacAddress> Driver::create_endpoint(Endpoint endpoint, std::optional<MacAddress> mac) {
  Result<Entry*> const entry = find(endpoint.network);
  if (!entry) {
    return fail(entry.error());
  }
  endpoint.mac = mac ? *mac : choose_mac(endpoint);
  std::map<EndpointId, Endpoint>& endpoints = (*entry)->endpoints;
  auto const known = endpoints.find(endpoint.id);
  if (known != endpoints.end()) {
    Endpoint unjoined = known->second;
    unjoined.joined = false;
    return unjoined == endpoint
               ? Result<MacAddress>(endpoint.mac)
               : fail(Errc::already_exists, fmt::format("endpoint {} exists", endpoint.id.brief()));
  }
  if (endpoints.size() >= max_endpoints_per_network) {
    return fail(Errc::exhausted, fmt::format("network {} has {} endpoints, as many as a bridge has "
                                             "ports: use a second network",
                                             endpoint.network.brief(), endpoints.size()));
  }
  Result<void> const stored = store_.save(endpoint);
  if (!stored) {
    return fail(about(endpoint.id, stored.error()));
  }
  endpoints.emplace(endpoint.id, endpoint);
  return endpoint.mac;
}

Result<JoinReply> Driver::join(NetworkId const& network_id, EndpointId const& id) {
  Result<Entry*> const entry = find(network_id);
  if (!entry) {
    return fail(entry.error());
  }
  auto const found = (*entry)->endpoints.find(id);
  if (found == (*entry)->endpoints.end()) {
    return fail(Errc::not_found, fmt::format("endpoint {} is not known", id.brief()));
  }
  Network const& network = (*entry)->network;
  Endpoint joined = found->second;
  joined.joined = true;
  KernelState const before = state_of(network, found->second);
  KernelState const after = state_of(network, joined);
  Result<void> const applied = reconciler_.bring_to(before, after);
  if (!applied) {
    return fail(about(id, applied.error()));
  }
  if (!found->second.joined) {
    Result<void> const stored = store_.save(joined);
    if (!stored) {
      return fail(undo(about(id, stored.error()), after, before));
    }
  }
  found->second = joined;
  return reply_for(network, joined);
}

Result<void> Driver::delete_endpoint(NetworkId const& network_id, EndpointId const& id) {
  auto const entry = networks_.find(network_id);
  if (entry == networks_.end()) {
    return {};
  }
  auto const found = entry->second.endpoints.find(id);
  if (found == entry->second.endpoints.end()) {
    return {};
  }
  Result<void> const stored = store_.remove(id);
  if (!stored) {
    return fail(about(id, stored.error()));
  }
  Network const& network = entry->second.network;
  KernelState const before = state_of(network, found->second);
  entry->second.endpoints.erase(found);
  Result<void> const applied = reconciler_.bring_to(before, state_of(network));
  return applied ? applied : fail(about(id, applied.error()));
}

std::vector<std::string> Driver::learn_networks(std::vector<KnownNetwork> networks) {
  Result<void> const stored = store_.save_known_networks(networks);
  return stored ? std::vector<std::string>() : std::vector<std::string>{stored.error().message};
}

std::vector<std::string> Driver::learn_network(KnownNetwork const& network) {
  Result<void> const stored = store_.save(network);
  return stored ? std::vector<std::string>() : std::vector<std::string>{stored.error().message};
}

std::vector<std::string> Driver::learn_member(EndpointId const& endpoint, NetworkId const& network,
                                              ContainerMarks const& marks) {
  Result<Entry*> const entry = find(network);
  if (!entry || !(*entry)->endpoints.contains(endpoint)) {
    return {};
  }
  Endpoint& member = (*entry)->endpoints.at(endpoint);
  auto const project = marks.labels.find("com.docker.compose.project");
  member.marks =
      MemberMarks{marks.name, project == marks.labels.end() ? "" : project->second, false};
  Result<void> const stored = store_.save(member);
  return stored ? std::vector<std::string>() : std::vector<std::string>{stored.error().message};
}

bool Driver::wants_networks() const {
  return !networks_.empty();
}

bool Driver::wants_marks(NetworkId const& network) const {
  return networks_.contains(network);
}

std::optional<NetworkId> Driver::network_with(IpPrefix const& subnet) const {
  for (auto const& [id, entry] : networks_) {
    for (Subnet const& each : entry.network.request.subnets) {
      if (each.prefix == subnet) {
        return id;
      }
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
