// The networks that Docker listed last: rows of one table. Internal to store/.
#pragma once

#include "base/result.h"
#include "model/network.h"
#include "store/sqlite.h"

#include <vector>

namespace drawbridge {

/// returns  in the order of their ids
/// errors   store   a row is damaged
Result<std::vector<KnownNetwork>> load_known_networks(Database& database);

Result<void> write_known_network(Database& database, KnownNetwork const& network);

/// Writes what `after` has and `before`, the content of the file, has not, and removes the reverse.
/// Both are in the order of their ids. A transaction is open.
Result<void> write_known_networks(Database& database, std::vector<KnownNetwork> const& before,
                                  std::vector<KnownNetwork> const& after);

bool has_lower_id(KnownNetwork const& a, KnownNetwork const& b);

}  // namespace drawbridge
