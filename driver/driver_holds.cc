// How the host ports of endpoints stay held: over restarts, changes of policy, and other programs
// that were there first.
#include "driver/driver.h"
#include "driver/left_over_flows.h"
#include "driver/port_hold.h"
#include "driver/port_scope.h"
#include "driver/port_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace drawbridge {

Result<void> Driver::load_port_leases() {
  Result<std::vector<PortLease>> const leases = store_.load_port_leases();
  if (!leases) {
    return fail(leases.error());
  }
  for (PortLease const& lease : *leases) {
    if (networks_.contains(lease.network)) {
      leases_[lease.network][lease.container] = lease.host_port;
    }
  }
  return {};
}

/// Holds the ports, or, where they are held, says anew whom they are relayed for.
void Driver::hold_ports(Network const& network, Endpoint const& endpoint,
                        std::vector<std::string>& report) {
  for (PublishedPort const& port : endpoint.ports) {
    if (!port.has_host_ports()) {
      continue;
    }
    std::optional<std::string> const line =
        note(endpoint, port, ports_.hold(hold_of(network, endpoint, port)));
    if (line) {
      report.push_back(*line);
    }
  }
}

void Driver::hold_ports(Entry const& entry, std::vector<std::string>& report) {
  for (auto const& [id, endpoint] : entry.endpoints) {
    hold_ports(entry.network, endpoint, report);
  }
}

/// Keeps in mind whether a port is held.
///
/// returns  a line when that is news
std::optional<std::string> Driver::note(Endpoint const& endpoint, PublishedPort const& port,
                                        Result<void> const& held) {
  std::pair const key(endpoint.id, port);
  auto const known = troubles_.find(key);
  bool const was_held = known == troubles_.end();
  if (held) {
    if (was_held) {
      return std::nullopt;
    }
    troubles_.erase(known);
    return fmt::format("port {} of {} is held again", host_text(port),
                       title_of(endpoint.network, endpoint.id));
  }
  std::string const& reason = held.error().message;
  troubles_[key] = reason;
  if (!was_held) {
    return std::nullopt;
  }
  return fmt::format("port {} of {} is not held, but goes on leading there: {}", host_text(port),
                     title_of(endpoint.network, endpoint.id), reason);
}

std::vector<std::string> Driver::hold_again() {
  std::vector<std::string> report;
  std::set<EndpointId> troubled;
  for (auto const& [key, reason] : troubles_) {
    troubled.insert(key.first);
  }
  for (auto const& [id, entry] : networks_) {
    for (auto const& [endpoint_id, endpoint] : entry.endpoints) {
      if (troubled.contains(endpoint_id)) {
        hold_ports(entry.network, endpoint, report);
      }
    }
  }
  return report;
}

void Driver::remove_leases(std::vector<std::string>& report) {
  for (PortLease const& lease : std::exchange(leases_to_remove_, {})) {
    if (Result<void> const removed = store_.remove(lease); !removed) {
      report.push_back(removed.error().message);
    }
  }
}

/// What the daemon before this one had still to forget when it ended, it took along.
void Driver::forget_left_over_flows(std::vector<std::string>& report) {
  if (!std::exchange(flows_may_be_left_over_, false)) {
    return;
  }
  LeftOverFlows left_over;
  for (auto const& [id, entry] : networks_) {
    left_over.add(entry.network.request);
    for (auto const& [endpoint_id, endpoint] : entry.endpoints) {
      if (endpoint.joined) {
        left_over.add(endpoint);
      }
      forget_older_flows(endpoint.ports);
    }
  }
  Result<std::size_t> const cut =
      kernel_.cut_flows([&left_over](Flow const& flow) { return left_over.contain(flow); });
  if (!cut) {
    report.push_back(cut.error().message);
  }
}

void Driver::forget_flows(std::vector<std::string>& report) {
  forget_left_over_flows(report);
  std::vector<FlowPattern> const patterns = std::exchange(to_forget_, {});
  if (patterns.empty()) {
    return;
  }
  if (Result<std::size_t> const forgotten = kernel_.forget_flows(patterns); !forgotten) {
    report.push_back(forgotten.error().message);
  }
}

/// The engine may give an address to the next container at once, and an endpoint its ports back.
/// What was to be forgotten goes before the first new connection, which cannot be told from it.
void Driver::forget_flows_before(Endpoint const& next) {
  bool const is_waited_for =
      flows_may_be_left_over_ ||
      std::any_of(to_forget_.begin(), to_forget_.end(), [&next](FlowPattern const& pattern) {
        std::optional<IpAddress> const address = pattern.party ? pattern.party : pattern.end;
        return address && (address == address_of(next, Family::ipv4) ||
                           address == address_of(next, Family::ipv6));
      });
  if (is_waited_for) {
    forget_flows(hold_report_);
  }
}

/// Once the store does not know the subnets any more, the next start could not tell whose they are.
void Driver::forget_flows_while_known(Entry const& gone) {
  for (auto const& [id, endpoint] : gone.endpoints) {
    forget_flows_of(endpoint);
  }
  forget_flows(hold_report_);
}

std::vector<std::string> Driver::settle() {
  std::vector<std::string> report = std::exchange(hold_report_, {});
  forget_flows(report);
  remove_leases(report);
  return report;
}

}  // namespace drawbridge
