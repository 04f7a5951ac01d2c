// Copies of the state file, and what becomes of them.
#include "store/store.h"
#include "tests/support/store_samples.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace drawbridge {
namespace {

using std::filesystem::perms;

TEST(StoreBackup, InThePlaceOfTheFileIsTheStateOfThatMoment) {
  TempDirectory const directory;
  std::filesystem::path const copy = directory / "copy.db";
  std::unique_ptr<Store> store = open(directory / "state");
  fill(*store);
  FakeStore::Contents const before = contents_of(*store);
  ASSERT_OK(store->back_up(copy));
  EXPECT_OK(store->remove(pods.id));
  EXPECT_OK(store->remove(NetworkId{"ab12"}));
  store.reset();
  std::filesystem::copy_file(copy, directory / "state" / "state.db",
                             std::filesystem::copy_options::overwrite_existing);
  store = open(directory / "state");
  EXPECT_EQ(contents_of(*store), before);
  EXPECT_OK(store->remove(pods.id)) << "it can be written, too";
}

TEST(StoreBackup, IsForItsOwnerOnly) {
  TempDirectory const directory;
  ASSERT_OK(open(directory / "state")->back_up(directory / "copy.db"));
  EXPECT_EQ(std::filesystem::status(directory / "copy.db").permissions(), perms(0600));
  EXPECT_FALSE(std::filesystem::exists(directory / "copy.db-journal"));
}

TEST(StoreBackup, ReplacesNothing) {
  TempDirectory const directory;
  std::unique_ptr<Store> const store = open(directory / "state");
  std::ofstream(directory / "precious").flush();
  EXPECT_TRUE(fails_with(store->back_up(directory / "precious"), Errc::conflict, "exists"));
  std::filesystem::create_symlink(directory / "nowhere", directory / "link");
  EXPECT_TRUE(fails_with(store->back_up(directory / "link"), Errc::conflict, "exists"));
  EXPECT_EQ(std::filesystem::file_size(directory / "precious"), 0U);
  EXPECT_FALSE(std::filesystem::exists(directory / "nowhere"));
}

TEST(StoreBackup, SaysWhereItCannotBeAndLeavesNothing) {
  TempDirectory const directory;
  std::unique_ptr<Store> const store = open(directory / "state");
  EXPECT_TRUE(fails_with(store->back_up(directory / "no" / "copy.db"), Errc::store,
                         "copy.db: No such file"));
  // A group is open, in which no copy can be made.
  EXPECT_OK(store->begin());
  EXPECT_TRUE(fails_with(store->back_up(directory / "copy.db"), Errc::store, "copy.db: "));
  EXPECT_FALSE(std::filesystem::exists(directory / "copy.db"));
  store->roll_back();
  EXPECT_OK(store->back_up(directory / "copy.db"));
}

}  // namespace
}  // namespace drawbridge
