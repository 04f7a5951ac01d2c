// Which addresses gateways and containers get. The subnets around them: ipam_test.cc.
#include "ipam/ipam.h"
#include "tests/support/holds.h"
#include "tests/support/test_ipam.h"

#include <gtest/gtest.h>

#include <string>

namespace drawbridge {
namespace {

TEST(IpamAddress, GivesTheGatewayTheFirstAddressAndContainersTheNext) {
  TestIpam host;
  std::string const pool = host.pool();
  EXPECT_EQ(host.gateway(pool), "10.249.1.1/24");
  EXPECT_EQ(host.address(pool), "10.249.1.2/24");
  EXPECT_EQ(host.address(pool), "10.249.1.3/24");
  EXPECT_EQ(host.usage(), "10.249.1.0/24 3");
}

TEST(IpamAddress, TakesTheGatewayThatTheUserNames) {
  TestIpam host;
  std::string const pool = host.pool("subnet=10.1.0.0/16");
  EXPECT_EQ(host.gateway(pool, "10.1.0.9"), "10.1.0.9/16");
  EXPECT_EQ(host.address(pool), "10.1.0.1/16");
}

TEST(IpamAddress, GivesContainersTheRangeAndTheGatewayTheSubnet) {
  TestIpam host;
  std::string const pool = host.pool("subnet=172.30.0.0/16 range=172.30.240.0/30");
  EXPECT_EQ(host.gateway(pool), "172.30.0.1/16");
  EXPECT_EQ(host.address(pool, "172.30.5.5"), "172.30.5.5/16");
  for (char const* const address :
       {"172.30.240.0/16", "172.30.240.1/16", "172.30.240.2/16", "172.30.240.3/16"}) {
    EXPECT_EQ(host.address(pool), address);
  }
  EXPECT_EQ(host.address(pool),
            "exhausted: subnet 172.30.0.0/16 has no free address: all 4 from 172.30.240.0 to "
            "172.30.240.3 are in use; remove containers or make the network again with a larger "
            "--ip-range");
  EXPECT_EQ(host.address(pool, "172.30.0.2"), "172.30.0.2/16");
}

TEST(IpamAddress, KeepsNetworkAndBroadcastAddressOutOfARangeAtTheEdge) {
  TestIpam host;
  std::string const low = host.pool("subnet=10.1.0.0/24 range=10.1.0.0/31");
  EXPECT_EQ(host.address(low), "10.1.0.1/24");
  EXPECT_TRUE(holds(host.address(low), "all 1 from 10.1.0.1 to 10.1.0.1"));
  std::string const high = host.pool("subnet=10.2.0.0/24 range=10.2.0.254/31");
  EXPECT_EQ(host.address(high), "10.2.0.254/24");
  EXPECT_TRUE(holds(host.address(high), "exhausted: "));
  std::string const none = host.pool("subnet=10.3.0.0/24 range=10.3.0.0/32");
  EXPECT_TRUE(holds(host.address(none), "exhausted: "));
}

TEST(IpamAddress, UsesBothAddressesOfALinkOfTwo) {
  TestIpam host;
  std::string const pool = host.pool("subnet=192.168.7.0/31");
  EXPECT_EQ(host.gateway(pool), "192.168.7.0/31");
  EXPECT_EQ(host.address(pool), "192.168.7.1/31");
  EXPECT_TRUE(holds(host.address(pool), "all 2 from 192.168.7.0 to 192.168.7.1 are in use"));
  std::string const internal = host.pool("v6 subnet=fd00::2/127");
  EXPECT_EQ(host.address(internal), "fd00::2/127");
  EXPECT_EQ(host.address(internal), "fd00::3/127");
  EXPECT_TRUE(holds(host.address(internal), "exhausted: "));
}

TEST(IpamAddress, HasOneContainerInASubnetOfFour) {
  TestIpam host;
  std::string const pool = host.pool("subnet=192.168.7.4/30");
  EXPECT_EQ(host.gateway(pool), "192.168.7.5/30");
  EXPECT_EQ(host.address(pool), "192.168.7.6/30");
  EXPECT_TRUE(holds(host.address(pool), "with a larger --subnet"));
}

TEST(IpamAddress, LeavesOutTheRoutersAddressOfAnIpv6Subnet) {
  TestIpam host;
  std::string const pool = host.pool("v6 subnet=fd00:1::/126");
  EXPECT_EQ(host.gateway(pool), "fd00:1::1/126");
  EXPECT_EQ(host.address(pool), "fd00:1::2/126");
  EXPECT_EQ(host.address(pool), "fd00:1::3/126");
  EXPECT_TRUE(holds(host.address(pool), "exhausted: "));
  EXPECT_TRUE(holds(host.address(pool, "fd00:1::"), "is the network address of fd00:1::/126"));
}

TEST(IpamAddress, ServesWideSubnets) {
  TestIpam host;
  std::string const wide = host.pool("subnet=11.0.0.0/8");
  EXPECT_EQ(host.gateway(wide), "11.0.0.1/8");
  EXPECT_EQ(host.address(wide, "11.255.255.254"), "11.255.255.254/8");
  EXPECT_EQ(host.address(wide), "11.0.0.2/8");
  std::string const v6 = host.pool("v6 subnet=fd00:1::/48 range=fd00:1:0:8000::/49");
  EXPECT_EQ(host.gateway(v6), "fd00:1::1/48");
  EXPECT_EQ(host.address(v6), "fd00:1:0:8000::/48");
  EXPECT_EQ(host.address(v6, "fd00:1:0:ffff:ffff:ffff:ffff:ffff"),
            "fd00:1:0:ffff:ffff:ffff:ffff:ffff/48");
}

TEST(IpamAddress, RefusesAnAddressThatIsTaken) {
  TestIpam host;
  std::string const pool = host.pool();
  EXPECT_EQ(host.gateway(pool), "10.249.1.1/24");
  EXPECT_EQ(host.address(pool, "10.249.1.7"), "10.249.1.7/24");
  EXPECT_EQ(host.address(pool, "10.249.1.7"),
            "already_exists: address 10.249.1.7 is already in use in 10.249.1.0/24");
  EXPECT_EQ(host.address(pool, "10.249.1.1"),
            "already_exists: address 10.249.1.1 is already in use in 10.249.1.0/24 as the gateway");
  EXPECT_TRUE(holds(host.gateway(pool, "10.249.1.7"), "already_exists: "));
  EXPECT_EQ(host.release_address(pool, "10.249.1.7"), "ok");
  EXPECT_EQ(host.address(pool, "10.249.1.7"), "10.249.1.7/24");
}

TEST(IpamAddress, RefusesAddressesThatCannotBe) {
  TestIpam host;
  std::string const pool = host.pool();
  EXPECT_EQ(host.address(pool, "10.249.2.1"),
            "invalid_argument: address 10.249.2.1 is outside of subnet 10.249.1.0/24");
  EXPECT_TRUE(holds(host.address(pool, "fd00::1"), "is outside of subnet"));
  EXPECT_TRUE(holds(host.address(pool, "10.249.1.0"), "is the network address of"));
  EXPECT_TRUE(holds(host.gateway(pool, "10.249.1.255"), "is the broadcast address of"));
  EXPECT_TRUE(
      holds(host.address("10.9.0.0/24"), "not_found: no pool drawbridge-local/10.9.0.0/24"));
}

TEST(IpamAddress, GivesTheSameGatewayWhenAskedAgain) {
  TestIpam host;
  std::string const pool = host.pool();
  EXPECT_EQ(host.gateway(pool), "10.249.1.1/24");
  host.restart();
  EXPECT_EQ(host.gateway(pool), "10.249.1.1/24");
  EXPECT_EQ(host.gateway(pool, "10.249.1.1"), "10.249.1.1/24");
  EXPECT_EQ(host.usage(), "10.249.1.0/24 1");
  EXPECT_EQ(host.release_address(pool, "10.249.1.1"), "ok");
  EXPECT_EQ(host.gateway(pool), "10.249.1.1/24");
  EXPECT_EQ(host.usage(), "10.249.1.0/24 1");
  EXPECT_EQ(host.release_address(pool, "10.249.1.1"), "ok");
  EXPECT_EQ(host.gateway(pool, "10.249.1.9"), "10.249.1.9/24");
  EXPECT_EQ(host.address(pool), "10.249.1.1/24");
}

TEST(IpamAddress, GivesAManagerThatStartsAgainWhatItHad) {
  TestIpam host;
  std::string const pool = host.pool("global subnet=10.150.0.0/24");
  EXPECT_EQ(host.gateway(pool), "10.150.0.1/24");
  EXPECT_EQ(host.address(pool), "10.150.0.2/24");
  std::size_t const writes = host.store.calls.size();
  EXPECT_EQ(host.gateway(pool, "10.150.0.1"), "10.150.0.1/24");
  EXPECT_EQ(host.address(pool, "10.150.0.2"), "10.150.0.2/24");
  EXPECT_EQ(host.store.calls.size(), writes);
  EXPECT_EQ(host.address(pool), "10.150.0.3/24");
}

TEST(IpamAddress, ReleasesWhatNobodyHoldsWithoutHarm) {
  TestIpam host;
  std::string const pool = host.pool();
  EXPECT_EQ(host.address(pool), "10.249.1.1/24");
  EXPECT_EQ(host.release_address(pool, "10.249.1.9"), "ok");
  EXPECT_EQ(host.release_address(pool, "fd00::1"), "ok");
  EXPECT_EQ(host.release_address("10.9.0.0/24", "10.9.0.1"), "ok");
  EXPECT_EQ(host.usage(), "10.249.1.0/24 1");
}

TEST(IpamAddress, ForgetsAllAddressesWithTheirPool) {
  TestIpam host;
  std::string const pool = host.pool();
  EXPECT_EQ(host.gateway(pool), "10.249.1.1/24");
  EXPECT_EQ(host.address(pool, "10.249.1.7"), "10.249.1.7/24");
  EXPECT_EQ(host.release_pool(pool), "ok");
  EXPECT_TRUE(host.store.contents.leases.empty());
  EXPECT_EQ(host.pool(), "10.249.1.0/24");
  EXPECT_EQ(host.address(pool, "10.249.1.7"), "10.249.1.7/24");
}

TEST(IpamAddress, KnowsItsLeasesAfterARestart) {
  TestIpam host;
  std::string const pool = host.pool();
  EXPECT_EQ(host.gateway(pool), "10.249.1.1/24");
  EXPECT_EQ(host.address(pool), "10.249.1.2/24");
  host.restart();
  EXPECT_EQ(host.usage(), "10.249.1.0/24 2");
  EXPECT_EQ(host.address(pool), "10.249.1.3/24");
  EXPECT_TRUE(holds(host.address(pool, "10.249.1.2"), "already_exists: "));
}

TEST(IpamAddress, ChangesNothingWhenTheStoreFails) {
  TestIpam host;
  std::string const pool = host.pool();
  EXPECT_EQ(host.gateway(pool), "10.249.1.1/24");
  auto const before = host.store.contents;
  host.store.fail_at(1);
  EXPECT_EQ(host.address(pool), "store: lease address 10.249.1.2: disk full, says the test");
  host.store.fail_at(1);
  EXPECT_TRUE(holds(host.address(pool, "10.249.1.9"), "store: lease address 10.249.1.9"));
  host.store.fail_at(1);
  EXPECT_TRUE(holds(host.release_address(pool, "10.249.1.1"), "store: release address"));
  EXPECT_EQ(host.store.contents, before);
  EXPECT_EQ(host.usage(), "10.249.1.0/24 1");
  EXPECT_EQ(host.address(pool), "10.249.1.2/24");
  EXPECT_EQ(host.address(pool, "10.249.1.9"), "10.249.1.9/24");
}

}  // namespace
}  // namespace drawbridge
