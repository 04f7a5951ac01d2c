#include "driver/permission_set.h"

#include <algorithm>
#include <utility>
#include <variant>

namespace drawbridge {
namespace {

using Peer = std::variant<NetworkPeer, IpPrefix>;

/// Which addresses a network has is not known here: it covers itself.
bool covers(Peer const& outer, Peer const& inner) {
  auto const* outer_prefix = std::get_if<IpPrefix>(&outer);
  auto const* inner_prefix = std::get_if<IpPrefix>(&inner);
  return outer_prefix != nullptr && inner_prefix != nullptr ? outer_prefix->contains(*inner_prefix)
                                                            : outer == inner;
}

int length_of(Peer const& peer) {
  auto const* prefix = std::get_if<IpPrefix>(&peer);
  return prefix != nullptr ? prefix->length : 0;
}

/// Joins ranges of ports that overlap or touch, of one peer and protocol. Needs them sorted.
std::vector<Permission> with_joined_ports(std::vector<Permission> const& sorted) {
  std::vector<Permission> joined;
  for (Permission const& next : sorted) {
    Permission* const last = joined.empty() ? nullptr : &joined.back();
    if (last != nullptr && last->from == next.from &&
        last->service.protocols == next.service.protocols &&
        next.service.ports.first <= last->service.ports.last + 1) {
      last->service.ports.last = std::max(last->service.ports.last, next.service.ports.last);
    } else {
      joined.push_back(next);
    }
  }
  return joined;
}

template <class Range>
bool meet(Range const& one, Range const& other) {
  return one.first <= other.last && other.first <= one.last;
}

/// returns  what of `range` lies below and above `taken`, which meets it
template <class Range>
std::vector<Range> beside(Range const& range, Range const& taken) {
  std::vector<Range> rest;
  if (range.first < taken.first) {
    rest.push_back({range.first, static_cast<decltype(range.first)>(taken.first - 1)});
  }
  if (taken.last < range.last) {
    rest.push_back({static_cast<decltype(range.first)>(taken.last + 1), range.last});
  }
  return rest;
}

/// Adds what `taken` leaves over of `service`.
void add_rest(std::vector<Service>& rest, Service const& service, Service const& taken) {
  if (!meet(service.protocols, taken.protocols) || !meet(service.ports, taken.ports)) {
    rest.push_back(service);
    return;
  }
  for (ProtocolRange const& protocols : beside(service.protocols, taken.protocols)) {
    rest.push_back({protocols, service.ports});
  }
  ProtocolRange const both{std::max(service.protocols.first, taken.protocols.first),
                           std::min(service.protocols.last, taken.protocols.last)};
  for (PortRange const& ports : beside(service.ports, taken.ports)) {
    rest.push_back({both, ports});
  }
}

/// returns  what of `permission` no entry of `kept` permits already
std::vector<Service> rest_of(Permission const& permission, std::vector<Permission> const& kept) {
  std::vector<Service> rest{permission.service};
  for (Permission const& other : kept) {
    if (!covers(other.from, permission.from)) {
      continue;
    }
    std::vector<Service> less;
    for (Service const& service : rest) {
      add_rest(less, service, other.service);
    }
    rest = std::move(less);
  }
  return rest;
}

}  // namespace

std::vector<Permission> without_overlaps(std::vector<Permission> permissions) {
  std::sort(permissions.begin(), permissions.end());
  std::vector<Permission> wide_first = with_joined_ports(permissions);
  std::stable_sort(wide_first.begin(), wide_first.end(),
                   [](Permission const& one, Permission const& other) {
                     return length_of(one.from) < length_of(other.from);
                   });
  std::vector<Permission> kept;
  for (Permission const& permission : wide_first) {
    for (Service const& service : rest_of(permission, kept)) {
      kept.push_back({permission.from, service});
    }
  }
  std::sort(kept.begin(), kept.end());
  return kept;
}

}  // namespace drawbridge
