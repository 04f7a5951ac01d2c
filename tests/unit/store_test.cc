#include "store/store.h"

#include "tests/support/store_samples.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace drawbridge {
namespace {

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
  EXPECT_OK(store->remove(PortLease{{"none"}, "web", 9000}));
}

TEST(Store, RefusesWhatBelongsToNothing) {
  TempDirectory const directory;
  FakeStore fake;
  std::unique_ptr<Store> const store = open(directory.path());
  for (Store* each : {static_cast<Store*>(&fake), store.get()}) {
    EXPECT_TRUE(fails_with(each->save(lease("10.249.1.2")), Errc::store, ""));
    EXPECT_TRUE(fails_with(each->save(endpoint("e1", "ab12")), Errc::store, ""));
    EXPECT_TRUE(fails_with(each->save(PortLease{{"ab12"}, "web", 9000}), Errc::store, ""));
  }
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

}  // namespace
}  // namespace drawbridge
