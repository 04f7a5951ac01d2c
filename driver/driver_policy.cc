// How the policies of networks follow what Docker tells, and the defaults of the configuration.
#include "driver/about.h"
#include "driver/driver.h"
#include "driver/member_place.h"
#include "driver/names.h"
#include "driver/policy_elements.h"
#include "netlink/diff.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace drawbridge {
namespace {

std::string describe_place(MemberMarks const& place, NetworkId const& network) {
  return place.is_hub
             ? fmt::format("container {} is a hub of network {}", place.container, network.brief())
             : fmt::format("container {} is in network {} with those of project \"{}\"",
                           place.container, network.brief(), place.project);
}

}  // namespace

// ---- names of networks --------------------------------------------------------------------------

/// returns  the networks whose allow_from means this one, be it by a beginning of its id
std::set<NetworkId> Driver::that_name(NetworkId const& id) const {
  std::set<NetworkId> naming = peers_.naming(id);
  if (std::optional<std::string> const name = directory_.name_of(id)) {
    naming.merge(peers_.naming(*name));
  }
  naming.erase(id);
  return naming;
}

std::set<NetworkId> Driver::that_name(std::vector<KnownNetwork> const& networks) const {
  std::set<NetworkId> naming;
  for (KnownNetwork const& network : networks) {
    naming.merge(that_name(network.id));
    naming.merge(peers_.naming(network.name));
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
  auto const learn = [&] {
    directory_.learn(std::move(networks));
    return store_.save_known_networks(directory_.known());
  };
  return changed.empty() ? std::vector<std::string>() : follow(changed, learn);
}

std::vector<std::string> Driver::learn_network(KnownNetwork network) {
  std::vector<KnownNetwork> const changed = directory_.difference(network);
  auto const learn = [&] {
    Result<void> stored = store_.save(network);
    directory_.learn(std::move(network));
    return stored;
  };
  return changed.empty() ? std::vector<std::string>() : follow(changed, learn);
}

/// Lets `learn` change the directory, and with it the permissions of who names what changed.
std::vector<std::string> Driver::follow(std::vector<KnownNetwork> const& changed,
                                        std::function<Result<void>()> const& learn) {
  std::set<NetworkId> const naming = that_name(changed);
  std::set<Element> const before = permissions_of(naming);
  std::vector<std::string> report;
  if (Result<void> const stored = learn(); !stored) {
    report.push_back(stored.error().within("names of networks").message);
  }
  ChangeElements const change = difference(before, permissions_of(naming));
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
  FlowJudge const judge(std::move(by_bridge), directory_, routed_pairs());
  Result<std::size_t> const cut =
      kernel_.cut_flows([&judge](Flow const& flow) { return !judge.allows(flow); });
  if (!cut) {
    report.push_back(cut.error().message);
  } else if (*cut > 0) {
    report.push_back(fmt::format("{} connections cut that are not allowed any more", *cut));
  }
}

// ---- what members are ---------------------------------------------------------------------------

bool Driver::wants_marks(NetworkId const& network) const {
  auto const found = networks_.find(network);
  if (found == networks_.end()) {
    return false;
  }
  return std::any_of(found->second.endpoints.begin(), found->second.endpoints.end(),
                     [&](auto const& each) { return wants_marks(found->second, each.second); });
}

bool Driver::wants_marks(Entry const& entry, Endpoint const& endpoint) const {
  Policy const& policy = entry.network.spec.policy;
  bool const has_places = policy.isolation == Isolation::project ||
                          (policy.isolation == Isolation::members && !policy.hubs.empty());
  return has_places || !endpoint.ports.empty();
}

std::vector<std::pair<NetworkId, EndpointId>> Driver::endpoints_that_want_marks() const {
  std::vector<std::pair<NetworkId, EndpointId>> endpoints;
  for (auto const& [id, entry] : networks_) {
    for (auto const& [endpoint_id, endpoint] : entry.endpoints) {
      if (wants_marks(entry, endpoint)) {
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
  Isolation const isolation = (*entry)->network.spec.policy.isolation;
  if (isolation == Isolation::project && shares_number(**entry, id, placed.marks->project)) {
    return {
        fmt::format("container {} stays alone in network {}: the name of its project \"{}\" "
                    "cannot be told from another's, rename it",
                    marks.name, network.brief(), placed.marks->project)};
  }
  Result<void> const changed = change_place(**entry, found->second, placed);
  if (!changed) {
    return {about(id, changed.error()).message};
  }
  return isolation == Isolation::network
             ? std::vector<std::string>()
             : std::vector<std::string>{describe_place(*placed.marks, network)};
}

Result<void> Driver::change_place(Entry const& entry, Endpoint& endpoint, Endpoint const& placed) {
  Result<void> applied = reconciler_.change(state_of(entry, endpoint), state_of(entry, placed));
  if (!applied) {
    return applied;
  }
  bool const is_relayed_alike = endpoint.is_hub() == placed.is_hub();
  endpoint = placed;
  if (!is_relayed_alike) {
    hold_ports(entry.network, endpoint, hold_report_);
  }
  return store_.save(placed);
}

// ---- defaults -----------------------------------------------------------------------------------

std::vector<std::string> Driver::configure(DriverSettings settings) {
  KernelState const before = wanted();
  settings_ = std::move(settings);
  std::vector<std::string> report;
  std::vector<NetworkId> changed;
  for (auto& [id, entry] : networks_) {
    Result<NetworkSpec> spec = spec_of(entry.network.request);
    if (!spec) {
      report.push_back(about(id, spec.error()).within("policy stays as it was").message);
    } else if (*spec != entry.network.spec) {
      entry.network.spec = std::move(*spec);
      ++networks_generation_;
      changed.push_back(id);
      report.push_back(fmt::format("network {} follows the defaults", id.brief()));
    }
  }
  if (report.empty()) {
    return report;
  }
  peers_.clear();
  for (auto const& [id, entry] : networks_) {
    peers_.add(entry.network);
  }
  Result<void> const applied = kernel_.apply(diff(before, wanted()));
  if (!applied) {
    report.push_back(applied.error().message);
  }
  for (NetworkId const& id : changed) {
    hold_ports(networks_.at(id), report);
  }
  cut_flows(report);
  return report;
}

}  // namespace drawbridge
