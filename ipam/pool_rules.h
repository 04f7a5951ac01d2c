// What a RequestPool may ask for, decided before anything is looked up: the pool source and length
// that its options name, and whether a subnet can carry a network at all. Pure.
#pragma once

#include "base/result.h"
#include "ipam/pool_config.h"
#include "model/pool.h"

#include <string>
#include <vector>

namespace drawbridge {

/// What one pool has to carve a subnet from, in this order, and how long a prefix.
struct CarveStep {
  PoolSource const* source;  // of the configuration
  Family family;
  std::vector<IpPrefix> supplies;
  int length;
};

/// Checks `--ipam-opt`: the keys, the length, and the pool that they name. Docker sends the same
/// options for every subnet of a network, so this is all that holds for a subnet the user chose.
///
/// errors  invalid_argument   unknown option or pool name; the text has the nearest known one; a
///                            length that subnets of neither family can have
Result<void> check_options(PoolConfig const& config, PoolRequest const& request);

/// Follows pool=NAME, or the default pool, through its overflows, each with a length of its own
/// unless prefix=N names one: a length of IPv6 says nothing of IPv4 and the other way round. Where
/// none of these has IPv6 prefixes, the pool `ula` has.
///
/// request  with options that check_options() accepts
/// returns  at least one step; none without supplies
/// errors   invalid_argument   a length that no prefix of the pools can be cut into; no IPv4 prefix
///          unsupported        an IPv6 subnet of our choice, without a pool that has any
Result<std::vector<CarveStep>> carve_order(PoolConfig const& config, PoolRequest const& request);

/// returns  whether the choice of the subnet is ours: none given, or 0.0.0.0/N, by which Docker 29
///          asks for any subnet of that length
bool wants_any_subnet(PoolRequest const& request);

/// errors  invalid_argument   the subnet has host bits, an impossible length, the wrong family, or
///                            lies where no network can; the range is outside of it
Result<void> check_subnet(PoolRequest const& request);

/// returns  `ADDRESS SPACE/SUBNET`, and `/RANGE` when there is one: what Docker keeps and sends
PoolId pool_id(std::string const& address_space, IpPrefix const& prefix,
               std::optional<IpPrefix> const& sub_pool);

}  // namespace drawbridge
