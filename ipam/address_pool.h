// The addresses of one pool: which are held, which were, and which comes next.
//
// Decides only; the caller stores the answer and then says put(). Cost follows what is used, not
// the size of the subnet: a full /8 is one interval. Pure. Why this order: docs/adr/0017.
#pragma once

#include "base/result.h"
#include "ipam/interval_set.h"
#include "model/pool.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {

class AddressPool {
 public:
  explicit AddressPool(Pool pool);

  Pool const& pool() const { return pool_; }
  /// returns  how many addresses are held
  std::uint64_t leases() const { return leases_; }

  /// returns  the address that an equal request was given before, when asking twice must give the
  ///          same answer; nothing when this request wants a new address
  std::optional<IpAddress> repeated(AddressRequest const& request) const;

  /// Picks the address that the request names. Else, of the subnet for a gateway and of the range
  /// for an endpoint: the one its owner had; the lowest that was never used; the one that was
  /// released the longest ago. Parts that avoid() names come last.
  ///
  /// errors  invalid_argument   outside the subnet, or its network or broadcast address
  ///         already_exists     held; the text says by whom, where that is known
  ///         exhausted          every address is held or reserved
  Result<IpAddress> choose(AddressRequest const& request) const;

  /// returns  the lease to store and to put() for what choose() picked
  Lease lease_for(AddressRequest const& request, IpAddress const& address) const;

  /// returns  the lease of an address that somebody holds
  std::optional<Lease> held(IpAddress const& address) const;
  /// returns  those of all addresses that somebody holds, the lowest first
  std::vector<Lease> held() const;

  /// Takes a lease in, held or released, in place of what was known of its address.
  void put(Lease const& lease);
  /// Makes an address as if it had never been used.
  void forget(IpAddress const& address);

  /// returns  the address released the longest ago, when more are remembered than the order needs
  ///          and `delay` has passed since
  std::optional<IpAddress> forgettable(WallTime now, std::chrono::milliseconds delay) const;

  /// returns  `now`, or the latest release when the clock was set back: releases keep their order
  WallTime release_time(WallTime now) const;

  /// Hands out addresses inside of these only when no other is left.
  void avoid(std::vector<IpPrefix> const& parts);

 private:
  using Release = std::pair<WallTime, AddressBits>;
  struct Range {
    AddressBits first;
    AddressBits last;
  };
  /// What is known of an address besides that it is not free.
  struct Record {
    std::string owner;
    bool reserved = false;
    std::optional<WallTime> released_at;
  };

  Range usable() const;
  Range dynamic() const;
  Result<IpAddress> choose_named(IpAddress const& address) const;
  Error held_by_another(IpAddress const& address) const;
  std::optional<AddressBits> former_address_of(std::string const& owner) const;
  std::optional<AddressBits> never_used(Range range, IntervalSet const& avoided) const;
  std::optional<AddressBits> oldest_released(Range range, IntervalSet const& avoided) const;
  void forget_release(Release const& release, std::string const& owner);
  Error exhausted(Range range) const;

  Pool pool_;
  IntervalSet used_;                                 // held, reserved, or released and remembered
  std::map<AddressBits, Record> records_;            // what `used_` does not say
  std::set<Release> released_;                       // and not reserved
  std::map<std::string, std::set<Release>> former_;  // by owner
  IntervalSet avoided_;
  std::optional<IpAddress> gateway_;
  std::uint64_t leases_ = 0;
};

}  // namespace drawbridge
