#include "store/proxies.h"

#include "store/rows.h"

#include <string>
#include <utility>

namespace drawbridge {
namespace {

Result<void> remove_route(Database& database, ProxyRoute const& route) {
  return database.run(
      "DELETE FROM proxy_routes WHERE network = ?1 AND endpoint = ?2 AND bridge = ?3 AND source = "
      "?4",
      {route.network.value, route.endpoint.value, route.bridge, route.from.to_string()});
}

Result<void> write_route(Database& database, ProxyRoute const& route) {
  return database.run(
      "INSERT OR REPLACE INTO proxy_routes (network, endpoint, bridge, source) "
      "VALUES (?1, ?2, ?3, ?4)",
      {route.network.value, route.endpoint.value, route.bridge, route.from.to_string()});
}

template <class T>
Result<std::set<T>> as_set(Result<std::vector<T>> values) {
  return values ? Result<std::set<T>>(std::set<T>(values->begin(), values->end()))
                : fail(values.error());
}

}  // namespace

Result<std::set<ProxyRoute>> load_proxy_routes(Database& database) {
  return as_set(read_all(database, "SELECT network, endpoint, bridge, source FROM proxy_routes",
                         read_proxy_route));
}

Result<std::set<Membership>> load_made_memberships(Database& database) {
  return as_set(read_all(database, "SELECT network, container FROM memberships", read_membership));
}

Result<void> write_proxy_routes(Database& database, std::set<ProxyRoute> const& before,
                                std::set<ProxyRoute> const& after) {
  Result<void> written;
  for (ProxyRoute const& route : before) {
    if (written && !after.contains(route)) {
      written = remove_route(database, route);
    }
  }
  for (ProxyRoute const& route : after) {
    if (written && !before.contains(route)) {
      written = write_route(database, route);
    }
  }
  return written;
}

}  // namespace drawbridge
