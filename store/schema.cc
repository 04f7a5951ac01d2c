#include "store/schema.h"

#include <fmt/format.h>

#include <array>

namespace drawbridge {
namespace {

constexpr std::int64_t schema_version = 5;

/// Addresses are text, so that `sqlite3 state.db` shows a person what is in use.
constexpr char const* schema_1 = R"sql(
  CREATE TABLE pools (
    id            TEXT NOT NULL PRIMARY KEY,
    address_space TEXT NOT NULL,
    prefix        TEXT NOT NULL,
    sub_pool      TEXT
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE leases (
    pool    TEXT NOT NULL REFERENCES pools (id) ON DELETE CASCADE,
    address TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('gateway', 'endpoint')),
    PRIMARY KEY (pool, address)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE networks (
    id                TEXT    NOT NULL PRIMARY KEY,
    internal          INTEGER NOT NULL,
    default_mtu_bytes INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE network_options (
    network TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    key     TEXT NOT NULL,
    value   TEXT NOT NULL,
    PRIMARY KEY (network, key)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE network_subnets (
    network  TEXT    NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    prefix   TEXT    NOT NULL,
    gateway  TEXT,
    PRIMARY KEY (network, position)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE endpoints (
    id      TEXT    NOT NULL PRIMARY KEY,
    network TEXT    NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    ipv4    TEXT,
    ipv6    TEXT,
    mac     TEXT    NOT NULL,
    joined  INTEGER NOT NULL
  ) STRICT, WITHOUT ROWID;

  CREATE INDEX endpoints_by_network ON endpoints (network);

  PRAGMA user_version = 1;
)sql";

/// Who holds an address, since when nobody does, and whether it was asked for as such.
constexpr char const* schema_2 = R"sql(
  ALTER TABLE leases ADD COLUMN owner       TEXT    NOT NULL DEFAULT '';
  ALTER TABLE leases ADD COLUMN reserved    INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE leases ADD COLUMN released_at INTEGER;  -- milliseconds since 1970, UTC

  CREATE TABLE settings (
    key   TEXT NOT NULL PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;

  PRAGMA user_version = 2;
)sql";

/// What Docker told last: its networks, and what the containers of endpoints are.
constexpr char const* schema_3 = R"sql(
  CREATE TABLE known_networks (
    id      TEXT NOT NULL PRIMARY KEY,
    name    TEXT NOT NULL,
    bridge  TEXT NOT NULL,
    subnets TEXT NOT NULL  -- with blanks between them
  ) STRICT, WITHOUT ROWID;

  ALTER TABLE endpoints ADD COLUMN container TEXT;  -- null: Docker has not told
  ALTER TABLE endpoints ADD COLUMN project   TEXT    NOT NULL DEFAULT '';
  ALTER TABLE endpoints ADD COLUMN is_hub    INTEGER NOT NULL DEFAULT 0;

  PRAGMA user_version = 3;
)sql";

/// Published ports, and the ports of a network's range that are kept for a container.
constexpr char const* schema_4 = R"sql(
  CREATE TABLE endpoint_ports (
    endpoint       TEXT    NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
    position       INTEGER NOT NULL,
    protocol       INTEGER NOT NULL,
    host           TEXT,  -- null: every address of both families
    host_first     INTEGER NOT NULL,
    host_last      INTEGER NOT NULL,
    container_port INTEGER NOT NULL,
    PRIMARY KEY (endpoint, position)
  ) STRICT, WITHOUT ROWID;

  CREATE TABLE port_leases (
    network   TEXT    NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    container TEXT    NOT NULL,
    host_port INTEGER NOT NULL,
    PRIMARY KEY (network, container)
  ) STRICT, WITHOUT ROWID;

  PRAGMA user_version = 4;
)sql";

/// Whether an endpoint may be its container's way out; which proxies reach which endpoints; and the
/// memberships that rules brought about, of any network of Docker's, so that they belong to no row
/// here. The key's columns come first: SQLite 3.40 takes the table for damaged where others stand
/// before them.
constexpr char const* schema_5 = R"sql(
  ALTER TABLE endpoints ADD COLUMN is_default_route INTEGER NOT NULL DEFAULT 1;

  CREATE TABLE proxy_routes (
    network  TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE,
    endpoint TEXT NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE,
    bridge   TEXT NOT NULL,
    source   TEXT NOT NULL,
    PRIMARY KEY (network, endpoint, bridge, source)
  ) STRICT, WITHOUT ROWID;

  CREATE INDEX proxy_routes_by_endpoint ON proxy_routes (endpoint);

  CREATE TABLE memberships (
    network   TEXT NOT NULL,
    container TEXT NOT NULL,
    PRIMARY KEY (network, container)
  ) STRICT, WITHOUT ROWID;

  PRAGMA user_version = 5;
)sql";

/// A file that is new: what was before it, if anything, has yet to be found out.
constexpr char const* begun_anew =
    "INSERT INTO settings (key, value) VALUES ('rebuild', 'awaited')";

/// A commit is one append and one fdatasync of the log. The log goes back into the file every 4 MB
/// and never stays larger; 256 KB of pages are kept in memory.
constexpr char const* settings = R"sql(
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  PRAGMA cache_size = -256;
  PRAGMA wal_autocheckpoint = 1000;
  PRAGMA journal_size_limit = 4194304;
  PRAGMA temp_store = MEMORY;
)sql";

Result<void> use_write_ahead_log(Database& database) {
  Result<std::string> const mode = database.text("PRAGMA journal_mode = WAL");
  if (!mode) {
    return fail(mode.error());
  }
  if (*mode != "wal") {
    return fail(Errc::store, fmt::format("state file {}: its file system cannot hold a write-ahead "
                                         "log: choose another --state-dir",
                                         database.file().string()));
  }
  return database.execute(settings);
}

Result<void> refuse_foreign_file(Database& database) {
  Result<std::int64_t> const tables = database.number("SELECT count(*) FROM sqlite_schema");
  if (!tables) {
    return fail(tables.error());
  }
  if (*tables != 0) {
    return fail(Errc::store, fmt::format("state file {}: a database of another program: move it "
                                         "away or choose another --state-dir",
                                         database.file().string()));
  }
  return {};
}

/// All steps from the version of the file to ours, or none.
Result<void> upgrade(Database& database, std::int64_t version) {
  constexpr std::array<char const*, schema_version> steps = {schema_1, schema_2, schema_3, schema_4,
                                                             schema_5};
  Result<Transaction> transaction = Transaction::begin(database);
  if (!transaction) {
    return fail(transaction.error());
  }
  for (auto step = static_cast<std::size_t>(version); step < steps.size(); ++step) {
    if (Result<void> made = database.execute(steps.at(step)); !made) {
      return made;
    }
  }
  if (Result<void> marked = version == 0 ? database.execute(begun_anew) : Result<void>(); !marked) {
    return marked;
  }
  return transaction->commit();
}

}  // namespace

