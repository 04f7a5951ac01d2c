// The published ports of endpoints: rows of their own, read and written with their endpoint.
// Internal to store/.
#pragma once

#include "base/result.h"
#include "model/network.h"
#include "store/sqlite.h"

#include <vector>

namespace drawbridge {

/// Fills in the ports of all endpoints.
///
/// endpoints  all that the file has
/// errors     store   a row is damaged, or belongs to none of them
Result<void> load_ports(Database& database, std::vector<Endpoint>& endpoints);

/// Writes the ports of an endpoint in place of those that it has in the file. A transaction is
/// open.
Result<void> write_ports(Database& database, Endpoint const& endpoint);

}  // namespace drawbridge
