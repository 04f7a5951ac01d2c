#include "store/store.h"

#include "store/rows.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "store/state_directory.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace drawbridge {
namespace {

/// An absent value is a null column. `text` keeps the printed value while it is bound.
template <class T>
SqlValue value_or_null(std::optional<T> const& value, std::string& text) {
  if (!value) {
    return std::monostate{};
  }
  text = value->to_string();
  return std::string_view(text);
}

SqlValue milliseconds_or_null(std::optional<WallTime> const& time) {
  return time ? SqlValue(std::int64_t{time->time_since_epoch().count()}) : std::monostate{};
}

using NetworksById = std::map<std::string, NetworkRequest*>;

/// Only a hand without foreign keys switched on can make a row without its network.
Result<NetworkRequest*> owner_of(Row const& row, NetworksById const& networks) {
  auto const found = networks.find(row.text(0));
  if (found == networks.end()) {
    return fail(Errc::store, "damaged row: it belongs to unknown network " + row.text(0));
  }
  return found->second;
}

bool has_lower_id(KnownNetwork const& a, KnownNetwork const& b) {
  return a.id < b.id;
}

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

class SqliteStore final : public Store {
 public:
  SqliteStore(FileDescriptor lock, Database database)
      : lock_(std::move(lock)), database_(std::move(database)) {}

  Result<void> begin() override;
  Result<void> commit() override;
  void roll_back() override { group_.reset(); }

  Result<std::vector<Pool>> load_pools() override;
  Result<std::vector<Lease>> load_leases() override;
  Result<std::vector<NetworkRequest>> load_networks() override;
  Result<std::vector<Endpoint>> load_endpoints() override;
  Result<std::vector<KnownNetwork>> load_known_networks() override;
  Result<std::vector<PortLease>> load_port_leases() override;
  Result<std::optional<IpPrefix>> load_ula_prefix() override;

  Result<void> save(Pool const& pool) override;
  Result<void> remove(PoolId const& pool) override;
  Result<void> save(Lease const& lease) override;
  Result<void> remove(Lease const& lease) override;
  Result<void> save(NetworkRequest const& network) override;
  Result<void> remove(NetworkId const& network) override;
  Result<void> save(Endpoint const& endpoint) override;
  Result<void> remove(EndpointId const& endpoint) override;
  Result<void> save(PortLease const& lease) override;
  Result<void> remove(PortLease const& lease) override;
  Result<void> save(KnownNetwork const& network) override;
  Result<void> save_known_networks(std::vector<KnownNetwork> const& networks) override;
  Result<void> save_ula_prefix(IpPrefix const& prefix) override;

 private:
  Result<void> load_options(NetworksById const& networks);
  Result<void> load_subnets(NetworksById const& networks);
  Result<void> write_rows(NetworkRequest const& network);
  Result<void> write_options(NetworkRequest const& network);
  Result<void> write_subnets(NetworkRequest const& network);
  Result<void> write_difference(std::vector<KnownNetwork> const& before,
                                std::vector<KnownNetwork> const& after);

