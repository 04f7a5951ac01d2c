// State files that cannot be used: moved aside, never lost.
#include "store/store.h"
#include "tests/support/store_samples.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <sys/resource.h>

namespace drawbridge {
namespace {

WallTime const noon =
    std::chrono::sys_days(std::chrono::year(2026) / 11 / 21) + std::chrono::hours(12);

std::string bytes_of(std::filesystem::path const& file) {
  std::ostringstream bytes;
  bytes << std::ifstream(file, std::ios::binary).rdbuf();
  return bytes.str();
}

class StoreReplaced : public testing::Test {
 protected:
  /// Expects that the file was moved aside, and that what is there now is empty.
  void expect_replaced(std::string const& reason, std::string const& copy) {
    Result<OpenedStore> const opened = open_or_replace_store(directory_.path(), noon);
    ASSERT_OK(opened);
    ASSERT_TRUE(opened->lost.has_value());
    EXPECT_NE(opened->lost->reason.find(reason), std::string::npos) << opened->lost->reason;
    EXPECT_EQ(opened->lost->copy, directory_ / copy);
    EXPECT_TRUE(opened->store->load_networks().value().empty());
    EXPECT_TRUE(opened->store->awaits_rebuild().value());
  }

  TempDirectory directory_;
  std::filesystem::path file_ = directory_ / "state.db";
};

TEST_F(StoreReplaced, WhatIsNoDatabaseIsKeptByteForByte) {
  std::string const text(5000, 'x');
  std::ofstream(file_) << text;
  expect_replaced("not a database", "state.db.corrupt-20261121T120000");
  EXPECT_EQ(bytes_of(directory_ / "state.db.corrupt-20261121T120000"), text);
}

TEST_F(StoreReplaced, NoCopyTakesThePlaceOfAnother) {
  std::ofstream(file_) << std::string(5000, 'x');
  expect_replaced("not a database", "state.db.corrupt-20261121T120000");
  std::ofstream(file_) << std::string(5000, 'y');
  expect_replaced("not a database", "state.db.corrupt-20261121T120000-2");
  EXPECT_EQ(bytes_of(directory_ / "state.db.corrupt-20261121T120000")[0], 'x');
}

TEST_F(StoreReplaced, DamageInTheMiddleIsFoundAtStart) {
  fill(*open(directory_.path()));
  std::fstream out(file_, std::ios::in | std::ios::out | std::ios::binary);
  out.seekp(4096 * 3);
  out << std::string(4096 * 4, '\x5a');
  out.close();
  expect_replaced("state.db: ", "state.db.corrupt-20261121T120000");
}

TEST_F(StoreReplaced, RowsThatMakeNoSenseAreDamageToo) {
  for (char const* const damage :
       {"UPDATE endpoints SET mac = 'x'", "UPDATE pools SET prefix = 'x'",
        "UPDATE endpoint_ports SET host_first = 99999",
        "PRAGMA foreign_keys = OFF; DELETE FROM networks", "DROP TABLE leases"}) {
    TempDirectory const directory;
    fill(*open(directory.path()));
    write_sql(directory / "state.db", damage);
    Result<OpenedStore> const opened = open_or_replace_store(directory.path(), noon);
    ASSERT_OK(opened);
    EXPECT_TRUE(opened->lost.has_value()) << damage;
  }
}

TEST_F(StoreReplaced, ALogWithoutItsFileIsKept) {
  std::ofstream(directory_ / "state.db-wal") << "log";
  expect_replaced("only its log is there", "state.db.corrupt-20261121T120000");
  EXPECT_EQ(bytes_of(directory_ / "state.db.corrupt-20261121T120000-wal"), "log");
}

TEST_F(StoreReplaced, WhatIsGoodStaysAndAwaitsItsRebuildUntilThatIsOver) {
  {
    Result<OpenedStore> const opened = open_or_replace_store(directory_.path(), noon);
    ASSERT_OK(opened);
    EXPECT_FALSE(opened->lost.has_value());
    EXPECT_TRUE(opened->store->awaits_rebuild().value()) << "nobody knows what was before";
    fill(*opened->store);
  }
  {
    Result<OpenedStore> const opened = open_or_replace_store(directory_.path(), noon);
    ASSERT_OK(opened);
    EXPECT_TRUE(opened->store->awaits_rebuild().value());
    EXPECT_OK(opened->store->end_rebuild());
  }
  Result<OpenedStore> const opened = open_or_replace_store(directory_.path(), noon);
  ASSERT_OK(opened);
  EXPECT_FALSE(opened->store->awaits_rebuild().value());
  EXPECT_EQ(opened->store->load_networks().value().size(), 2U);
}

TEST_F(StoreReplaced, AnotherProgramsOrANewerFileIsNotMoved) {
  write_sql(file_, "CREATE TABLE bookmarks (url TEXT);");
  EXPECT_TRUE(
      fails_with(open_or_replace_store(directory_.path(), noon), Errc::store, "another program"));
  EXPECT_TRUE(std::filesystem::exists(file_));
  std::filesystem::remove(file_);
  write_sql(file_, "CREATE TABLE pools (later TEXT); PRAGMA user_version = 99;");
  std::string const before = bytes_of(file_);
  EXPECT_TRUE(fails_with(open_or_replace_store(directory_.path(), noon), Errc::unsupported, ""));
  EXPECT_EQ(bytes_of(file_), before);
}

}  // namespace
}  // namespace drawbridge
