#include "driver/driver.h"

#include "driver/desired_state.h"
#include "driver/names.h"
#include "driver/network_options.h"
#include "driver/policy_elements.h"
#include "netlink/diff.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace drawbridge {
namespace {

constexpr std::size_t max_networks = 20'000;
constexpr std::size_t max_endpoints_per_network = 1023;  // ports of one bridge: BR_MAX_PORTS

constexpr char const* project_label = "com.docker.compose.project";

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

bool has_label(ContainerMarks const& marks, Hub const& hub) {
  auto const label = marks.labels.find(hub.name);
  return label != marks.labels.end() && (!hub.value || *hub.value == label->second);
}

bool is_hub(std::vector<Hub> const& hubs, ContainerMarks const& marks, std::string const& project) {
  return std::any_of(hubs.begin(), hubs.end(), [&](Hub const& hub) {
    switch (hub.kind) {
      case Hub::Kind::container:
        return hub.name == marks.name;
      case Hub::Kind::project:
        return hub.name == project;
      case Hub::Kind::label:
        return has_label(marks, hub);
    }
    return false;
  });
}

MemberMarks place_of(ContainerMarks const& marks, Policy const& policy) {
  MemberMarks place;
  place.container = marks.name;
  auto const project = marks.labels.find(project_label);
  place.project = project == marks.labels.end() ? "" : project->second;
  place.is_hub = is_hub(policy.hubs, marks, place.project);
  return place;
}

std::set<Element> minus(std::set<Element> const& from, std::set<Element> const& what) {
  std::set<Element> out;
  std::set_difference(from.begin(), from.end(), what.begin(), what.end(),
                      std::inserter(out, out.end()));
  return out;
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
    if (owner != networks_.end()) {
      owner->second.endpoints.emplace(endpoint.id, std::move(endpoint));
    }
  }
  return {};
}

void Driver::enter(Network network) {
  NetworkId const id = network.request.id;
  directory_.add(network);
  note_peers(network);
  networks_.emplace(id, Entry{std::move(network), {}});
}

void Driver::leave(NetworkId const& id) {
  directory_.remove(id);
  for (Permission const& permission : networks_.at(id).network.spec.policy.allow_from) {
    auto const* peer = std::get_if<NetworkPeer>(&permission.from);
    auto const named = peer == nullptr ? named_by_.end() : named_by_.find(peer->name_or_id);
    if (named != named_by_.end() && named->second.erase(id) > 0 && named->second.empty()) {
      named_by_.erase(named);
    }
  }
  networks_.erase(id);
}

void Driver::note_peers(Network const& network) {
  for (Permission const& permission : network.spec.policy.allow_from) {
    if (auto const* peer = std::get_if<NetworkPeer>(&permission.from)) {
      named_by_[peer->name_or_id].insert(network.request.id);
    }
  }
}

KernelState Driver::state_of(Network const& network) const {
  KernelState state;
  add_network(state, network, directory_);
  return state;
}

KernelState Driver::state_of(Network const& network, Endpoint const& endpoint) const {
  KernelState state = state_of(network);
  add_endpoint(state, network, endpoint);
  return state;
}

/// returns  the networks whose allow_from means this one, be it by a beginning of its id
std::set<NetworkId> Driver::that_name(NetworkId const& id) const {
  std::set<NetworkId> naming;
  std::string const brief(id.brief());
  for (auto each = named_by_.lower_bound(brief);
       each != named_by_.end() && each->first.starts_with(brief); ++each) {
    naming.insert(each->second.begin(), each->second.end());
  }
  if (std::optional<std::string> const name = directory_.name_of(id)) {
    auto const named = named_by_.find(*name);
    if (named != named_by_.end()) {
      naming.insert(named->second.begin(), named->second.end());
    }
  }
  naming.erase(id);
  return naming;
}

std::set<NetworkId> Driver::that_name(std::vector<KnownNetwork> const& networks) const {
  std::set<NetworkId> naming;
  for (KnownNetwork const& network : networks) {
    naming.merge(that_name(network.id));
    auto const named = named_by_.find(network.name);
    if (named != named_by_.end()) {
      naming.insert(named->second.begin(), named->second.end());
    }
  }
  return naming;
}

std::set<Element> Driver::permissions_of(std::set<NetworkId> const& networks) const {
  std::set<Element> elements;
  for (NetworkId const& id : networks) {
    add_permission_elements(elements, networks_.at(id).network, directory_);
  }
  return elements;
}

