// Copies of the state file, and what becomes of them.
#include "store/store.h"
#include "tests/support/full_disk.h"
#include "tests/support/store_samples.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace drawbridge {
namespace {

void write(std::filesystem::path const& file, std::string const& bytes) {
  std::ofstream(file, std::ios::binary | std::ios::trunc) << bytes;
}

TEST(StoreBackup, InThePlaceOfTheFileIsTheStateOfThatMoment) {
  TempDirectory const directory;
  std::unique_ptr<Store> store = open(directory / "state");
  fill(*store);
  FakeStore::Contents const before = contents_of(*store);
  Result<std::string> const copy = store->back_up();
  ASSERT_OK(copy);
  EXPECT_OK(store->remove(pods.id));
  EXPECT_OK(store->remove(NetworkId{"ab12"}));
  store.reset();
  write(directory / "state" / "state.db", *copy);
  store = open(directory / "state");
  EXPECT_EQ(contents_of(*store), before);
  EXPECT_OK(store->remove(pods.id)) << "it can be written, too";
}

TEST(StoreBackup, IsMadeOnAFullDiskToo) {
  TempDirectory const directory;
  std::unique_ptr<Store> const store = open(directory / "state");
  fill(*store);
  FakeStore::Contents const before = contents_of(*store);
  Result<std::string> copy = fail(Errc::store, "not asked");
  {
    FullDisk const full(0);
    EXPECT_FALSE(store->remove(pods.id).has_value()) << "the control";
    copy = store->back_up();
  }
  ASSERT_OK(copy);
  std::filesystem::create_directory(directory / "restored");
  write(directory / "restored" / "state.db", *copy);
  EXPECT_EQ(contents_of(*open(directory / "restored")), before);
}

TEST(StoreBackup, IsRefusedWhileAGroupIsOpen) {
  TempDirectory const directory;
  std::unique_ptr<Store> const store = open(directory / "state");
  EXPECT_OK(store->begin());
  EXPECT_OK(store->save(pods));
  EXPECT_TRUE(fails_with(store->back_up(), Errc::store, "state.db: "))
      << "what may be rolled back is no state";
  store->roll_back();
  EXPECT_OK(store->back_up());
}

}  // namespace
}  // namespace drawbridge
