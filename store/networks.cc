#include "store/networks.h"

#include "store/rows.h"

#include <map>
#include <string>

namespace drawbridge {
namespace {

using NetworksById = std::map<std::string, NetworkRequest*>;

/// Only a hand without foreign keys switched on can make a row without its network.
Result<NetworkRequest*> owner_of(Row const& row, NetworksById const& networks) {
  auto const found = networks.find(row.text(0));
  if (found == networks.end()) {
    return fail(Errc::store, "damaged row: it belongs to unknown network " + row.text(0));
  }
  return found->second;
}

Result<void> load_options(Database& database, NetworksById const& networks) {
  return database.each("SELECT network, key, value FROM network_options", {},
                       [&](Row const& row) -> Result<void> {
                         Result<NetworkRequest*> const network = owner_of(row, networks);
                         if (!network) {
                           return fail(network.error());
                         }
                         (*network)->options[row.text(1)] = row.text(2);
                         return {};
                       });
}

Result<void> load_subnets(Database& database, NetworksById const& networks) {
  return database.each(
      "SELECT network, prefix, gateway FROM network_subnets ORDER BY network, position", {},
      [&](Row const& row) -> Result<void> {
        Result<NetworkRequest*> const network = owner_of(row, networks);
        if (!network) {
          return fail(network.error());
        }
        Result<Subnet> const subnet = read_subnet(row);
        if (!subnet) {
          return fail(subnet.error());
        }
        (*network)->subnets.push_back(*subnet);
        return {};
      });
}

Result<void> write_options(Database& database, NetworkRequest const& network) {
  Result<void> written =
      database.run("DELETE FROM network_options WHERE network = ?1", {network.id.value});
  for (auto option = network.options.begin(); written && option != network.options.end();
       ++option) {
    written = database.run("INSERT INTO network_options (network, key, value) VALUES (?1, ?2, ?3)",
                           {network.id.value, option->first, option->second});
  }
  return written;
}

Result<void> write_subnets(Database& database, NetworkRequest const& network) {
  Result<void> written =
      database.run("DELETE FROM network_subnets WHERE network = ?1", {network.id.value});
  for (std::size_t i = 0; written && i < network.subnets.size(); ++i) {
    Subnet const& subnet = network.subnets[i];
    std::string gateway;
    written = database.run(
        "INSERT INTO network_subnets (network, position, prefix, gateway) "
        "VALUES (?1, ?2, ?3, ?4)",
        {network.id.value, static_cast<std::int64_t>(i), subnet.prefix.to_string(),
         value_or_null(subnet.gateway, gateway)});
  }
  return written;
}

}  // namespace

Result<std::vector<NetworkRequest>> load_networks(Database& database) {
  Result<std::vector<NetworkRequest>> networks = read_all(
      database, "SELECT id, internal, default_mtu_bytes FROM networks ORDER BY id", read_network);
  if (!networks) {
    return networks;
  }
  NetworksById by_id;
  for (NetworkRequest& network : *networks) {
    by_id[network.id.value] = &network;
  }
  if (Result<void> const loaded = load_options(database, by_id); !loaded) {
    return fail(loaded.error());
  }
  if (Result<void> const loaded = load_subnets(database, by_id); !loaded) {
    return fail(loaded.error());
  }
  return networks;
}

Result<void> write_network(Database& database, NetworkRequest const& network) {
  Result<void> written = database.run(
      "INSERT INTO networks (id, internal, default_mtu_bytes) VALUES (?1, ?2, ?3) "
      "ON CONFLICT (id) DO UPDATE SET internal = excluded.internal, "
      "default_mtu_bytes = excluded.default_mtu_bytes",
      {network.id.value, std::int64_t{network.internal}, std::int64_t{network.default_mtu_bytes}});
  if (!written) {
    return written;
  }
  if (Result<void> options = write_options(database, network); !options) {
    return options;
  }
  return write_subnets(database, network);
}

}  // namespace drawbridge