  FileDescriptor lock_;  // given up after the file is closed
  Database database_;
  std::optional<Transaction> group_;
};

Result<void> SqliteStore::begin() {
  Result<Transaction> transaction = Transaction::begin(database_);
  if (!transaction) {
    return fail(transaction.error());
  }
  group_.emplace(std::move(*transaction));
  return {};
}

Result<void> SqliteStore::commit() {
  Result<void> committed = group_->commit();
  group_.reset();
  return committed;
}

Result<std::vector<Pool>> SqliteStore::load_pools() {
  return read_all(database_, "SELECT id, address_space, prefix, sub_pool FROM pools ORDER BY id",
                  read_pool);
}

Result<std::vector<Lease>> SqliteStore::load_leases() {
  return read_all(database_, "SELECT pool, address, kind, owner, reserved, released_at FROM leases",
                  read_lease);
}

Result<std::vector<Endpoint>> SqliteStore::load_endpoints() {
  return read_all(database_,
                  "SELECT id, network, ipv4, ipv6, mac, joined, container, project, is_hub "
                  "FROM endpoints ORDER BY id",
                  read_endpoint);
}

Result<std::vector<KnownNetwork>> SqliteStore::load_known_networks() {
  return read_all(database_, "SELECT id, name, bridge, subnets FROM known_networks ORDER BY id",
                  read_known_network);
}

Result<std::optional<IpPrefix>> SqliteStore::load_ula_prefix() {
  std::optional<IpPrefix> prefix;
  Result<void> const visited = database_.each(
      "SELECT value FROM settings WHERE key = 'ula_prefix'", {}, [&](Row const& row) {
        Result<IpPrefix> const parsed = read_prefix(row);
        prefix = parsed ? std::optional(*parsed) : std::nullopt;
        return parsed ? Result<void>() : fail(parsed.error());
      });
  return visited ? Result<std::optional<IpPrefix>>(prefix) : fail(visited.error());
}

Result<void> SqliteStore::save_ula_prefix(IpPrefix const& prefix) {
  return database_.run("INSERT OR REPLACE INTO settings (key, value) VALUES ('ula_prefix', ?1)",
                       {prefix.to_string()});
}

Result<std::vector<NetworkRequest>> SqliteStore::load_networks() {
  Result<std::vector<NetworkRequest>> networks = read_all(
      database_, "SELECT id, internal, default_mtu_bytes FROM networks ORDER BY id", read_network);
  if (!networks) {
    return networks;
  }
  NetworksById by_id;
  for (NetworkRequest& network : *networks) {
    by_id[network.id.value] = &network;
  }
  if (Result<void> const loaded = load_options(by_id); !loaded) {
    return fail(loaded.error());
  }
  if (Result<void> const loaded = load_subnets(by_id); !loaded) {
    return fail(loaded.error());
  }
  return networks;
}

Result<void> SqliteStore::load_options(NetworksById const& networks) {
  return database_.each("SELECT network, key, value FROM network_options", {},
                        [&](Row const& row) -> Result<void> {
                          Result<NetworkRequest*> const network = owner_of(row, networks);
                          if (!network) {
                            return fail(network.error());
                          }
                          (*network)->options[row.text(1)] = row.text(2);
                          return {};
                        });
}

Result<void> SqliteStore::load_subnets(NetworksById const& networks) {
  return database_.each(
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

Result<void> SqliteStore::save(Pool const& pool) {
  std::string range;
  return database_.run(
      "INSERT INTO pools (id, address_space, prefix, sub_pool) VALUES (?1, ?2, ?3, ?4) "
      "ON CONFLICT (id) DO NOTHING",  // the id holds all the rest
      {pool.id.value, pool.address_space, pool.prefix.to_string(),
       value_or_null(pool.sub_pool, range)});
}

Result<void> SqliteStore::remove(PoolId const& pool) {
  return database_.run("DELETE FROM pools WHERE id = ?1", {pool.value});
}

Result<void> SqliteStore::save(Lease const& lease) {
  return database_.run(
      "INSERT OR REPLACE INTO leases (pool, address, kind, owner, reserved, released_at) "
      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
      {lease.pool.value, lease.address.to_string(), text_of(lease.kind), lease.owner,
       std::int64_t{lease.reserved}, milliseconds_or_null(lease.released_at)});
}

Result<void> SqliteStore::remove(Lease const& lease) {
  return database_.run("DELETE FROM leases WHERE pool = ?1 AND address = ?2",
                       {lease.pool.value, lease.address.to_string()});
}

Result<void> SqliteStore::save(NetworkRequest const& network) {
  Result<Transaction> transaction = Transaction::begin(database_);
  if (!transaction) {
    return fail(transaction.error());
  }
  if (Result<void> written = write_rows(network); !written) {
    return written;
  }
  return transaction->commit();
}

Result<void> SqliteStore::write_rows(NetworkRequest const& network) {
  Result<void> written = database_.run(
      "INSERT INTO networks (id, internal, default_mtu_bytes) VALUES (?1, ?2, ?3) "
      "ON CONFLICT (id) DO UPDATE SET internal = excluded.internal, "
      "default_mtu_bytes = excluded.default_mtu_bytes",
      {network.id.value, std::int64_t{network.internal}, std::int64_t{network.default_mtu_bytes}});
  if (!written) {
    return written;
  }
  if (Result<void> options = write_options(network); !options) {
    return options;
  }
  return write_subnets(network);
}

Result<void> SqliteStore::write_options(NetworkRequest const& network) {
  Result<void> written =
      database_.run("DELETE FROM network_options WHERE network = ?1", {network.id.value});
  for (auto option = network.options.begin(); written && option != network.options.end();
       ++option) {
    written = database_.run("INSERT INTO network_options (network, key, value) VALUES (?1, ?2, ?3)",
                            {network.id.value, option->first, option->second});
  }
  return written;
}

Result<void> SqliteStore::write_subnets(NetworkRequest const& network) {
  Result<void> written =
      database_.run("DELETE FROM network_subnets WHERE network = ?1", {network.id.value});
  for (std::size_t i = 0; written && i < network.subnets.size(); ++i) {
    Subnet const& subnet = network.subnets[i];
    std::string gateway;
    written = database_.run(
        "INSERT INTO network_subnets (network, position, prefix, gateway) "
        "VALUES (?1, ?2, ?3, ?4)",
        {network.id.value, static_cast<std::int64_t>(i), subnet.prefix.to_string(),
         value_or_null(subnet.gateway, gateway)});
  }
  return written;
}

Result<void> SqliteStore::remove(NetworkId const& network) {
  Result<Transaction> transaction = Transaction::begin(database_);
  if (!transaction) {
    return fail(transaction.error());
  }
  Result<void> removed = database_.run("DELETE FROM networks WHERE id = ?1", {network.value});
  if (removed) {
    removed = database_.run("DELETE FROM known_networks WHERE id = ?1", {network.value});
  }
  return removed ? transaction->commit() : removed;
}

Result<void> SqliteStore::save(Endpoint const& endpoint) {
  std::string ipv4;
  std::string ipv6;
  MemberMarks const marks = endpoint.marks.value_or(MemberMarks{});
  return database_.run(
      "INSERT OR REPLACE INTO endpoints (id, network, ipv4, ipv6, mac, joined, container, project, "
      "is_hub) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
      {endpoint.id.value, endpoint.network.value, value_or_null(endpoint.ipv4, ipv4),
       value_or_null(endpoint.ipv6, ipv6), endpoint.mac.to_string(), std::int64_t{endpoint.joined},
       endpoint.marks ? SqlValue(marks.container) : std::monostate{}, marks.project,
       std::int64_t{marks.is_hub}});
}

Result<void> SqliteStore::remove(EndpointId const& endpoint) {
  return database_.run("DELETE FROM endpoints WHERE id = ?1", {endpoint.value});
}

Result<std::vector<PortLease>> SqliteStore::load_port_leases() {
  return std::vector<PortLease>{};
}

Result<void> SqliteStore::save(PortLease const&) {
  return fail(Errc::unsupported, "port leases are not there yet");
}

Result<void> SqliteStore::remove(PortLease const&) {
  return fail(Errc::unsupported, "port leases are not there yet");
}

Result<void> SqliteStore::save(KnownNetwork const& network) {
  return database_.run(
      "INSERT OR REPLACE INTO known_networks (id, name, bridge, subnets) VALUES (?1, ?2, ?3, ?4)",
      {network.id.value, network.name, network.bridge, text_of(network.subnets)});
}

Result<void> SqliteStore::save_known_networks(std::vector<KnownNetwork> const& networks) {
  std::vector<KnownNetwork> after = networks;
  std::sort(after.begin(), after.end(), has_lower_id);
  Result<std::vector<KnownNetwork>> const before = load_known_networks();
  if (!before) {
    return fail(before.error());
  }
  if (*before == after) {
    return {};
  }
  Result<Transaction> transaction = Transaction::begin(database_);
  if (!transaction) {
    return fail(transaction.error());
  }
  if (Result<void> written = write_difference(*before, after); !written) {
    return written;
  }
  return transaction->commit();
}

/// Both in the order of their ids.
Result<void> SqliteStore::write_difference(std::vector<KnownNetwork> const& before,
                                           std::vector<KnownNetwork> const& after) {
  Result<void> written;
  for (KnownNetwork const& network : before) {
    if (written && !std::binary_search(after.begin(), after.end(), network, has_lower_id)) {
      written = database_.run("DELETE FROM known_networks WHERE id = ?1", {network.id.value});
    }
  }
  for (KnownNetwork const& network : after) {
    auto const [first, last] =
        std::equal_range(before.begin(), before.end(), network, has_lower_id);
    if (written && std::find(first, last, network) == last) {
      written = save(network);
    }
  }
  return written;
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(std::filesystem::path const& directory) {
  Result<FileDescriptor> lock = hold_state_directory(directory);
  if (!lock) {
    return fail(lock.error());
  }
  Result<Database> database = Database::open(directory / "state.db");
  if (!database) {
    return fail(database.error());
  }
  if (Result<void> const ready = prepare_state_file(*database); !ready) {
    return fail(ready.error());
  }
  return std::make_unique<SqliteStore>(std::move(*lock), std::move(*database));
}

}  // namespace drawbridge
