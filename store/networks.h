// Networks with their options and subnets: rows of three tables. Internal to store/.
#pragma once

#include "base/result.h"
#include "model/network.h"
#include "store/sqlite.h"

#include <vector>

namespace drawbridge {

/// returns  in the order of their ids
/// errors   store   a row is damaged, or belongs to no network
Result<std::vector<NetworkRequest>> load_networks(Database& database);

/// Writes the network in place of one of the same id, whose endpoints stay. A transaction is open.
Result<void> write_network(Database& database, NetworkRequest const& network);

}  // namespace drawbridge
