// Who gets which address again, and when. Which addresses there are: ipam_address_test.cc.
#include "ipam/ipam.h"
#include "tests/support/expect_ok.h"
#include "tests/support/holds.h"
#include "tests/support/test_ipam.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

using std::chrono::seconds;

TEST(IpamLease, HandsOutWhatWasNeverUsedBeforeWhatWasReleased) {
  TestIpam host;
  std::string const pool = host.pool("subnet=10.1.0.0/29");
  EXPECT_EQ(host.gateway(pool), "10.1.0.1/29");
  EXPECT_EQ(host.address(pool), "10.1.0.2/29");
  EXPECT_EQ(host.release_address(pool, "10.1.0.2"), "ok");
  host.wait(seconds(3600));
  for (char const* const next : {"10.1.0.3/29", "10.1.0.4/29", "10.1.0.5/29", "10.1.0.6/29"}) {
    EXPECT_EQ(host.address(pool), next);
  }
  EXPECT_EQ(host.address(pool), "10.1.0.2/29");
  EXPECT_TRUE(holds(host.address(pool), "exhausted: "));
}

TEST(IpamLease, HandsOutFirstWhatWasReleasedTheLongestAgo) {
  TestIpam host;
  std::string const pool = host.pool("subnet=10.1.0.0/29");
  for (char const* const next :
       {"10.1.0.1/29", "10.1.0.2/29", "10.1.0.3/29", "10.1.0.4/29", "10.1.0.5/29", "10.1.0.6/29"}) {
    EXPECT_EQ(host.address(pool), next);
  }
  for (char const* const address : {"10.1.0.5", "10.1.0.2", "10.1.0.4"}) {
    EXPECT_EQ(host.release_address(pool, address), "ok");
    host.wait(seconds(1));
  }
  host.restart();
  EXPECT_EQ(host.address(pool), "10.1.0.5/29");
  EXPECT_EQ(host.address(pool), "10.1.0.2/29");
  EXPECT_EQ(host.address(pool), "10.1.0.4/29");
}

TEST(IpamLease, KeepsTheOrderWhenTheClockIsSetBack) {
  TestIpam host;
  std::string const pool = host.pool("subnet=10.1.0.0/30");
  EXPECT_EQ(host.address(pool), "10.1.0.1/30");
  EXPECT_EQ(host.address(pool), "10.1.0.2/30");
  EXPECT_EQ(host.release_address(pool, "10.1.0.1"), "ok");
  host.wait(seconds(-3600));
  EXPECT_EQ(host.release_address(pool, "10.1.0.2"), "ok");
  EXPECT_EQ(host.address(pool), "10.1.0.1/30");
  EXPECT_EQ(host.address(pool), "10.1.0.2/30");
}

TEST(IpamLease, GivesAContainerOfTheSameNameTheAddressItHad) {
  TestIpam host;
  std::string const pool = host.pool();
  EXPECT_EQ(host.gateway(pool), "10.249.1.1/24");
  EXPECT_EQ(host.address(pool, "", "web"), "10.249.1.2/24");
  EXPECT_EQ(host.address(pool, "", "db"), "10.249.1.3/24");
  EXPECT_EQ(host.release_address(pool, "10.249.1.3"), "ok");
  EXPECT_EQ(host.release_address(pool, "10.249.1.2"), "ok");
  host.restart();
  EXPECT_EQ(host.address(pool, "", "other"), "10.249.1.4/24");
  EXPECT_EQ(host.address(pool, "", "web"), "10.249.1.2/24");
  EXPECT_EQ(host.address(pool, "", "db"), "10.249.1.3/24");
}

TEST(IpamLease, GivesANameAnotherAddressWhileItsOwnIsHeld) {
  TestIpam host;
  std::string const pool = host.pool("subnet=10.1.0.0/29");
  EXPECT_EQ(host.address(pool, "", "web"), "10.1.0.1/29");
  EXPECT_EQ(host.address(pool, "", "web"), "10.1.0.2/29");
  EXPECT_EQ(host.release_address(pool, "10.1.0.1"), "ok");
  EXPECT_EQ(host.address(pool, "10.1.0.1", "db"), "10.1.0.1/29");
  EXPECT_EQ(host.address(pool, "", "web"), "10.1.0.3/29");
}

TEST(IpamLease, GivesANamesAddressToAnotherOnlyWhenNoneIsLeft) {
  TestIpam host;
  std::string const pool = host.pool("subnet=10.1.0.0/30");
  EXPECT_EQ(host.address(pool, "", "web"), "10.1.0.1/30");
  EXPECT_EQ(host.release_address(pool, "10.1.0.1"), "ok");
  EXPECT_EQ(host.address(pool, "", "db"), "10.1.0.2/30");
  EXPECT_EQ(host.address(pool, "", "cache"), "10.1.0.1/30");
  EXPECT_EQ(host.release_address(pool, "10.1.0.1"), "ok");
  EXPECT_EQ(host.address(pool, "", "web"), "10.1.0.1/30");
}

