#include "netlink/link_snapshot.h"

#include <utility>

namespace drawbridge {

std::string LinkSnapshot::name_at(std::uint32_t index) const {
  auto const found = names.find(index);
  return found == names.end() ? "" : found->second;
}

Result<LinkSnapshot> take_snapshot(RouteSocket& socket) {
  Result<std::vector<Link>> links = socket.links();
  if (!links) {
    return fail(links.error());
  }
  Result<std::vector<LinkAddress>> const addresses = socket.addresses();
  if (!addresses) {
    return fail(addresses.error());
  }
  Result<std::vector<ForwardingEntry>> const entries = socket.static_entries();
  if (!entries) {
    return fail(entries.error());
  }
  LinkSnapshot snapshot;
  for (Link const& link : *links) {
    snapshot.names[link.index] = link.name;
  }
  for (LinkAddress const& entry : *addresses) {
    snapshot.addresses[entry.link].insert(entry.address);
  }
  for (ForwardingEntry const& entry : *entries) {
    snapshot.static_macs[entry.port].insert(entry.mac);
  }
  snapshot.links = std::move(*links);
  return snapshot;
}

}  // namespace drawbridge
