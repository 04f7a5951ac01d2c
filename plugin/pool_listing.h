// How full the pools are, and who has what of them: JSON of GET /pools on the control socket. Pure.
// docs/operations.md names the members.
#pragma once

#include "base/result.h"
#include "ipam/ipam.h"
#include "ipam/pool_report.h"
#include "plugin/network_listing.h"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// A subnet that is leased.
struct LeasedSubnet {
  PoolId id;
  IpPrefix prefix;
  std::string pool;   // the one it lies in; empty: none of those that are configured
  NetworkId network;  // that has it; empty: none yet, or none any more
  std::string network_name;
  std::uint64_t addresses = 0;  // in use

  bool operator==(LeasedSubnet const&) const = default;
};

struct PoolListing {
  std::vector<PoolReport> pools;     // one for each family of a pool
  std::vector<LeasedSubnet> leased;  // by address

  bool operator==(PoolListing const&) const = default;
};

/// Puts together what the IPAM and the driver know.
PoolListing list_pools(std::vector<PoolReport> pools, std::vector<Ipam::Usage> const& usage,
                       std::vector<ListedNetwork> const& networks);

/// returns  JSON: an object
std::string encode_pools(PoolListing const& listing);

/// errors  malformed   not what encode_pools() makes; the text says what is wrong
Result<PoolListing> decode_pools(std::string_view body);

}  // namespace drawbridge
