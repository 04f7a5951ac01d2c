#include "ipam/pool_table.h"

#include "ipam/address_space.h"

#include <fmt/format.h>

#include <iterator>
#include <vector>

namespace drawbridge {
namespace {

/// returns  the end of the first set's interval that overlaps first..last
std::optional<AddressBits> end_of_overlap(std::vector<IntervalSet const*> const& sets,
                                          AddressBits first, AddressBits last) {
  for (IntervalSet const* const set : sets) {
    if (std::optional<AddressBits> const end = set->end_of_overlap(first, last)) {
      return end;
    }
  }
  return std::nullopt;
}

/// Steps from `first` in chunks of `size`, over everything in `blocked`.
///
/// returns  the first address of the lowest free chunk that begins at or before `last_start`
std::optional<AddressBits> lowest_free_chunk(std::vector<IntervalSet const*> const& blocked,
                                             AddressBits first, AddressBits last_start,
                                             AddressBits size) {
  AddressBits start = first;
  while (start <= last_start) {
    std::optional<AddressBits> const end = end_of_overlap(blocked, start, start + (size - 1));
    if (!end) {
      return start;
    }
    AddressBits const chunks = *end < start ? 1 : (*end - start) / size + 1;
    // The next start may lie beyond the highest address there is.
    if (chunks > (last_start - start) / size) {
      return std::nullopt;
    }
    start += chunks * size;
  }
  return std::nullopt;
}

Result<void> check_address_space(std::string const& name) {
  if (name == local_address_space || name == global_address_space) {
    return {};
  }
  return fail(Errc::invalid_argument,
              fmt::format("unknown address space \"{}\": known are {} and {}", name,
                          local_address_space, global_address_space));
}

Error overlap_error(IpPrefix const& subnet, HostRoute const& route) {
  std::string_view const how = route.kind == RouteKind::routed ? "routed through" : "on";
  return {Errc::conflict,
          fmt::format("subnet {} overlaps {} {} interface {} of this host: choose another --subnet",
                      subnet.to_string(), route.prefix.to_string(), how, route.interface)};
}

}  // namespace

PoolTable::PoolTable(PoolConfig config) : config_(std::move(config)) {}

Result<PoolGrant> PoolTable::choose(PoolRequest const& request, HostSpace& routes) const {
  for (Result<void> const& check :
       {check_address_space(request.address_space), check_options(config_, request)}) {
    if (!check) {
      return fail(check.error());
    }
  }
  Result<IpPrefix> const prefix = choose_prefix(request, routes);
  if (!prefix) {
    return fail(prefix.error());
  }
  PoolGrant grant;
  grant.pool = {pool_id(request.address_space, *prefix, request.sub_pool), request.address_space,
                *prefix, request.sub_pool};
  if (is_public(*prefix)) {
    grant.warnings.push_back(
        fmt::format("{} is public address space: hosts on the Internet that own it cannot be "
                    "reached from this host any more",
                    prefix->to_string()));
  }
  return grant;
}

Result<IpPrefix> PoolTable::choose_prefix(PoolRequest const& request, HostSpace& routes) const {
  if (!wants_any_subnet(request)) {
    return take_named(request, routes);
  }
  if (request.sub_pool) {
    return fail(Errc::invalid_argument,
                fmt::format("range {} needs its subnet: give --subnet with --ip-range",
                            request.sub_pool->to_string()));
  }
  return carve(request, routes);
}

Result<IpPrefix> PoolTable::take_named(PoolRequest const& request, HostSpace const& routes) const {
  IpPrefix const& subnet = *request.prefix;
  if (Result<void> const good = check_subnet(request); !good) {
    return fail(good.error());
  }
  if (auto const other = leased_overlap(request.address_space, subnet)) {
    return fail(Errc::conflict,
                fmt::format("subnet {} overlaps {} of another network: choose another --subnet",
                            subnet.to_string(), other->to_string()));
  }
  if (auto const route = routes.conflict_with(subnet)) {
    return fail(overlap_error(subnet, *route));
  }
  return subnet;
}

Result<IpPrefix> PoolTable::carve(PoolRequest const& request, HostSpace& routes) const {
  Result<CarveOrder> const order = carve_order(config_, request);
  if (!order) {
    return fail(order.error());
  }
  for (IpPrefix const& supply : order->supplies) {
    if (auto const prefix = next_free(supply, order->length, routes)) {
      return *prefix;
    }
  }
  return fail(exhausted(*order));
}

/// The first chunk comes last: people read 10.249.1.0/24 as the first network.
std::optional<IpPrefix> PoolTable::next_free(IpPrefix const& supply, int length,
                                             HostSpace& routes) const {
  // A global subnet becomes a local one on every node that runs it, so neither space may carve
  // what the other has.
  std::vector<IntervalSet const*> blocked = {&routes.avoided_in(supply, length)};
  for (auto const& [key, space] : spaces_) {
    if (key.second == supply.family()) {
      blocked.push_back(&space.taken);
    }
  }
  AddressBits const size = AddressBits{1} << (bits_of(supply.family()) - length);
  AddressBits const first = supply.first().bits;
  AddressBits const last_start = supply.last().bits - (size - 1);
  std::optional<AddressBits> start;
  if (first < last_start) {
    start = lowest_free_chunk(blocked, first + size, last_start, size);
  }
  if (!start) {
    start = lowest_free_chunk(blocked, first, first, size);
  }
  return start ? std::optional(IpPrefix{{supply.family(), *start}, length}) : std::nullopt;
}

std::optional<IpPrefix> PoolTable::leased_overlap(std::string const& address_space,
                                                  IpPrefix const& prefix) const {
  auto const space = spaces_.find({address_space, prefix.family()});
  if (space == spaces_.end()) {
    return std::nullopt;
  }
  auto const& leased = space->second.leased;
  auto const after = leased.upper_bound(prefix.last().bits);
  if (after == leased.begin() || !std::prev(after)->second.overlaps(prefix)) {
    return std::nullopt;
  }
  return std::prev(after)->second;
}

Error PoolTable::exhausted(CarveOrder const& order) const {
  AddressBits count = 0;
  std::vector<std::string> supplies;
  for (IpPrefix const& supply : order.supplies) {
    count += AddressBits{1} << (order.length - supply.length);
    supplies.push_back(supply.to_string());
  }
  return {Errc::exhausted,
          fmt::format("pool \"{}\" is exhausted: {} of {} /{} subnets of {} are in use or overlap "
                      "host routes; remove unused networks or name another pool with --ipam-opt "
                      "pool=",
                      order.source, count, count, order.length, fmt::join(supplies, ", "))};
}

void PoolTable::add(Pool const& pool) {
  Space& space = spaces_[{pool.address_space, pool.prefix.family()}];
  space.leased.emplace(pool.prefix.first().bits, pool.prefix);
  space.taken.insert(pool.prefix.first().bits, pool.prefix.last().bits);
}

void PoolTable::remove(Pool const& pool) {
  Space& space = spaces_[{pool.address_space, pool.prefix.family()}];
  space.leased.erase(pool.prefix.first().bits);
  space.taken.erase(pool.prefix.first().bits, pool.prefix.last().bits);
}

}  // namespace drawbridge
