#include "store/store.h"

#include "store/known_networks.h"
#include "store/networks.h"
#include "store/ports.h"
#include "store/proxies.h"
#include "store/rows.h"
#include "store/schema.h"
#include "store/set_aside.h"
#include "store/sqlite.h"
#include "store/state_directory.h"

#include <algorithm>
#include <string>
#include <utility>

namespace drawbridge {
namespace {

SqlValue milliseconds_or_null(std::optional<WallTime> const& time) {
  return time ? SqlValue(std::int64_t{time->time_since_epoch().count()}) : std::monostate{};
}

/// All that `write` does, or nothing.
template <class Write>
Result<void> in_transaction(Database& database, Write write) {
  Result<Transaction> transaction = Transaction::begin(database);
  if (!transaction) {
    return fail(transaction.error());
  }
  Result<void> written = write();
  return written ? transaction->commit() : written;
}

class SqliteStore final : public Store {
 public:
  explicit SqliteStore(Database database) : database_(std::move(database)) {}

  /// The lock is given up after the file is closed.
  void keep(FileDescriptor lock) { lock_ = std::move(lock); }
  /// Reads all that there is.
  Result<void> check();
  bool is_to_blame() const { return database_.is_to_blame(); }
  void use() { database_.leave_alone(false); }

  Result<void> begin() override;
  Result<void> commit() override;
  void roll_back() override { group_.reset(); }

  Result<std::vector<Pool>> load_pools() override;
  Result<std::vector<Lease>> load_leases() override;
  Result<std::vector<NetworkRequest>> load_networks() override {
    return drawbridge::load_networks(database_);
  }
  Result<std::vector<Endpoint>> load_endpoints() override;
  Result<std::vector<KnownNetwork>> load_known_networks() override {
    return drawbridge::load_known_networks(database_);
  }
  Result<std::vector<PortLease>> load_port_leases() override;
  Result<std::set<ProxyRoute>> load_routes() override { return load_proxy_routes(database_); }
  Result<std::set<Membership>> load_memberships() override {
    return load_made_memberships(database_);
  }
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
  Result<void> save(KnownNetwork const& network) override {
    return write_known_network(database_, network);
  }
  Result<void> save_known_networks(std::vector<KnownNetwork> const& networks) override;
  Result<void> save_routes(std::set<ProxyRoute> const& routes) override;
  Result<void> save(Membership const& membership) override;
  Result<void> remove(Membership const& membership) override;
  Result<void> save_ula_prefix(IpPrefix const& prefix) override;
  Result<bool> awaits_rebuild() override;
  Result<void> end_rebuild() override;
  Result<std::string> back_up() override { return database_.copy(); }

 private:
  Result<void> write_rows(Endpoint const& endpoint);