std::vector<std::string> Driver::learn_networks(std::vector<KnownNetwork> networks) {
  std::vector<KnownNetwork> const changed = directory_.difference(networks);
  if (changed.empty()) {
    return {};
  }
  std::set<NetworkId> const naming = that_name(changed);
  std::set<Element> const before = permissions_of(naming);
  directory_.learn(std::move(networks));
  std::vector<std::string> report = follow(naming, before);
  if (Result<void> const stored = store_.save_known_networks(directory_.known()); !stored) {
    report.push_back(stored.error().within("names of networks").message);
  }
  return report;
}

std::vector<std::string> Driver::learn_network(KnownNetwork network) {
  std::vector<KnownNetwork> const changed = directory_.difference(network);
  if (changed.empty()) {
    return {};
  }
  std::set<NetworkId> const naming = that_name(changed);
  std::set<Element> const before = permissions_of(naming);
  Result<void> const stored = store_.save(network);
  directory_.learn(std::move(network));
  std::vector<std::string> report = follow(naming, before);
  if (!stored) {
    report.push_back(stored.error().within("name of a network").message);
  }
  return report;
}

/// Brings the permissions of `naming` from `before` to what the directory says now.
std::vector<std::string> Driver::follow(std::set<NetworkId> const& naming,
                                        std::set<Element> const& before) {
  std::set<Element> const after = permissions_of(naming);
  ChangeElements const change{minus(before, after), minus(after, before)};
  std::vector<std::string> report;
  if (change.remove.empty() && change.add.empty()) {
    return report;
  }
  Result<void> const applied = kernel_.apply({change});
  report.push_back(applied ? "allow_from follows docker: " + describe(change)
                           : applied.error().message);
  if (!change.remove.empty()) {
    cut_flows(report);
  }
  return report;
}

void Driver::cut_flows(std::vector<std::string>& report) {
  std::map<std::string, Network const*> by_bridge;
  for (auto const& [id, entry] : networks_) {
    by_bridge.emplace(entry.network.spec.bridge, &entry.network);
  }
  FlowJudge const judge(std::move(by_bridge), directory_);
  Result<std::size_t> const cut =
      kernel_.cut_flows([&judge](Flow const& flow) { return !judge.allows(flow); });
  if (!cut) {
    report.push_back(cut.error().message);
  } else if (*cut > 0) {
    report.push_back(fmt::format("{} connections cut that are not allowed any more", *cut));
  }
}

bool Driver::wants_marks(NetworkId const& network) const {
  auto const found = networks_.find(network);
  if (found == networks_.end()) {
    return false;
  }
  Policy const& policy = found->second.network.spec.policy;
  return policy.isolation != Isolation::network &&
         (policy.isolation == Isolation::project || !policy.hubs.empty());
}

std::vector<std::pair<NetworkId, EndpointId>> Driver::endpoints_that_want_marks() const {
  std::vector<std::pair<NetworkId, EndpointId>> endpoints;
  for (auto const& [id, entry] : networks_) {
    if (wants_marks(id)) {
      for (auto const& [endpoint_id, endpoint] : entry.endpoints) {
        endpoints.emplace_back(id, endpoint_id);
      }
    }
  }
  return endpoints;
}

/// Projects are told apart by numbers that are hashed from their names.
bool Driver::shares_number(Entry const& entry, EndpointId const& endpoint,
                           std::string const& project) const {
  return std::any_of(entry.endpoints.begin(), entry.endpoints.end(), [&](auto const& each) {
    std::optional<MemberMarks> const& marks = each.second.marks;
    return each.first != endpoint && marks && marks->project != project &&
           group_of(marks->project) == group_of(project);
  });
}

std::vector<std::string> Driver::learn_member(EndpointId const& id, NetworkId const& network,
                                              ContainerMarks const& marks) {
  Result<Entry*> const entry = find(network);
  if (!entry) {
    return {};
  }
  auto const found = (*entry)->endpoints.find(id);
  if (found == (*entry)->endpoints.end()) {
    return {};
  }
  Endpoint placed = found->second;
  placed.marks = place_of(marks, (*entry)->network.spec.policy);
  if (placed == found->second) {
    return {};
  }
  if (shares_number(**entry, id, placed.marks->project)) {
    return {
        fmt::format("container {} stays alone in network {}: the name of its project \"{}\" "
                    "cannot be told from another's, rename it",
                    marks.name, network.brief(), placed.marks->project)};
  }
  KernelState const before = state_of((*entry)->network, found->second);
  KernelState const after = state_of((*entry)->network, placed);
  Result<void> const applied = reconciler_.bring_to(before, after);
  if (!applied) {
    return {about(id, applied.error()).message};
  }
  found->second = placed;
  Result<void> const stored = store_.save(placed);
  if (!stored) {
    return {about(id, stored.error()).message};
  }
  return {placed.marks->is_hub
              ? fmt::format("container {} is a hub of network {}", marks.name, network.brief())
              : fmt::format("container {} is in network {} with those of project \"{}\"",
                            marks.name, network.brief(), placed.marks->project)};
}

