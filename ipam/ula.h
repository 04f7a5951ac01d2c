// The IPv6 prefix that this host's networks get their subnets from when nobody names one.
// source: RFC 4193 3.2, locally assigned global ids
#pragma once

#include "base/result.h"
#include "store/store.h"

#include <cstdint>

namespace drawbridge {

/// returns  the /48 below fd00::/8 whose global id are the low 40 bits of `random`
IpPrefix ula_prefix(std::uint64_t random);

/// returns  the prefix that the store keeps; at the first start the one of `random`, kept from then
///          on
/// errors   store   not readable, or not written
Result<IpPrefix> fixed_ula_prefix(Store& store, std::uint64_t random);

}  // namespace drawbridge
