#include "store/store.h"

#include "store/sqlite.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_store.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <sys/resource.h>
#include <unistd.h>

namespace drawbridge {
namespace {

using std::filesystem::perms;

Pool const pods{{"local/10.249.1.0/24"}, "local", *IpPrefix::parse("10.249.1.0/24"), {}};
Pool const ranged{{"local/fd00::/64/fd00::8000/113"},
                  "local",
                  *IpPrefix::parse("fd00::/64"),
                  IpPrefix::parse("fd00::8000/113").value()};

KnownNetwork const docker0{{"b0"}, "bridge", "docker0", {*IpPrefix::parse("172.17.0.0/16")}};
KnownNetwork const shop{{"ab12"},
                        "shop \u00e4",
                        "",
                        {*IpPrefix::parse("10.249.1.0/24"), *IpPrefix::parse("fd00::/64")}};

Lease lease(std::string_view address, AddressKind kind = AddressKind::endpoint) {
  return {pods.id, *IpAddress::parse(address), kind};
}

NetworkRequest network(std::string const& id) {
  NetworkRequest request;
  request.id = {id};
  request.internal = true;
  request.options = {{"mtu", "1400"}, {"empty", ""}, {"quote", "it's \"o\"\n\u00e4"}};
  request.subnets = {{*IpPrefix::parse("10.249.1.0/24"), *IpAddress::parse("10.249.1.1")},
                     {*IpPrefix::parse("fd00::/64"), {}},
                     {*IpPrefix::parse("10.2.0.0/16"), *IpAddress::parse("10.2.0.9")}};
  request.default_mtu_bytes = 9000;
  return request;
}

Endpoint endpoint(std::string const& id, std::string const& network_id) {
  return {{id},
          {network_id},
          IpPrefix::parse("10.249.1.2/24").value(),
          std::nullopt,
          *MacAddress::parse("02:42:ac:11:00:02"),
          true};
}

std::unique_ptr<Store> open(std::filesystem::path const& directory) {
  Result<std::unique_ptr<Store>> store = open_store(directory);
  EXPECT_OK(store);
  return store ? std::move(*store) : nullptr;
}

/// returns  everything in the store, as FakeStore keeps it
FakeStore::Contents contents_of(Store& store) {
  auto const pools = store.load_pools().value();
  auto const leases = store.load_leases().value();
  auto const networks = store.load_networks().value();
  auto const endpoints = store.load_endpoints().value();
  FakeStore::Contents contents;
  for (Pool const& pool : pools) {
    contents.pools[pool.id] = pool;
  }
  for (Lease const& each : leases) {
    contents.leases[{each.pool, each.address}] = each;
  }
  for (NetworkRequest const& request : networks) {
    contents.networks[request.id] = request;
  }
  for (Endpoint const& each : endpoints) {
    contents.endpoints[each.id] = each;
  }
  auto const known_networks = store.load_known_networks().value();
  for (KnownNetwork const& known : known_networks) {
    contents.known_networks[known.id] = known;
  }
  contents.ula_prefix = store.load_ula_prefix().value();
  return contents;
}

void fill(Store& store) {
  EXPECT_OK(store.save(pods));
  EXPECT_OK(store.save(ranged));
  EXPECT_OK(store.save(lease("10.249.1.1", AddressKind::gateway)));
  EXPECT_OK(store.save(lease("10.249.1.2")));
  EXPECT_OK(store.save(network("ab12")));
  EXPECT_OK(store.save(network("cd34")));
  EXPECT_OK(store.save(endpoint("e1", "ab12")));
  Endpoint marked = endpoint("e2", "cd34");
  marked.marks = {"app", "shop", true};
  EXPECT_OK(store.save(marked));
  EXPECT_OK(store.save_known_networks({docker0, shop}));
}

/// Writes to a state file behind the store's back.
void write_sql(std::filesystem::path const& file, char const* script) {
  Result<Database> database = Database::open(file);
  ASSERT_OK(database);
  ASSERT_OK(database->execute(script));
}

std::string bytes_of(std::filesystem::path const& file) {
  std::ostringstream bytes;
  bytes << std::ifstream(file, std::ios::binary).rdbuf();
  return bytes.str();
}

TEST(Store, HasEverythingAgainWhenOpenedAgain) {
  TempDirectory const directory;
  FakeStore expected;
  fill(expected);
  fill(*open(directory.path()));
  EXPECT_EQ(contents_of(*open(directory.path())), expected.contents);
}

TEST(Store, RemovesLeasesWithTheirPoolAndEndpointsWithTheirNetwork) {
  TempDirectory const directory;
  FakeStore expected;
  std::unique_ptr<Store> store = open(directory.path());
  for (Store* each : {static_cast<Store*>(&expected), store.get()}) {
    fill(*each);
    EXPECT_OK(each->remove(pods.id));
    EXPECT_OK(each->remove(NetworkId{"ab12"}));
  }
  FakeStore::Contents const contents = contents_of(*store);
  EXPECT_EQ(contents, expected.contents);
  EXPECT_TRUE(contents.leases.empty());
  EXPECT_EQ(contents.endpoints.size(), 1U);
  EXPECT_EQ(store->load_known_networks().value(), std::vector<KnownNetwork>{docker0});
}

TEST(Store, ReplacesWhatIsSavedAgain) {
  TempDirectory const directory;
  std::unique_ptr<Store> store = open(directory.path());
  fill(*store);
  NetworkRequest changed = network("ab12");
  changed.options = {{"mtu", "1500"}};
  changed.subnets.pop_back();
  Endpoint moved = endpoint("e1", "cd34");
  moved.ipv6 = *IpPrefix::parse("fd00::2/64");
  moved.joined = false;
  EXPECT_OK(store->save(changed));
  EXPECT_OK(store->save(moved));
  EXPECT_OK(store->save(lease("10.249.1.2", AddressKind::gateway)));
  EXPECT_OK(store->save(pods));
  FakeStore::Contents const contents = contents_of(*store);
  EXPECT_EQ(contents.networks.at(changed.id), changed);
  EXPECT_EQ(contents.endpoints.at(moved.id), moved);
  EXPECT_EQ(contents.leases.size(), 2U);
}

TEST(Store, RemovingWhatIsGoneIsSuccess) {
  TempDirectory const directory;
  std::unique_ptr<Store> store = open(directory.path());
  EXPECT_OK(store->remove(pods.id));
  EXPECT_OK(store->remove(lease("10.249.1.9")));
  EXPECT_OK(store->remove(NetworkId{"none"}));
  EXPECT_OK(store->remove(EndpointId{"none"}));
}

TEST(Store, RefusesALeaseWithoutItsPoolAndAnEndpointWithoutItsNetwork) {
  TempDirectory const directory;
  FakeStore fake;
  std::unique_ptr<Store> const store = open(directory.path());
  for (Store* each : {static_cast<Store*>(&fake), store.get()}) {
    EXPECT_TRUE(fails_with(each->save(lease("10.249.1.2")), Errc::store, ""));
    EXPECT_TRUE(fails_with(each->save(endpoint("e1", "ab12")), Errc::store, ""));
  }
}

TEST(Store, KeepsItsFilesFromOtherUsers) {
  TempDirectory const directory;
  std::filesystem::path const state = directory / "deep" / "state";
  open(state);
  std::filesystem::permissions(state / "state.db", perms(0644));
  std::unique_ptr<Store> const store = open(state);
  EXPECT_EQ(std::filesystem::status(state).permissions(), perms(0700));
  for (char const* const name : {"state.db", "state.db-wal", "state.db-shm", "lock"}) {
    EXPECT_EQ(std::filesystem::status(state / name).permissions(), perms(0600)) << name;
  }
}

TEST(Store, RefusesASecondProcessAndNamesTheFirst) {
  TempDirectory const directory;
  std::unique_ptr<Store> store = open(directory.path());
  EXPECT_TRUE(fails_with(open_store(directory.path()), Errc::conflict,
                         "is in use by process " + std::to_string(getpid())));
  store.reset();
  EXPECT_OK(open_store(directory.path()));
}

TEST(Store, LeavesTheFileOfANewerVersionAlone) {
  TempDirectory const directory;
  std::filesystem::path const file = directory / "state.db";
  write_sql(file, "CREATE TABLE pools (later TEXT); PRAGMA user_version = 4;");
  std::string const before = bytes_of(file);
  EXPECT_TRUE(fails_with(open_store(directory.path()), Errc::unsupported, "newer version"));
  EXPECT_EQ(bytes_of(file), before);
  EXPECT_FALSE(std::filesystem::exists(directory / "state.db-wal"));
}

TEST(Store, KeepsAGroupWholeOrNotAtAll) {
  TempDirectory const directory;
  std::unique_ptr<Store> store = open(directory.path());
  ASSERT_OK(store->begin());
  ASSERT_OK(store->save(pods));
  ASSERT_OK(store->save(lease("10.249.1.2")));
  ASSERT_OK(store->commit());
  FakeStore::Contents const kept = contents_of(*store);
  EXPECT_EQ(kept.leases.size(), 1U);
  ASSERT_OK(store->begin());
  ASSERT_OK(store->save(lease("10.249.1.3")));
  ASSERT_OK(store->remove(lease("10.249.1.2")));
  store->roll_back();
  store->roll_back();
  EXPECT_EQ(contents_of(*store), kept);
  ASSERT_OK(store->begin());
  ASSERT_OK(store->save(lease("10.249.1.4")));
  store.reset();
  EXPECT_EQ(contents_of(*open(directory.path())), kept);
}

TEST(Store, KeepsWhoHeldAnAddressAndWhen) {
  TempDirectory const directory;
  std::unique_ptr<Store> const store = open(directory.path());
  ASSERT_OK(store->save(pods));
  Lease left = lease("10.249.1.9");
  left.owner = "web";
  left.reserved = true;
  left.released_at = WallTime(std::chrono::milliseconds(1795253000123));
  ASSERT_OK(store->save(lease("10.249.1.9")));
  ASSERT_OK(store->save(left));
  EXPECT_EQ(store->load_leases().value(), std::vector<Lease>{left});
}

TEST(Store, KeepsTheUlaPrefix) {
  TempDirectory const directory;
  EXPECT_EQ(open(directory.path())->load_ula_prefix().value(), std::nullopt);
  IpPrefix const prefix = *IpPrefix::parse("fd12:3456:789a::/48");
  ASSERT_OK(open(directory.path())->save_ula_prefix(prefix));
  EXPECT_EQ(open(directory.path())->load_ula_prefix().value(), prefix);
}

/// The tables of the first version that later ones change, and those that they refer to.
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
    "PRAGMA user_version = 1;";

std::string const second_version =
    first_version +
    "ALTER TABLE leases ADD COLUMN owner TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE leases ADD COLUMN reserved INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE leases ADD COLUMN released_at INTEGER;"
    "CREATE TABLE settings (key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) STRICT, "
    "WITHOUT ROWID;"
    "PRAGMA user_version = 2;";

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

TEST(Store, ReplacesTheKnownNetworks) {
  TempDirectory const directory;
  FakeStore fake;
  std::unique_ptr<Store> const store = open(directory.path());
  KnownNetwork renamed = docker0;
  renamed.name = "renamed";
  KnownNetwork const bare{{"a0"}, "", "", {}};
  for (Store* each : {static_cast<Store*>(&fake), store.get()}) {
    EXPECT_OK(each->save_known_networks({docker0, shop}));
    EXPECT_OK(each->save(bare));
    EXPECT_EQ(each->load_known_networks().value(),
              (std::vector<KnownNetwork>{bare, shop, docker0}));
    EXPECT_OK(each->save_known_networks({bare, renamed}));
    EXPECT_EQ(each->load_known_networks().value(), (std::vector<KnownNetwork>{bare, renamed}));
    EXPECT_OK(each->save_known_networks({}));
    EXPECT_TRUE(each->load_known_networks().value().empty());
  }
}

TEST(Store, WritesNothingWhenTheKnownNetworksAreTheSame) {
  TempDirectory const directory;
  std::unique_ptr<Store> const store = open(directory.path());
  auto const log_bytes = [&] { return std::filesystem::file_size(directory / "state.db-wal"); };
  ASSERT_OK(store->save_known_networks({docker0, shop}));
  std::uintmax_t const before = log_bytes();
  ASSERT_OK(store->save_known_networks({shop, docker0}));
  EXPECT_EQ(log_bytes(), before);
  ASSERT_OK(store->save_known_networks({shop}));
  EXPECT_GT(log_bytes(), before);
}

TEST(Store, TakesTheMarksOfAnEndpointBack) {
  TempDirectory const directory;
  std::unique_ptr<Store> const store = open(directory.path());
  ASSERT_OK(store->save(network("ab12")));
  Endpoint marked = endpoint("e1", "ab12");
  marked.marks = {"", "shop", true};
  ASSERT_OK(store->save(marked));
  EXPECT_EQ(store->load_endpoints().value(), std::vector<Endpoint>{marked});
  marked.marks.reset();
  ASSERT_OK(store->save(marked));
  EXPECT_EQ(store->load_endpoints().value(), std::vector<Endpoint>{marked});
}

TEST(Store, RefusesTheDatabaseOfAnotherProgram) {
  TempDirectory const directory;
  write_sql(directory / "state.db", "CREATE TABLE bookmarks (url TEXT);");
  EXPECT_TRUE(fails_with(open_store(directory.path()), Errc::store, "of another program"));
}

TEST(Store, RefusesWhatIsNoDatabase) {
  TempDirectory const directory;
  std::filesystem::path const file = directory / "state.db";
  std::ofstream(file) << std::string(5000, 'x');
  EXPECT_TRUE(fails_with(open_store(directory.path()), Errc::store, "not a database"));
  std::filesystem::remove(file);
  std::filesystem::create_directory(file);
  EXPECT_TRUE(fails_with(open_store(directory.path()), Errc::store, "Is a directory"));
}

TEST(Store, TakesAnEmptyFileForANewOne) {
  TempDirectory const directory;
  std::ofstream(directory / "state.db").flush();
  EXPECT_OK(open(directory.path())->save(pods));
}

TEST(Store, ReportsADamagedFile) {
  TempDirectory const directory;
  std::filesystem::path const file = directory / "state.db";
  fill(*open(directory.path()));
  std::fstream(file, std::ios::in | std::ios::out | std::ios::binary).seekp(4096)
      << std::string(24576, '\x5a');
  std::unique_ptr<Store> const store = open(directory.path());
  EXPECT_TRUE(fails_with(store->load_pools(), Errc::store, "damaged"));
}

TEST(Store, ReportsRowsThatMakeNoSense) {
  TempDirectory const directory;
  std::filesystem::path const file = directory / "state.db";
  fill(*open(directory.path()));
  write_sql(file,
            "UPDATE pools SET prefix = 'x'; UPDATE leases SET address = 'x' WHERE kind = 'gateway';"
            "UPDATE endpoints SET mac = 'x'; UPDATE known_networks SET subnets = 'x';"
            "INSERT INTO network_options VALUES ('nobody', 'k', 'v');");
  std::unique_ptr<Store> const store = open(directory.path());
  EXPECT_TRUE(fails_with(store->load_pools(), Errc::store, "damaged row: \"x\""));
  EXPECT_TRUE(fails_with(store->load_leases(), Errc::store, "damaged row: \"x\""));
  EXPECT_TRUE(fails_with(store->load_endpoints(), Errc::store, "damaged row: \"x\""));
  EXPECT_TRUE(fails_with(store->load_known_networks(), Errc::store, "damaged row: \"x\""));
  EXPECT_TRUE(fails_with(store->load_networks(), Errc::store, "unknown network nobody"));
}

/// Becomes another user for a while: root may write anywhere.
class AsNobody {
 public:
  AsNobody() : was_(geteuid()) { static_cast<void>(seteuid(was_ == 0 ? 65534 : was_)); }
  ~AsNobody() { static_cast<void>(seteuid(was_)); }

