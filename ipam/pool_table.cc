#include "ipam/pool_table.h"

#include "ipam/address_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <utility>

namespace drawbridge {
namespace {

Result<void> check_address_space(std::string const& name) {
  if (name == local_address_space || name == global_address_space) {
    return {};
  }
  return fail(Errc::invalid_argument,
              fmt::format("unknown address space \"{}\": known are {} and {}", name,
                          local_address_space, global_address_space));
}

/// source  the pool that holds the subnet, by whose policy the route counts; nullptr when none does
Error overlap_error(IpPrefix const& subnet, HostRoute const& route, PoolSource const* source) {
  std::string const overlap =
      fmt::format("subnet {} overlaps {}", subnet.to_string(), text_of(route));
  if (route.kind == RouteKind::network) {
    return {Errc::conflict, overlap + ", a network of another driver: choose another --subnet"};
  }
  std::string const policy =
      source == nullptr ? std::string()
                        : fmt::format(" or set \"on_host_route\" of pool \"{}\"", source->name);
  return {Errc::conflict,
          fmt::format("{} of this host: choose another --subnet{}", overlap, policy)};
}

std::string overlap_warning(IpPrefix const& subnet, HostRoute const& route) {
  return fmt::format(
      "subnet {} overlaps {} of this host: what is there can no longer be reached "
      "where the network has the same addresses",
      subnet.to_string(), text_of(route));
}

std::string public_warning(IpPrefix const& subnet) {
  return fmt::format(
      "subnet {} is public address space: hosts on the Internet that own it cannot "
      "be reached from this host any more",
      subnet.to_string());
}

Carving carving_of(CarveStep const& step, IpPrefix const& supply) {
  return {supply, step.length, step.source->on_host_route};
}

}  // namespace

PoolTable::PoolTable(PoolConfig config) : config_(std::move(config)) {}

void PoolTable::configure(PoolConfig config) {
  config_ = std::move(config);
}

Result<PoolGrant> PoolTable::choose(PoolRequest const& request, HostUse const& host) const {
  for (Result<void> const& check :
       {check_address_space(request.address_space), check_options(config_, request)}) {
    if (!check) {
      return fail(check.error());
    }
  }
  Result<Choice> choice = choose_prefix(request, host);
  if (!choice) {
    return fail(choice.error());
  }
  PoolGrant grant;
  grant.pool = {pool_id(request.address_space, choice->prefix, request.sub_pool),
                request.address_space, choice->prefix, request.sub_pool};
  grant.warnings = std::move(choice->warnings);
  if (choice->carving.policy == HostRoutePolicy::warn) {
    for (HostRoute const& route : host.foreign.overlooked_by(choice->carving, choice->prefix)) {
      grant.warnings.push_back(overlap_warning(choice->prefix, route));
    }
  }
  if (is_public(choice->prefix)) {
    grant.warnings.push_back(public_warning(choice->prefix));
  }
  return grant;
}

Result<PoolTable::Choice> PoolTable::choose_prefix(PoolRequest const& request,
                                                   HostUse const& host) const {
  if (!wants_any_subnet(request)) {
    return take_named(request, host);
  }
  if (request.sub_pool) {
    return fail(Errc::invalid_argument,
                fmt::format("range {} needs its subnet: give --subnet with --ip-range",
                            request.sub_pool->to_string()));
  }
  return carve(request, host);
}

Result<PoolTable::Choice> PoolTable::take_named(PoolRequest const& request,
                                                HostUse const& host) const {
  IpPrefix const& subnet = *request.prefix;
  for (Result<void> const& check : {check_subnet(request), check_free(request, host)}) {
    if (!check) {
      return fail(check.error());
    }
  }
  if (keeps_back(subnet)) {
    return fail(
        Errc::invalid_argument,
        fmt::format("subnet {} is public address space, which \"refuse_public\" keeps back: "
                    "choose private space such as {} or change drawbridge.json",
                    subnet.to_string(),
                    subnet.family() == Family::ipv4 ? "10.0.0.0/8" : "fd00::/8"));
  }
  PoolSource const* const source = source_holding(config_, subnet);
  Carving const carving = {subnet, subnet.length,
                           source == nullptr ? HostRoutePolicy::avoid : source->on_host_route};
  std::vector<HostRoute> const routes = host.foreign.in_the_way_of(carving);
  if (!routes.empty()) {
    return fail(overlap_error(subnet, routes.front(), source));
  }
  return Choice{subnet, carving, {}};
}

/// Networks of drawbridge only. Docker releases a subnet before it deletes the network, and a
/// network may have its subnet from another IPAM: so a bridge counts by itself. It does not in the
/// global address space, where a new swarm manager asks for what this host runs already.
Result<void> PoolTable::check_free(PoolRequest const& request, HostUse const& host) const {
  IpPrefix const& subnet = *request.prefix;
  if (auto const other = leased_overlap(request.address_space, subnet)) {
    return fail(Errc::conflict,
                fmt::format("subnet {} overlaps {} of another network: choose another --subnet",
                            subnet.to_string(), other->to_string()));
  }
  auto const bridge = own_overlap(host.own, subnet);
  if (bridge && request.address_space == local_address_space) {
    return fail(Errc::conflict,
                fmt::format("subnet {} overlaps {} of another network of drawbridge, whose bridge "
                            "is there: choose another --subnet",
                            subnet.to_string(), bridge->to_string()));
  }
  return {};
}

Result<PoolTable::Choice> PoolTable::carve(PoolRequest const& request, HostUse const& host) const {
  Result<std::vector<CarveStep>> const order = carve_order(config_, request);
  if (!order) {
    return fail(order.error());
  }
  CarveStep const& wanted = order->front();
  for (CarveStep const& step : *order) {
    std::optional<Choice> choice = next_free(step, host);
    if (!choice) {
      continue;
    }
    if (step.source != wanted.source) {
      choice->warnings.push_back(
          fmt::format("pool \"{}\" is exhausted: subnet {} comes from its overflow \"{}\"",
                      wanted.source->name, choice->prefix.to_string(), step.source->name));
    }
    return *std::move(choice);
  }
  return fail(exhausted(*order, host));
}

std::optional<PoolTable::Choice> PoolTable::next_free(CarveStep const& step,
                                                      HostUse const& host) const {
  for (IpPrefix const& supply : step.supplies) {
    if (keeps_back(supply)) {
      continue;
    }
    Carving const carving = carving_of(step, supply);
    Obstacles obstacles = leased_in(carving, host);
    obstacles.add(host.foreign.avoided_by(carving));
    if (std::optional<IpPrefix> const prefix = obstacles.next_free()) {
      return Choice{*prefix, carving, {}};
    }
  }
  return std::nullopt;
}

/// A global subnet becomes a local one on every node that runs it, so neither space may carve what
/// the other has.
Obstacles PoolTable::leased_in(Carving const& carving, HostUse const& host) const {
  Obstacles obstacles(carving.supply, carving.length, host.own);
  for (auto const& [key, space] : spaces_) {
    if (key.second == carving.supply.family()) {
      obstacles.add(space.taken);
    }
  }
  return obstacles;
}

bool PoolTable::keeps_back(IpPrefix const& prefix) const {
  return config_.refuse_public && is_public(prefix);
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

std::vector<PoolReport> PoolTable::explain(HostUse const& host) const {
  std::vector<PoolReport> reports;
  for (PoolSource const& source : config_.sources) {
    for (Family const family : {Family::ipv4, Family::ipv6}) {
      CarveStep const step = {&source, family, prefixes_of(source, family),
                              carve_length(source, family)};
      if (!step.supplies.empty()) {
        reports.push_back(report(step, host));
      }
    }
  }
  return reports;
}

PoolReport PoolTable::report(CarveStep const& step, HostUse const& host) const {
  PoolReport report;
  report.name = step.source->name;
  report.family = step.family;
  report.prefixes = step.supplies;
  report.length = step.length;
  report.overflow = step.source->overflow;
  report.is_default = step.source->name == config_.default_source;
  for (IpPrefix const& supply : step.supplies) {
    count(carving_of(step, supply), host, report);
  }
  // One route may lie across several prefixes.
  std::sort(report.routes.begin(), report.routes.end());
  report.routes.erase(std::unique(report.routes.begin(), report.routes.end()), report.routes.end());
  if (std::optional<Choice> const choice = next_free(step, host)) {
    report.next = choice->prefix;
  }
  return report;
}

void PoolTable::count(Carving const& carving, HostUse const& host, PoolReport& report) const {
  Obstacles obstacles = leased_in(carving, host);
  AddressBits const leased = obstacles.blocked();
  report.total += obstacles.total();
  report.leased += leased;
  if (keeps_back(carving.supply)) {
    report.kept_back += obstacles.total() - leased;
    return;
  }
  obstacles.add(host.foreign.avoided_by(carving));
  report.on_host_routes += obstacles.blocked() - leased;
  std::vector<HostRoute> const routes = host.foreign.in_the_way_of(carving);
  report.routes.insert(report.routes.end(), routes.begin(), routes.end());
  if (!report.wide) {
    report.wide = host.foreign.overruled_by(carving);
    report.wide_over = report.wide ? std::optional(carving.supply) : std::nullopt;
  }
}

Error PoolTable::exhausted(std::vector<CarveStep> const& order, HostUse const& host) const {
  std::vector<PoolReport> chain;
  std::vector<std::string_view> others = names_of(config_);
  for (CarveStep const& step : order) {
    chain.push_back(report(step, host));
  }
  std::erase_if(others, [&](std::string_view name) {
    bool const was_tried = std::any_of(order.begin(), order.end(), [&](CarveStep const& step) {
      return step.source->name == name;
    });
    return was_tried || prefixes_of(*find_source(config_, name), order.front().family).empty();
  });
  return exhausted_error(chain, others);
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
