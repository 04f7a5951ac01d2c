#include "store/ports.h"

#include "store/rows.h"

#include <map>
#include <string>

namespace drawbridge {

Result<void> load_ports(Database& database, std::vector<Endpoint>& endpoints) {
  std::map<std::string_view, Endpoint*> by_id;
  for (Endpoint& endpoint : endpoints) {
    by_id[endpoint.id.value] = &endpoint;
  }
  return database.each(
      "SELECT endpoint, protocol, host, host_first, host_last, container_port "
      "FROM endpoint_ports ORDER BY endpoint, position",
      {}, [&](Row const& row) -> Result<void> {
        auto const owner = by_id.find(row.text(0));
        if (owner == by_id.end()) {
          return fail(Errc::store, "damaged row: it belongs to unknown endpoint " + row.text(0));
        }
        Result<PublishedPort> const port = read_published_port(row);
        if (!port) {
          return fail(port.error());
        }
        owner->second->ports.push_back(*port);
        return {};
      });
}

Result<void> write_ports(Database& database, Endpoint const& endpoint) {
  Result<void> written =
      database.run("DELETE FROM endpoint_ports WHERE endpoint = ?1", {endpoint.id.value});
  for (std::size_t i = 0; written && i < endpoint.ports.size(); ++i) {
    PublishedPort const& port = endpoint.ports[i];
    std::string host;
    written = database.run(
        "INSERT INTO endpoint_ports (endpoint, position, protocol, host, host_first, host_last, "
        "container_port) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        {endpoint.id.value, static_cast<std::int64_t>(i), std::int64_t{port.protocol},
         value_or_null(port.host, host), std::int64_t{port.host_ports.first},
         std::int64_t{port.host_ports.last}, std::int64_t{port.container_port}});
  }
  return written;
}

}  // namespace drawbridge
