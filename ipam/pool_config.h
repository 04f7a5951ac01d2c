// Which pools there are: those that serve without a configuration, and what must hold for those of
// one. Pure.
//
// Errors begin with `pool "NAME": ` and then quote the key or value that is wrong, by which
// plugin/config.cc finds the line.
#pragma once

#include "base/result.h"
#include "model/pool.h"

#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// The pool for `--ipv6` without a subnet, where the chosen pool has no IPv6 prefix.
inline constexpr std::string_view ula_pool = "ula";

/// The lengths that a subnet can have. A network needs a gateway and a container, so /32 and /128
/// are none. source: SPEC.md "IPAM"
struct SubnetLengths {
  int shortest;
  int longest;

  bool contains(int length) const { return shortest <= length && length <= longest; }
};
constexpr SubnetLengths subnet_lengths(Family family) {
  return family == Family::ipv4 ? SubnetLengths{8, 31} : SubnetLengths{48, 127};
}

/// returns  "IPv4" or "IPv6"
std::string_view name_of(Family family);

/// returns  the pools that serve without any configuration: pods, the default, and services
PoolConfig default_pool_config();

/// returns  the configuration with the pool `ula`, /64 from `prefix`, unless it names one itself
PoolConfig with_ula_pool(PoolConfig config, IpPrefix const& prefix);

/// returns  the pool of that name; nullptr when there is none
PoolSource const* find_source(PoolConfig const& config, std::string_view name);

/// returns  the pool whose prefix holds `subnet`; nullptr when none does
PoolSource const* source_holding(PoolConfig const& config, IpPrefix const& subnet);

/// returns  the pool's prefixes of this family
std::vector<IpPrefix> prefixes_of(PoolSource const& source, Family family);

int carve_length(PoolSource const& source, Family family);

/// returns  the names of all pools
std::vector<std::string_view> names_of(PoolConfig const& config);

/// errors  invalid_argument   a name with other than letters, digits, "-", "_" and "."; no
///                            prefixes; one that is no subnet, or that the length does not fit
Result<void> check_source(PoolSource const& source);

/// errors  invalid_argument   an overflow that is not there or leads back to itself; prefixes that
///                            overlap, in one pool or in two
Result<void> check_sources(PoolConfig const& config);

/// Refuses space where no container network can be, by the IANA special-purpose address registries.
///
/// errors  invalid_argument   the text names `prefix` and the space that it meets
Result<void> check_space(IpPrefix const& prefix);

}  // namespace drawbridge