Result<NetworkSpec> Driver::spec_of(NetworkRequest const& request) const {
  return parse_network_options(request, settings_.defaults);
}

std::vector<std::string> Driver::configure(DriverSettings settings) {
  KernelState const before = wanted();
  settings_ = std::move(settings);
  std::vector<std::string> report;
  for (auto& [id, entry] : networks_) {
    Result<NetworkSpec> spec = spec_of(entry.network.request);
    if (!spec) {
      report.push_back(about(id, spec.error()).within("policy stays as it was").message);
    } else if (*spec != entry.network.spec) {
      entry.network.spec = std::move(*spec);
      report.push_back(fmt::format("network {} follows the defaults", id.brief()));
    }
  }
  if (report.empty()) {
    return report;
  }
  named_by_.clear();
  for (auto const& [id, entry] : networks_) {
    note_peers(entry.network);
  }
  Result<void> const applied = kernel_.apply(diff(before, wanted()));
  if (!applied) {
    report.push_back(applied.error().message);
  }
  cut_flows(report);
  return report;
}

KernelState Driver::wanted() const {
  KernelState state;
  for (auto const& [id, entry] : networks_) {
    add_network(state, entry.network, directory_);
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
  std::string const& team = network.spec.policy.team;
  auto const shares_number = [&team](auto const& each) {
    std::string const& other_team = each.second.network.spec.policy.team;
    return !other_team.empty() && other_team != team && group_of(other_team) == group_of(team);
  };
  if (!team.empty() && std::any_of(networks_.begin(), networks_.end(), shares_number)) {
    return fail(Errc::conflict, fmt::format("team \"{}\" cannot be told from another team that "
                                            "exists: choose another name",
                                            team));
  }
  std::optional<std::string> const asking = needs_docker_api(network.spec);
  if (asking && !settings_.asks_docker) {
    return fail(Errc::unsupported, fmt::format("option \"{}\" needs the docker api: set "
                                               "docker_socket in the configuration",
                                               *asking));
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
  Result<NetworkSpec> spec = spec_of(request);
  if (!spec) {
    return fail(spec.error());
  }
  Network network{std::move(request), std::move(*spec)};
  Result<void> const checked = check_new(network);
  if (!checked) {
    return fail(about(id, checked.error()));
  }
  std::set<NetworkId> const naming = that_name(id);
  KernelState before;
  before.elements = permissions_of(naming);
  directory_.add(network);
  KernelState after = state_of(network);
  after.elements.merge(permissions_of(naming));
  Result<void> const applied = reconciler_.bring_to(before, after);
  if (!applied) {
    directory_.remove(id);
    return fail(about(id, applied.error()));
  }
  Result<void> const stored = store_.save(network.request);
  if (!stored) {
    directory_.remove(id);
    return fail(undo(about(id, stored.error()), after, before));
  }
  enter(std::move(network));
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
  std::set<NetworkId> const naming = that_name(id);
  KernelState before = state_of(found->second.network);
  for (auto const& [endpoint_id, endpoint] : found->second.endpoints) {
    add_endpoint(before, found->second.network, endpoint);
  }
  before.elements.merge(permissions_of(naming));
  leave(id);
  KernelState after;
  after.elements = permissions_of(naming);
  Result<void> const applied = reconciler_.bring_to(before, after);
  return applied ? applied : fail(about(id, applied.error()));
}

Result<MacAddress> Driver::create_endpoint(Endpoint endpoint, std::optional<MacAddress> mac) {
  Result<Entry*> const entry = find(endpoint.network);
  if (!entry) {
    return fail(entry.error());
  }
  endpoint.mac = mac ? *mac : choose_mac(endpoint);
  if (mac && *mac == bridge_mac((*entry)->network)) {
    return fail(Errc::invalid_argument,
                fmt::format("mac address {} is the gateway's of network {}: choose another",
                            endpoint.mac.to_string(), endpoint.network.brief()));
  }
  std::map<EndpointId, Endpoint>& endpoints = (*entry)->endpoints;
  auto const known = endpoints.find(endpoint.id);
  if (known != endpoints.end()) {
    Endpoint unjoined = known->second;
    unjoined.joined = false;
    unjoined.marks.reset();
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