 private:
  uid_t was_;
};

TEST(Store, SaysWhyItCannotWrite) {
  TempDirectory const directory;
  std::filesystem::permissions(directory.path(), perms(0555));
  AsNobody const nobody;
  EXPECT_TRUE(fails_with(open_store(directory.path()), Errc::store, "cannot lock it: Permission"));
  EXPECT_TRUE(fails_with(open_store(directory / "state"), Errc::store, "cannot create it"));
  EXPECT_TRUE(
      fails_with(open_store("/proc/drawbridge/x"), Errc::store, "cannot create its parent"));
}

TEST(Store, SaysThatTheFileIsReadOnly) {
  TempDirectory const directory;
  fill(*open(directory.path()));
  std::filesystem::permissions(directory.path(), perms(0777));
  std::filesystem::permissions(directory / "lock", perms(0666));
  std::filesystem::permissions(directory / "state.db", perms(0444));
  AsNobody const nobody;
  EXPECT_TRUE(fails_with(open_store(directory.path()), Errc::store, "Permission denied"));
}

/// No file of this process grows beyond `bytes` while the object lives: a disk that is full.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &was_);
    rlimit const full{bytes, was_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &full);
  }
  ~FullDisk() { setrlimit(RLIMIT_FSIZE, &was_); }

 private:
  rlimit was_{};
};

