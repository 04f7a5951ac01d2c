// Routes of proxies, which go with their endpoint, and memberships, which go when they are removed.
#include "store/store.h"
#include "tests/support/store_samples.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

namespace drawbridge {
namespace {

ProxyRoute route(std::string const& network, std::string const& endpoint,
                 std::string const& from = "172.17.0.2") {
  return {{network}, {endpoint}, "docker0", *IpAddress::parse(from)};
}

/// The same stories of the real store and of the one that other tests use.
class StoreProxies : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    ASSERT_OK(store_.save(network("ab12")));
    ASSERT_OK(store_.save(network("cd34")));
    ASSERT_OK(store_.save(endpoint("e1", "ab12")));
    ASSERT_OK(store_.save(endpoint("e2", "cd34")));
    ASSERT_OK(store_.save_routes(some_routes()));
    ASSERT_EQ(routes(), some_routes());
  }

  std::set<ProxyRoute> routes() { return store_.load_routes().value(); }
  std::set<Membership> memberships() { return store_.load_memberships().value(); }

  TempDirectory directory_;
  FakeStore fake_;
  std::unique_ptr<Store> real_ = open(directory_.path());
  Store& store_ = GetParam() ? *real_ : static_cast<Store&>(fake_);
};

TEST_P(StoreProxies, RoutesAreReplacedByThoseThatAreSaved) {
  std::set<ProxyRoute> const next = {route("ab12", "e1"), route("cd34", "e2", "fd17::2")};
  ASSERT_OK(store_.save_routes(next));
  EXPECT_EQ(routes(), next);
  ASSERT_OK(store_.save_routes({}));
  EXPECT_TRUE(routes().empty());
}

TEST_P(StoreProxies, RoutesStayWhenTheirEndpointIsSavedAgain) {
  Endpoint changed = endpoint("e1", "ab12");
  changed.marks = {"app", "shop", false};
  changed.ports = some_ports();
  ASSERT_OK(store_.save(changed));
  ASSERT_OK(store_.save(network("ab12")));
  EXPECT_EQ(routes(), some_routes());
}

TEST_P(StoreProxies, RoutesGoWithTheirEndpointAndNotWithAnother) {
  ASSERT_OK(store_.remove(EndpointId{"e1"}));
  EXPECT_EQ(routes(), std::set<ProxyRoute>{route("cd34", "e2")});
}

TEST_P(StoreProxies, RoutesGoWithTheirNetworkAndNotWithAnother) {
  ASSERT_OK(store_.remove(NetworkId{"cd34"}));
  EXPECT_EQ(routes(), (std::set<ProxyRoute>{route("ab12", "e1"), route("ab12", "e1", "fd17::2")}));
}

TEST_P(StoreProxies, ARouteToNowhereIsRefusedWithAllThatComeWithIt) {
  EXPECT_FALSE(store_.save_routes({route("ab12", "e1"), route("ab12", "e9")}));
  EXPECT_EQ(routes(), some_routes());
}

TEST_P(StoreProxies, MembershipsStayUntilTheyAreRemoved) {
  Membership const made{{"ab12"}, {"c1"}};
  Membership const foreign{{"b0"}, {"c1"}};
  for (int times = 0; times < 2; ++times) {
    ASSERT_OK(store_.save(made));
    ASSERT_OK(store_.save(foreign));
  }
  ASSERT_OK(store_.remove(NetworkId{"ab12"}));
  EXPECT_EQ(memberships(), (std::set<Membership>{made, foreign})) << "the steward ends them";
  ASSERT_OK(store_.remove(made));
  ASSERT_OK(store_.remove(made));
  EXPECT_EQ(memberships(), std::set<Membership>{foreign});
}

INSTANTIATE_TEST_SUITE_P(Real, StoreProxies, testing::Values(true));
INSTANTIATE_TEST_SUITE_P(Fake, StoreProxies, testing::Values(false));

TEST(Store, ADamagedRouteIsNoRoute) {
  TempDirectory const directory;
  {
    std::unique_ptr<Store> const store = open(directory.path());
    fill(*store);
  }
  write_sql(directory / "state.db",
            "UPDATE proxy_routes SET source = '172.17.0' WHERE endpoint = 'e2';");
  Result<OpenedStore> const opened = open_or_replace_store(directory.path(), WallTime());
  ASSERT_OK(opened);
  ASSERT_TRUE(opened->lost.has_value());
  EXPECT_NE(opened->lost->reason.find("damaged row"), std::string::npos) << opened->lost->reason;
}

}  // namespace
}  // namespace drawbridge
