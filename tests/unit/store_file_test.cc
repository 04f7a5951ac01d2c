// The state file: who may have it, what is wrong with it, and what if the disk is full.
#include "store/store.h"
#include "tests/support/full_disk.h"
#include "tests/support/store_samples.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <unistd.h>

namespace drawbridge {
namespace {

using std::filesystem::perms;

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

TEST(Store, ReportsPortsThatMakeNoSense) {
  for (char const* const damage :
       {"host = 'x'", "protocol = 256", "host_first = -1", "host_last = 65536",
        "host_first = 9000, host_last = 8999", "container_port = 65530"}) {
    TempDirectory const directory;
    fill(*open(directory.path()));
    std::string const damaged = " WHERE host IS NULL;";
    write_sql(directory / "state.db",
              ("UPDATE endpoint_ports SET " + std::string(damage) + damaged).c_str());
    std::unique_ptr<Store> const store = open(directory.path());
    EXPECT_TRUE(fails_with(store->load_endpoints(), Errc::store, "damaged row: ")) << damage;
  }
}

TEST(Store, ReportsPortsOfNobodyAndLeasesThatMakeNoSense) {
  TempDirectory const directory;
  fill(*open(directory.path()));
  write_sql(directory / "state.db",
            "INSERT INTO endpoint_ports VALUES ('nobody', 0, 6, NULL, 80, 80, 80);"
            "UPDATE port_leases SET host_port = 65536;");
  std::unique_ptr<Store> const store = open(directory.path());
  EXPECT_TRUE(fails_with(store->load_endpoints(), Errc::store, "unknown endpoint nobody"));
  EXPECT_TRUE(fails_with(store->load_port_leases(), Errc::store, "65536 of ab12 is out of range"));
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

TEST(Store, ChangesNothingWhenTheDiskIsFullAndGoesOnAfterwards) {
  TempDirectory const directory;
  std::unique_ptr<Store> const store = open(directory.path());
  fill(*store);
  FakeStore::Contents const before = contents_of(*store);
  NetworkRequest big = network("big");
  for (int i = 0; i < 500; ++i) {
    big.options[std::to_string(i)] = std::string(100, 'x');
  }
  Endpoint busy = endpoint("e1", "ab12");
  busy.ports = std::vector<PublishedPort>(2000, some_ports().back());
  std::uintmax_t const log = std::filesystem::file_size(directory / "state.db-wal");
  // The first limit breaks the transaction in its commit, the others at once.
  for (std::uintmax_t const room : {std::uintmax_t{20000}, std::uintmax_t{0}}) {
    FullDisk const full(log + room);
    EXPECT_FALSE(store->save(big).has_value());
    EXPECT_FALSE(store->save(busy).has_value());
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