TEST(IpamLease, NeverHandsOutAnAddressThatSomebodyAskedFor) {
  TestIpam host;
  std::string const pool = host.pool("subnet=10.1.0.0/29");
  EXPECT_EQ(host.gateway(pool), "10.1.0.1/29");
  EXPECT_EQ(host.address(pool, "10.1.0.3"), "10.1.0.3/29");
  EXPECT_EQ(host.release_address(pool, "10.1.0.3"), "ok");
  host.restart();
  for (char const* const next : {"10.1.0.2/29", "10.1.0.4/29", "10.1.0.5/29", "10.1.0.6/29"}) {
    EXPECT_EQ(host.address(pool), next);
  }
  EXPECT_EQ(host.address(pool),
            "exhausted: subnet 10.1.0.0/29 has no free address: all 6 from 10.1.0.1 to 10.1.0.6 "
            "are in use (1 kept for containers that had them by --ip); remove containers or make "
            "the network again with a larger --subnet");
  EXPECT_EQ(host.address(pool, "10.1.0.3"), "10.1.0.3/29");
}

TEST(IpamLease, LetsTheNextContainerAskForAnAddressThatIsFree) {
  TestIpam host;
  std::string const pool = host.pool();
  EXPECT_EQ(host.address(pool, "10.249.1.50", "old"), "10.249.1.50/24");
  EXPECT_EQ(host.address(pool, "10.249.1.50", "new"),
            "already_exists: address 10.249.1.50 is already in use in 10.249.1.0/24 by container "
            "old");
  EXPECT_EQ(host.release_address(pool, "10.249.1.50"), "ok");
  EXPECT_EQ(host.address(pool, "10.249.1.50", "new"), "10.249.1.50/24");
  EXPECT_EQ(host.release_address(pool, "10.249.1.50"), "ok");
  EXPECT_EQ(host.address(pool, "", "old"), "10.249.1.1/24");
  EXPECT_EQ(host.address(pool, "", "new"), "10.249.1.50/24");
}

/// Fills 10.1.0.0/16 with 300 leases and gives them back one second after the other.
std::string used_and_released(TestIpam& host) {
  std::string const pool = host.pool("subnet=10.1.0.0/16");
  for (int i = 0; i < 300; ++i) {
    host.address(pool);
  }
  for (int i = 0; i < 300; ++i) {
    std::string const address = fmt::format("10.1.{}.{}", (i + 1) / 256, (i + 1) % 256);
    EXPECT_EQ(host.release_address(pool, address), "ok");
    host.wait(seconds(1));
  }
  return pool;
}

TEST(IpamLease, RemembersNoMoreReleasesThanTheOrderNeeds) {
  TestIpam host;
  std::string const pool = used_and_released(host);
  EXPECT_EQ(host.store.contents.leases.size(), 256U);
  EXPECT_EQ(host.address(pool), "10.1.0.1/16");
  EXPECT_EQ(host.address(pool), "10.1.0.2/16");
}

TEST(IpamLease, ForgetsNoReleaseBeforeItsDelayIsOver) {
  PoolConfig config = default_pool_config();
  config.reuse_delay = seconds(1000);
  TestIpam host(config);
  std::string const pool = used_and_released(host);
  EXPECT_EQ(host.store.contents.leases.size(), 300U);
  EXPECT_EQ(host.address(pool), "10.1.1.45/16");
}

TEST(IpamLease, TakesBackTheWholeGroupThatCouldNotBeStored) {
  TestIpam host;
  std::string const pool = host.pool();
  EXPECT_EQ(host.address(pool), "10.249.1.1/24");
  ASSERT_OK(host.store.begin());
  EXPECT_EQ(host.pool(), "10.249.2.0/24");
  EXPECT_EQ(host.address(pool), "10.249.1.2/24");
  EXPECT_EQ(host.release_address(pool, "10.249.1.1"), "ok");
  host.store.fail_at(1);
  EXPECT_TRUE(fails_with(host.store.commit(), Errc::store, "disk full"));
  host.invalidate();
  EXPECT_EQ(host.pool(), "10.249.2.0/24");
  EXPECT_EQ(host.usage(), "10.249.1.0/24 1, 10.249.2.0/24 0");
  EXPECT_EQ(host.address(pool), "10.249.1.2/24");
}

TEST(IpamLease, LeasesNothingWhileItCannotKnowWhatIsLeased) {
  TestIpam host;
  std::string const pool = host.pool();
  host.invalidate();
  host.store.fail_at(1);
  EXPECT_EQ(host.pool(), "store: load pools: disk full, says the test");
  host.store.fail_at(2);
  EXPECT_TRUE(holds(host.pool(), "store: load leases: "));
  EXPECT_EQ(host.pool(), "10.249.2.0/24");
}

TEST(IpamLease, ListsWhatSomebodyHolds) {
  FakeStore store;
  Ipam ipam(default_pool_config(), store);
  HostRoutes const nothing_else;
  PoolId const pool = ipam.request_pool(pool_request("subnet=10.1.0.0/16"), nothing_else)->pool.id;
  AddressRequest request;
  request.pool = pool;
  request.kind = AddressKind::gateway;
  ASSERT_OK(ipam.request_address(request));
  request.kind = AddressKind::endpoint;
  ASSERT_OK(ipam.request_address(request));
  request.address = *IpAddress::parse("10.1.7.7");
  ASSERT_OK(ipam.request_address(request));
  ASSERT_OK(ipam.release_address(pool, *IpAddress::parse("10.1.0.2"), WallTime()));
  std::vector<Lease> const leases = ipam.leases();
  ASSERT_EQ(leases.size(), 2U);
  EXPECT_EQ(leases[0], (Lease{pool, *IpAddress::parse("10.1.0.1"), AddressKind::gateway}));
  EXPECT_EQ(leases[1].address, *IpAddress::parse("10.1.7.7"));
}

}  // namespace
}  // namespace drawbridge
