#include "ipam/address_pool.h"

#include "ipam/address_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace drawbridge {

AddressPool::AddressPool(Pool pool) : pool_(std::move(pool)) {}

std::optional<IpAddress> AddressPool::repeated(std::optional<IpAddress> preferred,
                                               AddressKind kind) const {
  // A pool belongs to one network and a network has one gateway in it, so who asks for it again is
  // the same network, whose first answer was lost.
  if (kind == AddressKind::gateway && gateway_ && preferred.value_or(*gateway_) == *gateway_) {
    return gateway_;
  }
  // A swarm manager that starts again asks for all that it remembers.
  bool const is_remembered = pool_.address_space == global_address_space && preferred;
  return is_remembered && holds(*preferred) ? preferred : std::nullopt;
}

Result<IpAddress> AddressPool::choose(std::optional<IpAddress> preferred, AddressKind kind) const {
  if (preferred) {
    return choose_preferred(*preferred);
  }
  Range const range = kind == AddressKind::gateway ? usable() : dynamic();
  std::optional<AddressBits> const free = taken_.lowest_free(range.first, range.last);
  if (!free) {
    return fail(exhausted(range));
  }
  return IpAddress{pool_.prefix.family(), *free};
}

bool AddressPool::holds(IpAddress const& address) const {
  return address.family == pool_.prefix.family() && taken_.contains(address.bits);
}

void AddressPool::take(IpAddress const& address, AddressKind kind) {
  taken_.insert(address.bits, address.bits);
  ++leases_;
  if (kind == AddressKind::gateway) {
    gateway_ = address;
  }
}

void AddressPool::give_back(IpAddress const& address) {
  taken_.erase(address.bits, address.bits);
  --leases_;
  if (gateway_ == address) {
    gateway_.reset();
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

Result<IpAddress> AddressPool::choose_preferred(IpAddress const& preferred) const {
  std::string const subnet = pool_.prefix.to_string();
  if (!pool_.prefix.contains(preferred)) {
    return fail(Errc::invalid_argument,
                fmt::format("address {} is outside of subnet {}", preferred.to_string(), subnet));
  }
  Range const range = usable();
  if (preferred.bits < range.first || preferred.bits > range.last) {
    std::string_view const role = preferred.bits < range.first ? "network" : "broadcast";
    return fail(Errc::invalid_argument,
                fmt::format("address {} is the {} address of {}: choose another",
                            preferred.to_string(), role, subnet));
  }
  if (taken_.contains(preferred.bits)) {
    return fail(Errc::already_exists,
                fmt::format("address {} is already in use in {}{}", preferred.to_string(), subnet,
                            preferred == gateway_ ? " as the gateway" : ""));
  }
  return preferred;
}

Error AddressPool::exhausted(Range range) const {
  std::string_view const option = pool_.sub_pool ? "--ip-range" : "--subnet";
  return {Errc::exhausted,
          fmt::format("subnet {} has no free address: all {} from {} to {} are in use; remove "
                      "containers or make the network again with a larger {}",
                      pool_.prefix.to_string(), range.last - range.first + 1,
                      IpAddress{pool_.prefix.family(), range.first}.to_string(),
                      IpAddress{pool_.prefix.family(), range.last}.to_string(), option)};
}

}  // namespace drawbridge