  FileDescriptor lock_;
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
  Result<std::vector<Endpoint>> endpoints = read_all(
      database_,
      "SELECT id, network, ipv4, ipv6, mac, joined, container, project, is_hub, is_default_route "
      "FROM endpoints ORDER BY id",
      read_endpoint);
  Result<void> const loaded = endpoints ? load_ports(database_, *endpoints) : Result<void>();
  return loaded ? std::move(endpoints) : fail(loaded.error());
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
  if (group_) {
    return write_network(database_, network);
  }
  return in_transaction(database_, [&] { return write_network(database_, network); });
}

Result<void> SqliteStore::remove(NetworkId const& network) {
  return in_transaction(database_, [&] {
    Result<void> removed = database_.run("DELETE FROM networks WHERE id = ?1", {network.value});
    return removed ? database_.run("DELETE FROM known_networks WHERE id = ?1", {network.value})
                   : removed;
  });
}

Result<void> SqliteStore::save(Endpoint const& endpoint) {
  if (group_) {
    return write_rows(endpoint);
  }
  return in_transaction(database_, [&] { return write_rows(endpoint); });
}

Result<void> SqliteStore::write_rows(Endpoint const& endpoint) {
  std::string ipv4;
  std::string ipv6;
  MemberMarks const marks = endpoint.marks.value_or(MemberMarks{});
  Result<void> written = database_.run(
      "INSERT INTO endpoints (id, network, ipv4, ipv6, mac, joined, container, project, is_hub, "
      "is_default_route) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10) "
      "ON CONFLICT (id) DO UPDATE SET network = excluded.network, ipv4 = excluded.ipv4, "
      "ipv6 = excluded.ipv6, mac = excluded.mac, joined = excluded.joined, "
      "container = excluded.container, project = excluded.project, is_hub = excluded.is_hub, "
      "is_default_route = excluded.is_default_route",
      {endpoint.id.value, endpoint.network.value, value_or_null(endpoint.ipv4, ipv4),
       value_or_null(endpoint.ipv6, ipv6), endpoint.mac.to_string(), std::int64_t{endpoint.joined},
       endpoint.marks ? SqlValue(marks.container) : std::monostate{}, marks.project,
       std::int64_t{marks.is_hub}, std::int64_t{endpoint.is_default_route}});
  return written ? write_ports(database_, endpoint) : written;
}

Result<void> SqliteStore::remove(EndpointId const& endpoint) {
  return database_.run("DELETE FROM endpoints WHERE id = ?1", {endpoint.value});
}

Result<std::vector<PortLease>> SqliteStore::load_port_leases() {
  return read_all(database_,
                  "SELECT network, container, host_port FROM port_leases "
                  "ORDER BY network, container",
                  read_port_lease);
}

Result<void> SqliteStore::save(PortLease const& lease) {
  return database_.run(
      "INSERT OR REPLACE INTO port_leases (network, container, host_port) VALUES (?1, ?2, ?3)",
      {lease.network.value, lease.container, std::int64_t{lease.host_port}});
}

Result<void> SqliteStore::remove(PortLease const& lease) {
  return database_.run("DELETE FROM port_leases WHERE network = ?1 AND container = ?2",
                       {lease.network.value, lease.container});
}

Result<void> SqliteStore::save_routes(std::set<ProxyRoute> const& routes) {
  Result<std::set<ProxyRoute>> const before = load_routes();
  if (!before) {
    return fail(before.error());
  }
  return *before == routes ? Result<void>() : in_transaction(database_, [&] {
    return write_proxy_routes(database_, *before, routes);
  });
}

Result<void> SqliteStore::save(Membership const& membership) {
  return database_.run("INSERT OR REPLACE INTO memberships (network, container) VALUES (?1, ?2)",
                       {membership.network.value, membership.container.value});
}

Result<void> SqliteStore::remove(Membership const& membership) {
  return database_.run("DELETE FROM memberships WHERE network = ?1 AND container = ?2",
                       {membership.network.value, membership.container.value});
}

Result<void> SqliteStore::save_known_networks(std::vector<KnownNetwork> const& networks) {
  std::vector<KnownNetwork> after = networks;
  std::sort(after.begin(), after.end(), has_lower_id);
  Result<std::vector<KnownNetwork>> const before = load_known_networks();
  if (!before) {
    return fail(before.error());
  }
  return *before == after ? Result<void>() : in_transaction(database_, [&] {
    return write_known_networks(database_, *before, after);
  });
}

Result<bool> SqliteStore::awaits_rebuild() {
  Result<std::int64_t> const marks =
      database_.number("SELECT count(*) FROM settings WHERE key = 'rebuild'");
  return marks ? Result<bool>(*marks != 0) : fail(marks.error());
}

Result<void> SqliteStore::end_rebuild() {
  return database_.run("DELETE FROM settings WHERE key = 'rebuild'", {});
}

template <class T>
void add_failure(ErrorList& errors, Result<T> const& result) {
  if (!result && errors.empty()) {
    errors.add(result.error());
  }
}

Result<void> SqliteStore::check() {
  if (Result<void> sound = check_structure(database_); !sound) {
    return sound;
  }
  ErrorList errors;
  add_failure(errors, load_pools());
  add_failure(errors, load_leases());
  add_failure(errors, load_networks());
  add_failure(errors, load_endpoints());
  add_failure(errors, load_known_networks());
  add_failure(errors, load_port_leases());
  add_failure(errors, load_routes());
  add_failure(errors, load_memberships());
  add_failure(errors, load_ula_prefix());
  return errors.empty() ? Result<void>() : fail(errors.joined());
}

/// What came of an attempt to open the file.
struct Attempt {
  Result<std::unique_ptr<SqliteStore>> store;
  bool is_file_to_blame = false;
};

enum class Check : std::uint8_t { version, everything };

Attempt attempt(std::filesystem::path const& file, Check check) {
  Result<Database> database = Database::open(file);
  if (!database) {
    return {fail(database.error())};
  }
  Result<void> const ready = prepare_state_file(*database);
  if (!ready) {
    return {fail(ready.error()), database->is_unreadable()};
  }
  auto store = std::make_unique<SqliteStore>(std::move(*database));
  Result<void> const good = check == Check::everything ? store->check() : Result<void>();
  if (!good) {
    return {fail(good.error()), store->is_to_blame()};
  }
  store->use();
  return {std::move(store)};
}

Result<OpenedStore> finish(Attempt made, FileDescriptor lock, std::optional<LostState> lost) {
  if (!made.store) {
    return fail(made.store.error());
  }
  (*made.store)->keep(std::move(lock));
  return OpenedStore{std::move(*made.store), std::move(lost)};
}

/// A log without its file: SQLite would throw it away.
bool has_lost_its_file(std::filesystem::path const& file) {
  std::error_code ignored;
  return !std::filesystem::exists(file, ignored) &&
         std::filesystem::exists(file.string() + "-wal", ignored);
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(std::filesystem::path const& directory) {
  Result<FileDescriptor> lock = hold_state_directory(directory);
  if (!lock) {
    return fail(lock.error());
  }
  Result<OpenedStore> opened =
      finish(attempt(directory / "state.db", Check::version), std::move(*lock), {});
  return opened ? Result<std::unique_ptr<Store>>(std::move(opened->store)) : fail(opened.error());
}

Result<OpenedStore> open_or_replace_store(std::filesystem::path const& directory, WallTime now) {
  std::filesystem::path const file = directory / "state.db";
  Result<FileDescriptor> lock = hold_state_directory(directory);
  if (!lock) {
    return fail(lock.error());
  }
  std::optional<LostState> lost;
  if (has_lost_its_file(file)) {
    lost = LostState{"state file " + file.string() + ": only its log is there", {}};
  } else {
    Attempt first = attempt(file, Check::everything);
    if (first.store || !first.is_file_to_blame) {
      return finish(std::move(first), std::move(*lock), {});
    }
    lost = LostState{first.store.error().message, {}};
  }
  Result<std::filesystem::path> copy = set_aside(file, now);
  if (!copy) {
    return fail(copy.error().within(lost->reason));
  }
  lost->copy = std::move(*copy);
  return finish(attempt(file, Check::everything), std::move(*lock), std::move(lost));
}

}  // namespace drawbridge
