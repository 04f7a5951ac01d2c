// Rows of the tables as the values that they hold. Internal to store/.
//
// What the file holds was checked when it was written: text that does not parse means damage.
#pragma once

#include "model/network.h"
#include "model/pool.h"
#include "model/proxy_route.h"
#include "store/sqlite.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace drawbridge {

std::string_view text_of(AddressKind kind);
/// returns  the prefixes with a blank between each two
std::string text_of(std::vector<IpPrefix> const& subnets);

// Columns in this order:
//   prefix          prefix
//   pool            id, address_space, prefix, sub_pool
//   lease           pool, address, kind, owner, reserved, released_at
//   network         id, internal, default_mtu_bytes; without options and subnets
//   subnet          network, prefix, gateway
//   endpoint        id, network, ipv4, ipv6, mac, joined, the marks: container, project, is_hub;
//                   is_default_route; without ports
//   known network   id, name, bridge, subnets
//   published port  endpoint, protocol, host, host_first, host_last, container_port
//   port lease      network, container, host_port
//   proxy route     network, endpoint, bridge, source
//   membership      network, container
//
// errors of all  store   the row is damaged
Result<IpPrefix> read_prefix(Row const& row);
Result<Pool> read_pool(Row const& row);
Result<Lease> read_lease(Row const& row);
Result<NetworkRequest> read_network(Row const& row);
Result<Subnet> read_subnet(Row const& row);
Result<Endpoint> read_endpoint(Row const& row);
Result<KnownNetwork> read_known_network(Row const& row);
Result<PublishedPort> read_published_port(Row const& row);
Result<PortLease> read_port_lease(Row const& row);
Result<ProxyRoute> read_proxy_route(Row const& row);
Result<Membership> read_membership(Row const& row);

/// An absent value is a null column. `text` keeps the printed value while it is bound.
template <class T>
SqlValue value_or_null(std::optional<T> const& value, std::string& text) {
  if (!value) {
    return std::monostate{};
  }
  text = value->to_string();
  return std::string_view(text);
}

/// returns  the rows of a query, each as `read` reads it
template <class T>
Result<std::vector<T>> read_all(Database& database, std::string_view sql,
                                Result<T> (*read)(Row const&)) {
  std::vector<T> values;
  Result<void> const visited = database.each(sql, {}, [&](Row const& row) -> Result<void> {
    Result<T> value = read(row);
    if (!value) {
      return fail(value.error());
    }
    values.push_back(std::move(*value));
    return {};
  });
  return visited ? Result<std::vector<T>>(std::move(values)) : fail(visited.error());
}

}  // namespace drawbridge
