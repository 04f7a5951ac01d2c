#include "ipam/address_pool.h"

#include "ipam/address_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <cassert>
#include <string_view>

namespace drawbridge {
namespace {

/// Enough to know the order of releases in a /24 exactly. What is older counts as never used.
constexpr std::size_t remembered_releases = 256;

IntervalSet const nothing_avoided;

}  // namespace

AddressPool::AddressPool(Pool pool) : pool_(std::move(pool)) {}

std::optional<IpAddress> AddressPool::repeated(AddressRequest const& request) const {
  // A pool belongs to one network and a network has one gateway in it, so who asks for it again is
  // the same network, whose first answer was lost.
  std::optional<IpAddress> const& wanted = request.address;
  if (request.kind == AddressKind::gateway && gateway_ && wanted.value_or(*gateway_) == *gateway_) {
    return gateway_;
  }
  // A swarm manager that starts again asks for all that it remembers.
  bool const is_remembered = pool_.address_space == global_address_space && wanted;
  return is_remembered && held(*wanted) ? wanted : std::nullopt;
}

Result<IpAddress> AddressPool::choose(AddressRequest const& request) const {
  if (request.address) {
    return choose_named(*request.address);
  }
  Range const range = request.kind == AddressKind::gateway ? usable() : dynamic();
  std::optional<AddressBits> found = former_address_of(request.owner);
  for (IntervalSet const* const avoided : {&avoided_, &nothing_avoided}) {
    found = found ? found : never_used(range, *avoided);
    found = found ? found : oldest_released(range, *avoided);
  }
  if (!found) {
    return fail(exhausted(range));
  }
  return IpAddress{pool_.prefix.family(), *found};
}

Lease AddressPool::lease_for(AddressRequest const& request, IpAddress const& address) const {
  Lease lease{pool_.id, address, request.kind, request.owner};
  auto const known = records_.find(address.bits);
  bool const was_reserved = known != records_.end() && known->second.reserved;
  bool const is_local = pool_.address_space == local_address_space;
  lease.reserved = request.kind == AddressKind::endpoint &&
                   (was_reserved || (request.address.has_value() && is_local));
  return lease;
}

std::optional<Lease> AddressPool::held(IpAddress const& address) const {
  if (address.family != pool_.prefix.family() || !used_.contains(address.bits)) {
    return std::nullopt;
  }
  Lease lease{pool_.id, address};
  lease.kind = address == gateway_ ? AddressKind::gateway : AddressKind::endpoint;
  auto const known = records_.find(address.bits);
  if (known != records_.end()) {
    lease.owner = known->second.owner;
    lease.reserved = known->second.reserved;
    lease.released_at = known->second.released_at;
  }
  return lease.released_at ? std::nullopt : std::optional(lease);
}

std::vector<Lease> AddressPool::held() const {
  std::vector<Lease> leases;
  leases.reserve(leases_);
  for (Interval const& part : used_.within(pool_.prefix.first().bits, pool_.prefix.last().bits)) {
    for (AddressBits i = 0; i <= part.last - part.first; ++i) {
      if (std::optional<Lease> lease = held({pool_.prefix.family(), part.first + i})) {
        leases.push_back(std::move(*lease));
      }
    }
  }
  return leases;
}

void AddressPool::put(Lease const& lease) {
  forget(lease.address);
  AddressBits const bits = lease.address.bits;
  used_.insert(bits, bits);
  if (lease.kind == AddressKind::gateway) {
    gateway_ = lease.address;
  }
  if (!lease.released_at) {
    ++leases_;
  } else if (!lease.reserved) {
    released_.emplace(*lease.released_at, bits);
  }
  if (lease.released_at && !lease.owner.empty()) {
    former_[lease.owner].emplace(*lease.released_at, bits);
  }
  if (lease.released_at || lease.reserved || !lease.owner.empty()) {
    records_[bits] = {lease.owner, lease.reserved, lease.released_at};
  }
}

void AddressPool::forget(IpAddress const& address) {
  AddressBits const bits = address.bits;
  if (!used_.contains(bits)) {
    return;
  }
  if (gateway_ == address) {
    gateway_.reset();
  }
  Record const known = records_.contains(bits) ? records_.at(bits) : Record{};
  if (known.released_at) {
    forget_release({*known.released_at, bits}, known.owner);
  } else {
    --leases_;
  }
  records_.erase(bits);
  used_.erase(bits, bits);
}

void AddressPool::forget_release(Release const& release, std::string const& owner) {
  released_.erase(release);
  auto const former = former_.find(owner);
  if (former == former_.end()) {
    return;
  }
  former->second.erase(release);
  if (former->second.empty()) {
    former_.erase(former);
  }
}

std::optional<IpAddress> AddressPool::forgettable(WallTime now,
                                                  std::chrono::milliseconds delay) const {
  if (released_.size() <= remembered_releases || released_.begin()->first + delay > now) {
    return std::nullopt;
  }
  return IpAddress{pool_.prefix.family(), released_.begin()->second};
}

WallTime AddressPool::release_time(WallTime now) const {
  return released_.empty() ? now : std::max(now, released_.rbegin()->first);
}

void AddressPool::avoid(std::vector<IpPrefix> const& parts) {
  avoided_.clear();
  for (IpPrefix const& part : parts) {
    avoided_.insert(part.first().bits, part.last().bits);
  }
}

/// RFC 3021 and RFC 6164: a link of two addresses uses both. RFC 4291 2.6.1: the all-zero host of
/// an IPv6 subnet means its routers; the all-one host is an address like any other.
AddressPool::Range AddressPool::usable() const {
  IpPrefix const& prefix = pool_.prefix;
  AddressBits const first = prefix.first().bits;
  AddressBits const last = prefix.last().bits;
  if (prefix.length >= bits_of(prefix.family()) - 1) {
    return {first, last};
  }
  return {first + 1, prefix.family() == Family::ipv4 ? last - 1 : last};
}

AddressPool::Range AddressPool::dynamic() const {
  Range const subnet = usable();
  if (!pool_.sub_pool) {
    return subnet;
  }
  return {std::max(subnet.first, pool_.sub_pool->first().bits),
          std::min(subnet.last, pool_.sub_pool->last().bits)};
}

Result<IpAddress> AddressPool::choose_named(IpAddress const& address) const {
  std::string const subnet = pool_.prefix.to_string();
  if (!pool_.prefix.contains(address)) {
    return fail(Errc::invalid_argument,
                fmt::format("address {} is outside of subnet {}", address.to_string(), subnet));
  }
  Range const range = usable();
  if (address.bits < range.first || address.bits > range.last) {
    std::string_view const role = address.bits < range.first ? "network" : "broadcast";
    return fail(Errc::invalid_argument,
                fmt::format("address {} is the {} address of {}: choose another",
                            address.to_string(), role, subnet));
  }
  if (held(address)) {
    return fail(held_by_another(address));
  }
  return address;
}

Error AddressPool::held_by_another(IpAddress const& address) const {
  std::optional<Lease> const lease = held(address);
  assert(lease);
  std::string const& owner = lease->owner;
  std::string const by = owner.empty() ? "" : " by container " + owner;
  return {Errc::already_exists,
          fmt::format("address {} is already in use in {}{}", address.to_string(),
                      pool_.prefix.to_string(), address == gateway_ ? " as the gateway" : by)};
}

/// returns  the latest of the addresses that `owner` released and nobody has taken since
std::optional<AddressBits> AddressPool::former_address_of(std::string const& owner) const {
  auto const former = former_.find(owner);
  return former == former_.end() ? std::nullopt : std::optional(former->second.rbegin()->second);
}

std::optional<AddressBits> AddressPool::never_used(Range range, IntervalSet const& avoided) const {
  std::optional<AddressBits> free = used_.lowest_free(range.first, range.last);
  while (free && avoided.contains(*free)) {
    std::optional<AddressBits> const end = avoided.end_of_overlap(*free, *free);
    assert(end);
    free = *end < range.last ? used_.lowest_free(*end + 1, range.last) : std::nullopt;
  }
  return free;
}

std::optional<AddressBits> AddressPool::oldest_released(Range range,
                                                        IntervalSet const& avoided) const {
  auto const found = std::find_if(released_.begin(), released_.end(), [&](auto const& entry) {
    AddressBits const bits = entry.second;
    return bits >= range.first && bits <= range.last && !avoided.contains(bits);
  });
  return found == released_.end() ? std::nullopt : std::optional(found->second);
}

Error AddressPool::exhausted(Range range) const {
  auto const kept = std::count_if(records_.begin(), records_.end(), [&](auto const& entry) {
    auto const& [bits, record] = entry;
    return bits >= range.first && bits <= range.last && record.reserved && record.released_at;
  });
  std::string const but =
      kept == 0 ? "" : fmt::format(" ({} kept for containers that had them by --ip)", kept);
  std::string_view const option = pool_.sub_pool ? "--ip-range" : "--subnet";
  return {Errc::exhausted,
          fmt::format("subnet {} has no free address: all {} from {} to {} are in use{}; remove "
                      "containers or make the network again with a larger {}",
                      pool_.prefix.to_string(), range.last - range.first + 1,
                      IpAddress{pool_.prefix.family(), range.first}.to_string(),
                      IpAddress{pool_.prefix.family(), range.last}.to_string(), but, option)};
}

}  // namespace drawbridge
