// Ports of containers that are gone although nobody said so: an engine that was killed, or could
// not reach us, forgets them without a word. What shows it is the veth pair, which goes with its
// sandbox, and an address that the engine gives to another container.
//
// source: docs/PROTOCOL.md "Network driver"
#include "driver/driver.h"
#include "driver/names.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace drawbridge {

/// returns  none where the kernel does not tell
std::vector<Endpoint> Driver::published_without_pair() {
  std::vector<Endpoint> published;
  std::set<std::string> links;
  for (auto const& [id, entry] : networks_) {
    for (auto const& [endpoint_id, endpoint] : entry.endpoints) {
      if (!endpoint.ports.empty()) {
        published.push_back(endpoint);
        links.insert(host_end_name(endpoint_id));
      }
    }
  }
  if (links.empty()) {
    return {};
  }
  Result<KernelState> const observed = kernel_.observe(links);
  if (!observed) {
    return {};
  }
  std::erase_if(published, [&observed](Endpoint const& endpoint) {
    return observed->veths.contains(host_end_name(endpoint.id));
  });
  return published;
}

/// Before an endpoint is deleted, the engine brings the container's end back to this namespace.
bool Driver::is_inhabited(NetworkId const& network) const {
  auto const entry = networks_.find(network);
  if (entry == networks_.end()) {
    return false;
  }
  std::set<std::string> links;
  for (auto const& [id, endpoint] : entry->second.endpoints) {
    links.insert({host_end_name(id), container_end_name(id)});
  }
  Result<KernelState> const observed = kernel_.observe(links);
  return !observed ||
         std::any_of(entry->second.endpoints.begin(), entry->second.endpoints.end(),
                     [&observed](auto const& each) {
                       return observed->veths.contains(host_end_name(each.first)) &&
                              !observed->foreign.contains(container_end_name(each.first));
                     });
}

std::string Driver::say_freed(Endpoint const& gone, Result<void> const& freed) const {
  return freed ? fmt::format("ports of {} are free: it is gone, which nobody said",
                             title_of(gone.network, gone.id))
               : freed.error().message;
}

/// returns  true where there are more free ports now
bool Driver::free_ports_of_gone() {
  bool has_freed = false;
  for (Endpoint const& gone : published_without_pair()) {
    Result<void> const freed = unpublish(gone.network, gone.id);
    hold_report_.push_back(say_freed(gone, freed));
    has_freed = has_freed || freed;
  }
  return has_freed;
}

/// At start, before anything is held: what the kernel has of them goes with the rest.
void Driver::drop_ports_of_gone(std::vector<std::string>& report) {
  for (Endpoint const& gone : published_without_pair()) {
    Endpoint& endpoint = *find(gone.network, gone.id);
    release_ports(gone);
    endpoint.ports.clear();
    report.push_back(say_freed(gone, store_.save(endpoint)));
  }
}

/// The engine gives an address to one container at a time: ports must not lead to the next one.
void Driver::free_ports_at(Entry& entry, Endpoint const& next) {
  auto const has_address_of_next = [&next](Endpoint const& other) {
    return (next.ipv4 && other.ipv4 && other.ipv4->address == next.ipv4->address) ||
           (next.ipv6 && other.ipv6 && other.ipv6->address == next.ipv6->address);
  };
  for (auto const& [id, other] : entry.endpoints) {
    if (id != next.id && !other.ports.empty() && has_address_of_next(other)) {
      hold_report_.push_back(say_freed(other, unpublish(other.network, other.id)));
    }
  }
}

}  // namespace drawbridge
