// What a RequestPool may ask for, decided before anything is looked up: the pool source and length
// that its options name, and whether a subnet can carry a network at all. Pure.
#pragma once

#include "base/result.h"
#include "model/pool.h"

#include <string>
#include <vector>

namespace drawbridge {

/// Where to carve a subnet from, in this order, and how long a prefix.
struct CarveOrder {
  std::string source;
  std::vector<IpPrefix> supplies;
  int length = 0;
};

/// Checks the keys of `--ipam-opt` and the pool that they name. Docker sends the same options for
/// every subnet of a network, so this is all that holds for a subnet the user chose.
///
/// errors  invalid_argument   unknown option or pool name; the text has the nearest known one
Result<void> check_options(PoolConfig const& config, PoolRequest const& request);

/// Reads pool=NAME and prefix=N of options that check_options() accepts.
///
/// errors  invalid_argument   a length that no prefix of the pool can be cut into
///         unsupported        an IPv6 subnet of our choice from a pool without IPv6 prefixes
Result<CarveOrder> carve_order(PoolConfig const& config, PoolRequest const& request);

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
