// The texts of `drawbridge pools` and `drawbridge pools explain`. Pure.
#pragma once

#include "base/result.h"
#include "plugin/pool_listing.h"

#include <string>
#include <vector>

namespace drawbridge {

/// returns  a line of titles and one for each family of a pool, in the order of the configuration
std::string pool_table(std::vector<PoolReport> const& pools);

/// returns  for each family of a pool what comes next, what is free, and who has the rest; at the
///          end the subnets that lie in no pool
std::string explain_pools(PoolListing const& listing);

/// returns  only what is of this pool
/// errors   not_found   there is none of that name; the text has the nearest one
Result<PoolListing> only_pool(PoolListing const& listing, std::string const& name);

}  // namespace drawbridge