Result<void> prepare_state_file(Database& database) {
  Result<std::int64_t> const version = database.number("PRAGMA user_version");
  if (!version) {
    return fail(version.error());
  }
  if (*version > schema_version) {
    return fail(Errc::unsupported,
                fmt::format("state file {}: written by a newer version (its schema is {}, this one "
                            "reads {}): start that version or move the file away",
                            database.file().string(), *version, schema_version));
  }
  Result<void> const ours = *version == 0 ? refuse_foreign_file(database) : Result<void>();
  if (!ours) {
    return ours;
  }
  Result<void> const ready = use_write_ahead_log(database);
  return ready && *version < schema_version ? upgrade(database, *version) : ready;
}

Result<void> check_structure(Database& database) {
  Result<std::string> const checked = database.text("PRAGMA quick_check(1)");
  if (!checked) {
    return fail(checked.error());
  }
  if (*checked != "ok") {
    return fail(Errc::store, fmt::format("state file {}: damaged: {}", database.file().string(),
                                         checked->substr(0, checked->find('\n'))));
  }
  return database.each("PRAGMA foreign_key_check", {}, [&](Row const& row) -> Result<void> {
    return fail(Errc::store, fmt::format("damaged row: one of {} belongs to nothing in {}",
                                         row.text(0), row.text(2)));
  });
}

}  // namespace drawbridge
