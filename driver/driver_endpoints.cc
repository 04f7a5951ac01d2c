// Endpoints: how they come, join and go.
#include "driver/about.h"
#include "driver/driver.h"
#include "driver/join_reply.h"
#include "driver/names.h"

#include <fmt/core.h>

#include <utility>

namespace drawbridge {
namespace {

constexpr std::size_t max_endpoints_per_network = 1023;  // ports of one bridge: BR_MAX_PORTS

MacAddress choose_mac(Endpoint const& endpoint) {
  if (endpoint.ipv4) {
    return mac_for(endpoint.ipv4->address);
  }
  return endpoint.ipv6 ? mac_for(endpoint.ipv6->address) : mac_for(endpoint.id.value);
}

/// What the engine asks for once more must be what there is, whatever became of it since.
Result<void> check_repeated(Endpoint made, Endpoint const& asked) {
  made.joined = false;
  made.marks.reset();
  made.ports.clear();
  return made == asked
             ? Result<void>()
             : fail(Errc::already_exists, fmt::format("endpoint {} exists", made.id.brief()));
}

}  // namespace

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
    Result<void> const repeated = check_repeated(known->second, endpoint);
    return repeated ? Result<MacAddress>(endpoint.mac) : fail(repeated.error());
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

Result<JoinReply> Driver::join(NetworkId const& network_id, EndpointId const& id,
                               std::string const& sandbox) {
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
  free_ports_at(**entry, joined);
  withdraw_routes_at(joined);
  forget_flows_before(joined);
  KernelState const before = state_of(**entry, found->second);
  KernelState const after = state_of(**entry, joined);
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
  if (!sandbox.empty()) {
    sandboxes_[id] = sandbox;
  }
  return join_reply(network, joined);
}

Result<void> Driver::delete_endpoint(NetworkId const& network_id, EndpointId const& id) {
  auto const entry = networks_.find(network_id);
  if (entry == networks_.end()) {
    return delete_unknown(id);
  }
  auto const found = entry->second.endpoints.find(id);
  if (found == entry->second.endpoints.end()) {
    return {};
  }
  Result<void> const stored = store_.remove(id);
  if (!stored) {
    return fail(about(id, stored.error()));
  }
  KernelState const before = state_of(entry->second, found->second);
  drop_routes_to(found->second);
  Endpoint const gone = std::move(found->second);
  entry->second.endpoints.erase(found);
  Endpoint nothing = gone;
  nothing.joined = false;
  Result<void> const applied = reconciler_.bring_to(before, state_of(entry->second, nothing));
  release_ports(gone);
  return applied ? applied : fail(about(id, applied.error()));
}

std::map<NetworkId, std::set<EndpointId>> Driver::endpoint_ids() const {
  std::map<NetworkId, std::set<EndpointId>> all;
  for (auto const& [network, entry] : networks_) {
    std::set<EndpointId>& own = all[network];
    for (auto const& [id, endpoint] : entry.endpoints) {
      own.insert(id);
    }
  }
  return all;
}

}  // namespace drawbridge
