// What proxies and attachments brought about: ways into networks, and memberships. Internal to
// store/.
#pragma once

#include "base/result.h"
#include "model/proxy_route.h"
#include "store/sqlite.h"

#include <set>

namespace drawbridge {

/// errors of both  store   a row is damaged
Result<std::set<ProxyRoute>> load_proxy_routes(Database& database);
Result<std::set<Membership>> load_made_memberships(Database& database);

/// Writes what `after` has and `before`, the content of the file, has not, and removes the reverse.
/// A transaction is open.
Result<void> write_proxy_routes(Database& database, std::set<ProxyRoute> const& before,
                                std::set<ProxyRoute> const& after);

}  // namespace drawbridge
