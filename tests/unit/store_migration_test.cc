// State files of other versions.
#include "store/store.h"
#include "tests/support/store_samples.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

namespace drawbridge {
namespace {

std::string bytes_of(std::filesystem::path const& file) {
  std::ostringstream bytes;
  bytes << std::ifstream(file, std::ios::binary).rdbuf();
  return bytes.str();
}

TEST(Store, LeavesTheFileOfANewerVersionAlone) {
  TempDirectory const directory;
  std::filesystem::path const file = directory / "state.db";
  write_sql(file, "CREATE TABLE pools (later TEXT); PRAGMA user_version = 6;");
  std::string const before = bytes_of(file);
  EXPECT_TRUE(fails_with(open_store(directory.path()), Errc::unsupported, "newer version"));
  EXPECT_EQ(bytes_of(file), before);
  EXPECT_FALSE(std::filesystem::exists(directory / "state.db-wal"));
}

/// The files as each version made them.
std::string const first_version =
    "CREATE TABLE pools (id TEXT NOT NULL PRIMARY KEY, address_space TEXT NOT NULL, "
    "prefix TEXT NOT NULL, sub_pool TEXT) STRICT, WITHOUT ROWID;"
    "CREATE TABLE leases (pool TEXT NOT NULL REFERENCES pools (id) ON DELETE CASCADE, "
    "address TEXT NOT NULL, kind TEXT NOT NULL, PRIMARY KEY (pool, address)) STRICT, "
    "WITHOUT ROWID;"
    "CREATE TABLE networks (id TEXT NOT NULL PRIMARY KEY, internal INTEGER NOT NULL, "
    "default_mtu_bytes INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE endpoints (id TEXT NOT NULL PRIMARY KEY, "
    "network TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE, ipv4 TEXT, ipv6 TEXT, "
    "mac TEXT NOT NULL, joined INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE network_options (network TEXT NOT NULL REFERENCES networks (id) ON DELETE "
    "CASCADE, "
    "key TEXT NOT NULL, value TEXT NOT NULL, PRIMARY KEY (network, key)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE network_subnets (network TEXT NOT NULL REFERENCES networks (id) ON DELETE "
    "CASCADE, "
    "position INTEGER NOT NULL, prefix TEXT NOT NULL, gateway TEXT, PRIMARY KEY (network, "
    "position)) "
    "STRICT, WITHOUT ROWID;"
    "CREATE INDEX endpoints_by_network ON endpoints (network);"
    "PRAGMA user_version = 1;";

std::string const second_version =
    first_version +
    "ALTER TABLE leases ADD COLUMN owner TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE leases ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE leases ADD COLUMN released_at INTEGER;"
    "CREATE TABLE settings (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, "
    "WITHOUT ROWID;"
    "PRAGMA user_version = 2;";

std::string const third_version =
    second_version +
    "CREATE TABLE known_networks (id TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, "
    "bridge TEXT NOT NULL, subnets TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "ALTER TABLE endpoints ADD COLUMN container TEXT;"
    "ALTER TABLE endpoints ADD COLUMN project TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE endpoints ADD COLUMN is_hub INTEGER NOT NULL DEFAULT 0;"
    "PRAGMA user_version = 3;";

std::string const fourth_version =
    third_version +
    "CREATE TABLE endpoint_ports (endpoint TEXT NOT NULL REFERENCES endpoints (id) ON DELETE "
    "CASCADE, "
    "position INTEGER NOT NULL, protocol INTEGER NOT NULL, host TEXT, host_first INTEGER NOT NULL, "
    "host_last INTEGER NOT NULL, container_port INTEGER NOT NULL, PRIMARY KEY (endpoint, "
    "position)) "
    "STRICT, WITHOUT ROWID;"
    "CREATE TABLE port_leases (network TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE, "
    "container TEXT NOT NULL, host_port INTEGER NOT NULL, PRIMARY KEY (network, container)) "
    "STRICT, "
    "WITHOUT ROWID;"
    "PRAGMA user_version = 4;";

std::string const fifth_version =
    fourth_version +
    "ALTER TABLE endpoints ADD COLUMN is_default_route INTEGER NOT NULL DEFAULT 1;"
    "CREATE TABLE proxy_routes (network TEXT NOT NULL REFERENCES networks (id) ON DELETE CASCADE, "
    "endpoint TEXT NOT NULL REFERENCES endpoints (id) ON DELETE CASCADE, bridge TEXT NOT NULL, "
    "source TEXT NOT NULL, PRIMARY KEY (network, endpoint, bridge, source)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX proxy_routes_by_endpoint ON proxy_routes (endpoint);"
    "CREATE TABLE memberships (network TEXT NOT NULL, container TEXT NOT NULL, "
    "PRIMARY KEY (network, container)) STRICT, WITHOUT ROWID;"
    "PRAGMA user_version = 5;";

/// What every version could hold.
std::string const rows_of_all =
    "INSERT INTO pools (id, address_space, prefix) VALUES ('p', 'local', '10.249.1.0/24');"
    "INSERT INTO leases (pool, address, kind) VALUES ('p', '10.249.1.1', 'gateway');"
    "INSERT INTO networks VALUES ('ab12', 1, 9000);"
    "INSERT INTO network_options VALUES ('ab12', 'mtu', '1400');"
    "INSERT INTO network_subnets VALUES ('ab12', 0, '10.249.1.0/24', '10.249.1.1');"
    "INSERT INTO endpoints (id, network, ipv4, mac, joined) "
    "VALUES ('e1', 'ab12', '10.249.1.2/24', '02:42:ac:11:00:02', 1);";

void expect_rows_of_all(Store& store) {
  NetworkRequest kept{{"ab12"}, true, {{"mtu", "1400"}}, {}, 9000};
  kept.subnets = {{*IpPrefix::parse("10.249.1.0/24"), *IpAddress::parse("10.249.1.1")}};
  EXPECT_EQ(store.load_networks().value(), std::vector<NetworkRequest>{kept});
  EXPECT_EQ(store.load_endpoints().value(), std::vector<Endpoint>{endpoint("e1", "ab12")});
  EXPECT_EQ(store.load_leases().value().size(), 1U);
  EXPECT_FALSE(store.awaits_rebuild().value());
}

TEST(Store, KeepsWhatFilesOfEveryVersionHold) {
  for (std::string const& version :
       {first_version, second_version, third_version, fourth_version, fifth_version}) {
    TempDirectory const directory;
    write_sql(directory / "state.db",
              ("PRAGMA journal_mode = WAL;" + version + rows_of_all).c_str());
    for (int start = 0; start < 2; ++start) {
      Result<OpenedStore> const opened = open_or_replace_store(directory.path(), WallTime());
      ASSERT_OK(opened);
      EXPECT_FALSE(opened->lost.has_value());
      expect_rows_of_all(*opened->store);
    }
  }
}

TEST(Store, AFailureInTheMiddleLeavesTheOldFileAsItWas) {
  TempDirectory const directory;
  std::filesystem::path const file = directory / "state.db";
  // The last but one of the steps finds its table there.
  std::string const obstacle = "CREATE TABLE port_leases (x);";
  write_sql(file, (first_version + rows_of_all + obstacle).c_str());
  write_sql(file, "PRAGMA journal_mode = WAL;");
  std::string const before = bytes_of(file);
  EXPECT_TRUE(fails_with(open_or_replace_store(directory.path(), WallTime()), Errc::store,
                         "port_leases already exists"));
  EXPECT_EQ(bytes_of(file), before);
  write_sql(file, "DROP TABLE port_leases;");
  Result<OpenedStore> const opened = open_or_replace_store(directory.path(), WallTime());
  ASSERT_OK(opened);
  EXPECT_FALSE(opened->lost.has_value());
  expect_rows_of_all(*opened->store);
}

TEST(Store, LeavesTheLogOfANewerVersionAlone) {
  TempDirectory const directory;
  std::filesystem::path const file = directory / "state.db";
  write_sql(file, ("PRAGMA journal_mode = WAL;" + fifth_version).c_str());
  write_sql(file, "PRAGMA user_version = 99;");  // is in the log only
  std::string const log = bytes_of(directory / "state.db-wal");
  std::string const before = bytes_of(file);
  ASSERT_FALSE(log.empty());
  for (int attempt = 0; attempt < 2; ++attempt) {
    EXPECT_TRUE(fails_with(open_store(directory.path()), Errc::unsupported, "newer version"));
    EXPECT_EQ(bytes_of(file), before);
    EXPECT_EQ(bytes_of(directory / "state.db-wal"), log);
  }
}

TEST(Store, BringsTheFileOfTheFirstVersionUpToDate) {
  TempDirectory const directory;
  std::string const rows =
      "INSERT INTO pools VALUES ('p', 'local', '10.1.0.0/16', NULL);"
      "INSERT INTO leases VALUES ('p', '10.1.0.1', 'gateway');";
  write_sql(directory / "state.db", (first_version + rows).c_str());
  Result<std::unique_ptr<Store>> const store = open_store(directory.path());
  ASSERT_OK(store);
  Lease const kept{{"p"}, *IpAddress::parse("10.1.0.1"), AddressKind::gateway};
  EXPECT_EQ((*store)->load_leases().value(), std::vector<Lease>{kept});
  EXPECT_EQ((*store)->load_ula_prefix().value(), std::nullopt);
  EXPECT_TRUE((*store)->load_known_networks().value().empty());
}

TEST(Store, BringsTheFileOfTheSecondVersionUpToDate) {
  TempDirectory const directory;
  std::string const rows =
      "INSERT INTO networks VALUES ('ab12', 0, 1500);"
      "INSERT INTO endpoints VALUES ('e1', 'ab12', '10.249.1.2/24', NULL, '02:42:ac:11:00:02', 1);";
  write_sql(directory / "state.db", (second_version + rows).c_str());
  {
    std::unique_ptr<Store> const store = open(directory.path());
    Endpoint known = endpoint("e1", "ab12");
    EXPECT_EQ(store->load_endpoints().value(), std::vector<Endpoint>{known});
    EXPECT_TRUE(store->load_known_networks().value().empty());
    known.marks = {"app", "", false};
    EXPECT_OK(store->save(known));
    EXPECT_OK(store->save(shop));
  }
  std::unique_ptr<Store> const store = open(directory.path());
  std::optional<MemberMarks> const marks = store->load_endpoints().value().at(0).marks;
  EXPECT_EQ(marks, (MemberMarks{"app", "", false}));
  EXPECT_EQ(store->load_known_networks().value(), std::vector<KnownNetwork>{shop});
}

TEST(Store, BringsTheFileOfTheThirdVersionUpToDate) {
  TempDirectory const directory;
  std::string const rows =
      "INSERT INTO networks VALUES ('ab12', 0, 1500);"
      "INSERT INTO endpoints VALUES ('e1', 'ab12', '10.249.1.2/24', NULL, '02:42:ac:11:00:02', 1, "
      "'app', 'shop', 0);";
  write_sql(directory / "state.db", (third_version + rows).c_str());
  Endpoint known = endpoint("e1", "ab12");
  known.marks = {"app", "shop", false};
  PortLease const kept{{"ab12"}, "app", 9000};
  {
    std::unique_ptr<Store> const store = open(directory.path());
    EXPECT_EQ(store->load_endpoints().value(), std::vector<Endpoint>{known});
    EXPECT_TRUE(store->load_port_leases().value().empty());
    known.ports = some_ports();
    EXPECT_OK(store->save(known));
    EXPECT_OK(store->save(kept));
  }
  std::unique_ptr<Store> const store = open(directory.path());
  EXPECT_EQ(store->load_endpoints().value(), std::vector<Endpoint>{known});
  EXPECT_EQ(store->load_port_leases().value(), std::vector<PortLease>{kept});
}

TEST(Store, BringsTheFileOfTheFourthVersionUpToDate) {
  TempDirectory const directory;
  std::string const rows =
      "INSERT INTO networks VALUES ('ab12', 0, 1500);"
      "INSERT INTO endpoints VALUES ('e1', 'ab12', '10.249.1.2/24', NULL, '02:42:ac:11:00:02', 1, "
      "NULL, '', 0);"
      "INSERT INTO endpoint_ports VALUES ('e1', 0, 6, NULL, 8080, 8080, 80);";
  write_sql(directory / "state.db", (fourth_version + rows).c_str());
  Endpoint known = endpoint("e1", "ab12");
  known.ports = {{6, std::nullopt, {8080, 8080}, 80}};
  ProxyRoute const route{{"ab12"}, {"e1"}, "docker0", *IpAddress::parse("172.17.0.2")};
  Membership const made{{"b0"}, {"c1"}};
  {
    std::unique_ptr<Store> const store = open(directory.path());
    EXPECT_EQ(store->load_endpoints().value(), std::vector<Endpoint>{known}) << "may be a way out";
    EXPECT_TRUE(store->load_routes().value().empty());
    EXPECT_TRUE(store->load_memberships().value().empty());
    EXPECT_OK(store->save_routes({route}));
    EXPECT_OK(store->save(made));
    known.is_default_route = false;
    EXPECT_OK(store->save(known));
  }
  std::unique_ptr<Store> const store = open(directory.path());
  EXPECT_EQ(store->load_endpoints().value(), std::vector<Endpoint>{known});
  EXPECT_EQ(store->load_routes().value(), std::set<ProxyRoute>{route});
  EXPECT_EQ(store->load_memberships().value(), std::set<Membership>{made});
}

}  // namespace
}  // namespace drawbridge
