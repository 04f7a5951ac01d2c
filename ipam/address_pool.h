// The addresses of one pool: which are taken, and which comes next.
//
// Decides only; the caller stores the answer and then says take(). Cost follows the gaps, not the
// addresses: a full /8 is one interval. Pure.
#pragma once

#include "base/result.h"
#include "ipam/interval_set.h"
#include "model/pool.h"

#include <cstdint>
#include <optional>

namespace drawbridge {

class AddressPool {
 public:
  explicit AddressPool(Pool pool);

  Pool const& pool() const { return pool_; }
  /// returns  how many addresses are taken
  std::uint64_t leases() const { return leases_; }

  /// returns  the address that an equal request was given before, when asking twice must give the
  ///          same answer; nothing when this request wants a new address
  std::optional<IpAddress> repeated(std::optional<IpAddress> preferred, AddressKind kind) const;

  /// Picks `preferred`; else for a gateway the lowest free address of the subnet, for an endpoint
  /// the lowest free one of the range.
  ///
  /// errors  invalid_argument   `preferred` is outside the subnet, or its network or broadcast
  ///         already_exists     `preferred` is taken
  ///         exhausted          every address is taken
  Result<IpAddress> choose(std::optional<IpAddress> preferred, AddressKind kind) const;

  bool holds(IpAddress const& address) const;
  void take(IpAddress const& address, AddressKind kind);
  void give_back(IpAddress const& address);

 private:
  struct Range {
    AddressBits first;
    AddressBits last;
  };

  Range usable() const;
  Range dynamic() const;
  Result<IpAddress> choose_preferred(IpAddress const& preferred) const;
  Error exhausted(Range range) const;

  Pool pool_;
  IntervalSet taken_;
  std::optional<IpAddress> gateway_;
  std::uint64_t leases_ = 0;
};

}  // namespace drawbridge