TEST(Store, ChangesNothingWhenTheDiskIsFullAndGoesOnAfterwards) {
  TempDirectory const directory;
  std::unique_ptr<Store> const store = open(directory.path());
  fill(*store);
  FakeStore::Contents const before = contents_of(*store);
  NetworkRequest big = network("big");
  for (int i = 0; i < 500; ++i) {
    big.options[std::to_string(i)] = std::string(100, 'x');
  }
  std::uintmax_t const log = std::filesystem::file_size(directory / "state.db-wal");
  // The first limit breaks the transaction in its commit, the others at once.
  for (std::uintmax_t const room : {std::uintmax_t{20000}, std::uintmax_t{0}}) {
    FullDisk const full(log + room);
    EXPECT_FALSE(store->save(big).has_value());
    EXPECT_EQ(contents_of(*store), before);
  }
  {
    FullDisk const full(log);
    EXPECT_FALSE(store->save(lease("10.249.1.3")).has_value());
    EXPECT_FALSE(store->remove(pods.id).has_value());
    EXPECT_EQ(contents_of(*store), before);
  }
  EXPECT_OK(store->save(big));
  EXPECT_OK(store->save(lease("10.249.1.3")));
  EXPECT_EQ(contents_of(*store).networks.at(big.id), big);
}

TEST(Store, KeepsItsLogSmall) {
  TempDirectory const directory;
  std::unique_ptr<Store> const store = open(directory.path());
  NetworkRequest big = network("big");
  for (int i = 0; i < 100; ++i) {
    big.options["key"] = std::string(90000, static_cast<char>('a' + i % 26));
    ASSERT_OK(store->save(big));
  }
  EXPECT_LE(std::filesystem::file_size(directory / "state.db-wal"), 5U << 20);
  EXPECT_LE(std::filesystem::file_size(directory / "state.db"), 1U << 20);
}

}  // namespace
}  // namespace drawbridge
