// Published ports of endpoints: which, and who has them. How they are held is in driver_holds.cc.
//
// Taken are the host ports first, so that nothing is changed for a port that cannot be had; then
// the kernel and the store follow, and what is not used any more is let go of last.
#include "driver/about.h"
#include "driver/driver.h"
#include "driver/port_hold.h"
#include "driver/port_plan.h"
#include "driver/port_scope.h"
#include "driver/port_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

namespace drawbridge {
namespace {

using Ports = std::vector<PublishedPort>;

bool has(Ports const& sorted, PublishedPort const& port) {
  return std::binary_search(sorted.begin(), sorted.end(), port);
}

Ports minus(Ports const& from, Ports const& what) {
  Ports out;
  std::set_difference(from.begin(), from.end(), what.begin(), what.end(), std::back_inserter(out));
  return out;
}

/// Older connections to what is published from now on, which went to this host itself.
FlowPattern older_flows(PublishedPort const& port) {
  FlowPattern pattern;
  pattern.protocol = port.protocol;
  pattern.destination_ports = port.host_ports;
  pattern.ends_here = true;
  if (!is_for_every_address(port.host)) {
    pattern.destination = port.host;
  }
  return pattern;
}

/// returns  true for a family in which the endpoint has the mapping still: it was for both, and is
///          for this one, or the reverse
bool still_leads(Endpoint const& endpoint, PublishedPort const& gone, Family family) {
  return std::any_of(endpoint.ports.begin(), endpoint.ports.end(), [&](PublishedPort port) {
    bool const is_alike =
        port.host == gone.host || (is_for(port.host, family) && is_for_every_address(port.host));
    port.host = gone.host;
    return is_alike && port == gone;
  });
}

/// Connections to a port of a container that was reached as it is.
FlowPattern direct_flows(PublishedPort const& port, IpAddress const& container) {
  FlowPattern pattern;
  pattern.protocol = port.protocol;
  pattern.destination_ports = {port.container_port, port.container_port};
  pattern.destination = container;
  pattern.party = container;
  return pattern;
}

/// Connections by way of what is published no more.
///
/// endpoint   as it is now
std::vector<FlowPattern> flows_by(PublishedPort const& port, Endpoint const& endpoint) {
  std::vector<FlowPattern> patterns;
  for (Family const family : {Family::ipv4, Family::ipv6}) {
    std::optional<IpAddress> const address = address_of(endpoint, family);
    if (!address || !is_for(port.host, family) || still_leads(endpoint, port, family)) {
      continue;
    }
    FlowPattern pattern = older_flows(port);
    pattern.ends_here = false;
    pattern.end = address;
    patterns.push_back(port.has_host_ports() ? pattern : direct_flows(port, *address));
  }
  return patterns;
}

std::vector<FlowPattern> flows_of(Endpoint const& endpoint) {
  std::vector<FlowPattern> patterns;
  for (Family const family : {Family::ipv4, Family::ipv6}) {
    if (std::optional<IpAddress> const address = address_of(endpoint, family)) {
      FlowPattern pattern;
      pattern.party = address;
      patterns.push_back(pattern);
    }
  }
  return patterns;
}

}  // namespace

// ---- publish and take back ----------------------------------------------------------------------

Endpoint* Driver::find(NetworkId const& network, EndpointId const& id) {
  auto const entry = networks_.find(network);
  if (entry == networks_.end()) {
    return nullptr;
  }
  auto const found = entry->second.endpoints.find(id);
  return found == entry->second.endpoints.end() ? nullptr : &found->second;
}

Result<Ports> Driver::publish(PublishRequest const& request) {
  Result<Entry*> const entry = find(request.network);
  if (!entry) {
    return fail(entry.error());
  }
  Endpoint* const endpoint = find(request.network, request.endpoint);
  if (endpoint == nullptr) {
    return fail(Errc::not_found, fmt::format("endpoint {} is not known", request.endpoint.brief()));
  }
  forget_flows_before(*endpoint);
  Result<PublishRequest> const shared = share_families(request);
  if (!shared) {
    return fail(shared.error());
  }
  Result<void> done = take_and_publish(**entry, *endpoint, *shared);
  bool const is_taken =
      !done && (done.error().code == Errc::already_exists || done.error().code == Errc::exhausted);
  if (is_taken && free_ports_of_gone()) {
    done = take_and_publish(**entry, *endpoint, *shared);
  }
  if (!done) {
    return fail(done.error());
  }
  forget_absent(request);
  return endpoint->ports;
}

/// All of it or nothing.
Result<void> Driver::take_and_publish(Entry& entry, Endpoint& endpoint,
                                      PublishRequest const& request) {
  PortTaking taking(ports_);
  Result<Publication> const publication = take_ports(entry, endpoint, request, taking);
  Result<void> const done =
      publication ? put_in_force(entry, endpoint, *publication) : fail(publication.error());
  return done ? done : give_back(endpoint, taking, done.error());
}

/// returns  `reason`; all is held as it was before, or somebody was faster
tl::unexpected<Error> Driver::give_back(Endpoint const& endpoint, PortTaking& taking,
                                        Error reason) {
  for (auto const& [port, error] : taking.take_back()) {
    if (std::optional<std::string> const line = note(endpoint, port, fail(error))) {
      hold_report_.push_back(*line);
    }
  }
  return fail(std::move(reason));
}

Result<void> Driver::unpublish(NetworkId const& network_id, EndpointId const& id) {
  Endpoint* const endpoint = find(network_id, id);
  if (endpoint == nullptr || endpoint->ports.empty()) {
    return {};
  }
  Publication nothing{*endpoint};
  nothing.after.ports.clear();
  return put_in_force(networks_.at(network_id), *endpoint, nothing);
}

Result<void> Driver::put_in_force(Entry& entry, Endpoint& endpoint,
                                  Publication const& publication) {
  Ports const taken = minus(publication.after.ports, endpoint.ports);
  Ports const gone = minus(endpoint.ports, publication.after.ports);
  if (taken.empty() && gone.empty()) {
    return {};
  }
  KernelState const before = state_of(entry, endpoint);
  KernelState const after = state_of(entry, publication.after);
  Result<void> const applied = reconciler_.change(before, after);
  if (!applied) {
    return fail(about(endpoint.id, applied.error()));
  }
  Result<void> const stored = save(publication);
  if (!stored) {
    return fail(undo(about(endpoint.id, stored.error()), after, before));
  }
  published_.remove(endpoint);
  endpoint = publication.after;
  published_.add(endpoint);
  let_go(endpoint, gone);
  forget_older_flows(taken);
  return {};
}

/// Writes the lease and then the endpoint: a lease alone does no harm.
Result<void> Driver::save(Publication const& publication) {
  std::optional<PortLease> const& lease = publication.lease;
  Result<void> stored = lease ? store_.save(*lease) : Result<void>();
  if (!stored) {
    return stored;
  }
  stored = store_.save(publication.after);
  if (stored && lease) {
    leases_[lease->network][lease->container] = lease->host_port;
  }
  if (stored || !lease) {
    return stored;
  }
  ErrorList errors;
  errors.add(stored.error());
  if (Result<void> const undone = take_back(*lease); !undone) {
    errors.add(undone.error().within("and taking it back"));
  }
  return fail(errors.joined());
}

/// Leaves in the store what was there before the lease was written.
Result<void> Driver::take_back(PortLease const& lease) {
  auto const network = leases_.find(lease.network);
  if (network == leases_.end() || !network->second.contains(lease.container)) {
    return store_.remove(lease);
  }
  return store_.save(
      PortLease{lease.network, lease.container, network->second.at(lease.container)});
}

void Driver::let_go(Endpoint const& endpoint, Ports const& gone) {
  for (PublishedPort const& port : gone) {
    ports_.release(port);
    troubles_.erase({endpoint.id, port});
    std::vector<FlowPattern> const flows = flows_by(port, endpoint);
    to_forget_.insert(to_forget_.end(), flows.begin(), flows.end());
  }
}

void Driver::forget_older_flows(Ports const& taken) {
  for (PublishedPort const& port : taken) {
    if (port.has_host_ports()) {
      to_forget_.push_back(older_flows(port));
    }
  }
}

void Driver::forget_flows_of(Endpoint const& endpoint) {
  std::vector<FlowPattern> const flows = flows_of(endpoint);
  to_forget_.insert(to_forget_.end(), flows.begin(), flows.end());
}

void Driver::release_ports(Endpoint const& gone) {
  sandboxes_.erase(gone.id);
  published_.remove(gone);
  for (PublishedPort const& port : gone.ports) {
    ports_.release(port);
    troubles_.erase({gone.id, port});
  }
  forget_flows_of(gone);
}

// ---- which ports --------------------------------------------------------------------------------

Result<Driver::Publication> Driver::take_ports(Entry const& entry, Endpoint const& endpoint,
                                               PublishRequest const& request,
                                               PortTaking& taking) const {
  Result<PortPlan> plan = plan_ports(entry.network, endpoint, request.ports, request.only);
  if (!plan) {
    return fail(plan.error());
  }
  Publication publication{endpoint};
  Ports& ports = publication.after.ports;
  ports = std::move(plan->settled);
  if (Result<void> taken = take_settled(entry.network, endpoint, ports, taking); !taken) {
    return fail(taken.error());
  }
  if (plan->pooled) {
    Result<PublishedPort> const port =
        take_pooled(*plan->pooled, entry.network, request, {publication, taking});
    if (!port) {
      return fail(port.error());
    }
    ports.push_back(*port);
  }
  for (PublishedPort const& open : plan->open) {
    Result<PublishedPort> const port = take_open(open, entry.network, publication.after, taking);
    if (!port) {
      return fail(port.error());
    }
    ports.push_back(*port);
  }
  std::sort(ports.begin(), ports.end());
  return publication;
}

/// What is published already stays held as it is. A mapping that was for other families, and so
/// meets its successor, makes room for it.
Result<void> Driver::take_settled(Network const& network, Endpoint const& endpoint,
                                  Ports const& ports, PortTaking& taking) const {
  Ports gone = minus(endpoint.ports, ports);
  for (PublishedPort const& port : ports) {
    if (!port.has_host_ports() || has(endpoint.ports, port)) {
      continue;
    }
    if (PortOwner const* const owner = published_.find(port, endpoint.id)) {
      return fail(already_published(port, *owner));
    }
    std::erase_if(gone, [&](PublishedPort const& before) {
      bool const is_in_the_way = clash(before, port);
      if (is_in_the_way) {
        taking.give_up(hold_of(network, endpoint, before));
      }
      return is_in_the_way;
    });
    if (Result<void> const held = taking.take(hold_of(network, endpoint, port)); !held) {
      return fail(held.error());
    }
  }
  return {};
}

/// returns  those that no endpoint has, nor this one is about to have
std::vector<std::uint16_t> Driver::without_published(std::vector<std::uint16_t> candidates,
                                                     PublishedPort port,
                                                     Endpoint const& after) const {
  std::erase_if(candidates, [&](std::uint16_t number) {
    port.host_ports = {number, number};
    return published_.find(port, after.id) != nullptr ||
           std::any_of(after.ports.begin(), after.ports.end(),
                       [&port](PublishedPort const& other) { return clash(port, other); });
  });
  return candidates;
}

/// after   what the endpoint is to have so far
Result<PublishedPort> Driver::take_open(PublishedPort const& port, Network const& network,
                                        Endpoint const& after, PortTaking& taking) const {
  PortHold const hold = hold_of(network, after, port);
  if (!port.has_host_ports()) {
    return taking.take_any(hold);
  }
  Result<PublishedPort> chosen =
      taking.take_first(hold, without_published(ports_of(port.host_ports), port, after));
  if (!chosen && chosen.error().code == Errc::exhausted) {
    return fail(Errc::already_exists,
                fmt::format("port is already allocated: each of {} is taken, give a wider range or "
                            "free one of them",
                            host_text(port)));
  }
  return chosen;
}

// ---- who has them -------------------------------------------------------------------------------

std::string Driver::title_of(NetworkId const& network, EndpointId const& id) const {
  std::string const name = directory_.name_of(network).value_or(std::string(network.brief()));
  std::optional<Endpoint> const known = endpoint(network, id);
  bool const is_named = known && known->marks && !known->marks->container.empty();
  return is_named ? fmt::format("container {} (network {})", known->marks->container, name)
                  : fmt::format("endpoint {} (network {})", id.brief(), name);
}

Error Driver::already_published(PublishedPort const& port, PortOwner const& owner) const {
  PublishedPort met = port;
  met.host_ports = {std::max(port.host_ports.first, owner.port.host_ports.first),
                    std::min(port.host_ports.last, owner.port.host_ports.last)};
  return {Errc::already_exists,
          fmt::format("port {} is already allocated: {} publishes it", host_text(met),
                      title_of(owner.network, owner.endpoint))};
}

}  // namespace drawbridge
