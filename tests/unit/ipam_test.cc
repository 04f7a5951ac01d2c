// Which subnets networks get. The addresses inside of them: ipam_address_test.cc.
#include "ipam/ipam.h"

#include "tests/support/expect_ok.h"
#include "tests/support/holds.h"
#include "tests/support/test_ipam.h"

#include <gtest/gtest.h>

#include <string>

namespace drawbridge {
namespace {

/// One small source: four /26, then two of another prefix.
PoolConfig small_config() {
  return {{{"small", {*IpPrefix::parse("10.0.0.0/24"), *IpPrefix::parse("10.1.0.0/25")}, 26}},
          "small"};
}

TEST(IpamPool, CarvesPodsFromTheSecondChunkOn) {
  TestIpam host;
  EXPECT_EQ(host.pool(), "10.249.1.0/24");
  EXPECT_EQ(host.pool(), "10.249.2.0/24");
  EXPECT_EQ(host.pool("pool=services"), "172.30.0.0/16");
  EXPECT_EQ(host.pool("pool=pods"), "10.249.3.0/24");
}

TEST(IpamPool, HandsOutTheLowestFreeChunkAndTheFirstOneLast) {
  TestIpam host(small_config());
  for (char const* const subnet : {"10.0.0.64/26", "10.0.0.128/26", "10.0.0.192/26", "10.0.0.0/26",
                                   "10.1.0.64/26", "10.1.0.0/26"}) {
    EXPECT_EQ(host.pool(), subnet);
  }
  EXPECT_EQ(host.release_pool("10.0.0.128/26"), "ok");
  EXPECT_EQ(host.release_pool("10.0.0.0/26"), "ok");
  EXPECT_EQ(host.pool(), "10.0.0.128/26");
  EXPECT_EQ(host.pool(), "10.0.0.0/26");
}

TEST(IpamPool, SaysWhichPoolIsExhaustedAndWhatToDo) {
  TestIpam host;
  for (int i = 0; i < 256; ++i) {
    ASSERT_TRUE(holds(host.pool(), "10.249."));
  }
  EXPECT_EQ(host.pool(),
            "exhausted: pool \"pods\" is exhausted: 256 /24 subnets of 10.249.0.0/16: 256 leased; "
            "remove unused networks (docker network prune), widen the pool or give it an overflow "
            "in drawbridge.json, or name another with --ipam-opt pool=NAME (services)");
  EXPECT_EQ(host.release_pool("10.249.77.0/24"), "ok");
  EXPECT_EQ(host.pool(), "10.249.77.0/24");
  EXPECT_TRUE(holds(host.pool(), "exhausted: "));
}

TEST(IpamPool, CountsAllPrefixesOfAnExhaustedPool) {
  TestIpam host;
  for (int i = 0; i < 5; ++i) {
    ASSERT_TRUE(holds(host.pool("pool=services"), "172.3"));
  }
  EXPECT_TRUE(holds(host.pool("pool=services"),
                    "5 /16 subnets of 172.30.0.0/16, 172.31.0.0/16, 172.32.0.0/16, 172.33.0.0/16, "
                    "172.34.0.0/16: 5 leased"));
}

TEST(IpamPool, CarvesAnotherLengthByOptionAndByDockersWildcard) {
  TestIpam host;
  EXPECT_EQ(host.pool("prefix=26"), "10.249.0.64/26");
  EXPECT_EQ(host.pool("subnet=0.0.0.0/28"), "10.249.0.16/28");
  EXPECT_EQ(host.pool("prefix=17"), "10.249.128.0/17");
  EXPECT_EQ(host.pool("prefix=31"), "10.249.0.2/31");
  EXPECT_EQ(host.pool("pool=services prefix=24"), "172.30.1.0/24");
}

TEST(IpamPool, StepsOverWhatTheHostIsConnectedTo) {
  TestIpam host;
  host.connect("10.249.1.0/24", "eth1");
  host.connect("10.249.2.128/25", "br0");
  host.connect("172.16.0.0/12", "eth2");
  EXPECT_EQ(host.pool(), "10.249.3.0/24");
  EXPECT_EQ(host.pool("pool=services"), "172.32.0.0/16");
  host.connect("10.0.0.0/8", "eth3");
  EXPECT_TRUE(holds(host.pool(), "exhausted: "));
}

TEST(IpamPool, StepsOverNarrowRoutesButNotOverWideOnesBehindANextHop) {
  TestIpam host;
  host.route("0.0.0.0/0", "eth0");
  host.route("10.0.0.0/8", "tun0");
  host.route("10.249.0.0/16", "tun0");
  host.route("10.249.1.7/32", "tun0");
  host.route("172.30.0.0/16", "tun1");
  EXPECT_EQ(host.pool(), "10.249.2.0/24");
  EXPECT_EQ(host.pool("pool=services"), "172.31.0.0/16");
}

TEST(IpamPool, SeesRoutesThatCameLater) {
  TestIpam host;
  EXPECT_EQ(host.pool(), "10.249.1.0/24");
  host.connect("10.249.2.0/23", "wg0");
  EXPECT_EQ(host.pool(), "10.249.4.0/24");
}

TEST(IpamPool, LeasesTheSubnetThatTheUserNames) {
  TestIpam host;
  EXPECT_EQ(host.pool("subnet=10.1.0.0/16 range=10.1.4.0/22"), "10.1.0.0/16");
  EXPECT_EQ(host.pool("subnet=192.168.7.0/31"), "192.168.7.0/31");
  EXPECT_EQ(host.pool("v6 subnet=fd00:1::/64 range=fd00:1::8000/113"), "fd00:1::/64");
  EXPECT_EQ(host.pool("v6 subnet=fd00:2::/127"), "fd00:2::/127");
  EXPECT_EQ(host.pool("subnet=11.0.0.0/8 pool=services prefix=30"), "11.0.0.0/8");
  EXPECT_EQ(host.store.calls[0], "save pool drawbridge-local/10.1.0.0/16/10.1.4.0/22");
  EXPECT_EQ(host.store.calls[1], "save pool drawbridge-local/192.168.7.0/31");
}

TEST(IpamPool, CarvesAroundSubnetsThatUsersNamed) {
  TestIpam host;
  EXPECT_EQ(host.pool("subnet=10.249.1.0/28"), "10.249.1.0/28");
  EXPECT_EQ(host.pool("subnet=10.249.3.0/24"), "10.249.3.0/24");
  EXPECT_EQ(host.pool(), "10.249.2.0/24");
  EXPECT_EQ(host.pool(), "10.249.4.0/24");
}

TEST(IpamPool, RefusesASubnetThatOverlapsAnotherNetwork) {
  TestIpam host;
  EXPECT_EQ(host.pool(), "10.249.1.0/24");
  for (char const* const subnet : {"10.249.1.0/24", "10.249.0.0/16", "10.249.1.128/25"}) {
    EXPECT_EQ(host.pool("subnet=" + std::string(subnet)),
              "conflict: subnet " + std::string(subnet) +
                  " overlaps 10.249.1.0/24 of another network: choose another --subnet");
  }
  EXPECT_EQ(host.pool("subnet=10.249.1.0/24 range=10.249.1.64/26").substr(0, 9), "conflict:");
  EXPECT_EQ(host.pool("subnet=10.249.0.0/24"), "10.249.0.0/24");
}

TEST(IpamPool, RefusesASubnetThatTheHostUses) {
  TestIpam host;
  host.connect("192.168.1.0/24", "eth0");
  host.route("10.8.1.0/24", "tun0");
  host.route("10.0.0.0/8", "tun1");
  EXPECT_EQ(host.pool("subnet=192.168.0.0/16"),
            "conflict: subnet 192.168.0.0/16 overlaps 192.168.1.0/24 on interface eth0 of this "
            "host: choose another --subnet");
  EXPECT_TRUE(holds(host.pool("subnet=192.168.1.128/25"), "on interface eth0"));
  EXPECT_TRUE(holds(host.pool("subnet=10.8.1.0/24"), "10.8.1.0/24 routed through interface tun0"));
  EXPECT_TRUE(holds(host.pool("subnet=10.8.0.0/16"), "10.8.1.0/24 routed through"));
  EXPECT_EQ(host.pool("subnet=10.8.1.0/25"), "10.8.1.0/25");
  EXPECT_EQ(host.pool("subnet=10.9.0.0/16"), "10.9.0.0/16");
}

TEST(IpamPool, RefusesSubnetsThatCannotBe) {
  TestIpam host;
  struct {
    char const* words;
    char const* reason;
  } const bad[] = {
      {"subnet=10.90.1.5/16", "has host bits set: write 10.90.0.0/16"},
      {"v6 subnet=fd00::1/64", "has host bits set: write fd00::/64"},
      {"subnet=10.0.0.1/32", "IPv4 networks are /8 to /31"},
      {"subnet=0.0.0.0/0", "IPv4 networks are /8 to /31"},
      {"subnet=8.0.0.0/7", "IPv4 networks are /8 to /31"},
      {"v6 subnet=fd00::/47", "IPv6 networks are /48 to /127"},
      {"v6 subnet=fd00::1/128", "IPv6 networks are /48 to /127"},
      {"subnet=fd00::/64", "is not an IPv4 subnet"},
      {"v6 subnet=10.1.0.0/16", "is not an IPv6 subnet"},
      {"v6 subnet=0.0.0.0/24", "is not an IPv6 subnet"},
      {"subnet=127.0.0.0/24", "the loopback addresses"},
      {"subnet=169.254.0.0/16", "the link-local addresses"},
      {"subnet=224.1.0.0/16", "the multicast addresses"},
      {"subnet=255.255.255.0/24", "the broadcast address"},
      {"subnet=0.1.0.0/16", "this host"},
      {"v6 subnet=::/127", "give one"},
      {"v6 subnet=fe80::/64", "the link-local addresses"},
      {"v6 subnet=ff02::/64", "the multicast addresses"},
      {"subnet=10.1.0.0/16 range=10.2.0.0/24", "range 10.2.0.0/24 is outside of subnet"},
      {"subnet=10.1.0.0/16 range=10.0.0.0/8", "is outside of subnet"},
      {"subnet=10.1.0.0/16 range=10.1.0.5/24", "range 10.1.0.5/24 has host bits set: write 10.1."},
      {"subnet=10.1.0.0/16 range=fd00::/64", "is outside of subnet"},
      {"range=10.249.1.0/25", "give --subnet with --ip-range"},
  };
  for (auto const& [words, reason] : bad) {
    EXPECT_TRUE(holds(host.pool(words), reason)) << words;
  }
  EXPECT_TRUE(host.store.calls.empty());
}

TEST(IpamPool, RefusesUnknownOptionsAndSuggestsTheNearest) {
  TestIpam host;
  EXPECT_EQ(host.pool("pol=pods"),
            "invalid_argument: unknown ipam option \"pol\": did you mean \"pool\"? known are pool, "
            "prefix");
  EXPECT_EQ(host.pool("subnet=10.1.0.0/16 vlan=7"),
            "invalid_argument: unknown ipam option \"vlan\": known are pool, prefix");
  EXPECT_EQ(
      host.pool("pool=servces"),
      "invalid_argument: unknown pool \"servces\": did you mean \"services\"? known are pods, "
      "services");
  for (char const* const length : {"33", "7", "32", "47", "128", "-24", "x", "24x", "+24", ""}) {
    for (char const* const words : {"prefix=", "v6 prefix=", "subnet=10.1.0.0/16 prefix="}) {
      EXPECT_EQ(host.pool(words + std::string(length)),
                "invalid_argument: ipam option prefix: \"" + std::string(length) +
                    "\" is no length of a subnet: IPv4 has /8 to /31, IPv6 /48 to /127");
    }
  }
  EXPECT_TRUE(holds(host.pool("prefix=12"), "pool \"pods\" has no prefix as wide as /12"));
  EXPECT_EQ(host.pool("com.docker.network.ipam.serial=true"), "10.249.1.0/24");
}

TEST(IpamPool, HasNoIpv6SubnetsToChooseFromYet) {
  TestIpam host;
  EXPECT_TRUE(holds(host.pool("v6"), "unsupported: no pool has IPv6 subnets"));
  EXPECT_TRUE(holds(host.pool("v6 pool=pods prefix=26"), "unsupported: "));
  TestIpam modern({{{"v6", {*IpPrefix::parse("fd00::/48")}}}, "v6"});
  EXPECT_EQ(modern.pool("v6"), "fd00:0:0:1::/64");
  EXPECT_TRUE(holds(modern.pool(""), "pool \"v6\" has no IPv4 prefix"));
}

TEST(IpamPool, KnowsTwoAddressSpaces) {
  TestIpam host;
  PoolRequest request = pool_request("subnet=10.1.0.0/16");
  request.address_space = "LocalDefault";
  Ipam ipam(default_pool_config(), host.store);
  EXPECT_TRUE(fails_with(ipam.request_pool(request, {}), Errc::invalid_argument,
                         "unknown address space \"LocalDefault\""));
}

TEST(IpamPool, KeepsTheSwarmManagersSubnetsApartFromTheWorkers) {
  TestIpam host;
  EXPECT_EQ(host.pool("global subnet=10.150.0.0/24"), "10.150.0.0/24");
  EXPECT_EQ(host.pool("subnet=10.150.0.0/24"), "10.150.0.0/24");
  EXPECT_TRUE(holds(host.pool("subnet=10.150.0.0/24"), "conflict: "));
  EXPECT_EQ(host.pool("global"), "10.249.1.0/24");
  EXPECT_EQ(host.pool(), "10.249.2.0/24");
  EXPECT_EQ(host.pool("subnet=10.249.1.0/24"), "10.249.1.0/24");
}

TEST(IpamPool, GivesAManagerThatStartsAgainWhatItHad) {
  TestIpam host;
  EXPECT_EQ(host.pool("global"), "10.249.1.0/24");
  EXPECT_EQ(host.pool("global subnet=10.150.0.0/24 range=10.150.0.0/25"), "10.150.0.0/24");
  std::size_t const writes = host.store.calls.size();
  EXPECT_EQ(host.pool("global subnet=10.249.1.0/24"), "10.249.1.0/24");
  EXPECT_EQ(host.pool("global subnet=10.150.0.0/24 range=10.150.0.0/25"), "10.150.0.0/24");
  EXPECT_EQ(host.store.calls.size(), writes);
  EXPECT_TRUE(holds(host.pool("global subnet=10.150.0.0/24"), "conflict: "));
  EXPECT_TRUE(holds(host.pool("global subnet=10.249.0.0/16"), "conflict: "));
}

TEST(IpamPool, ReleasesTwiceWithoutHarm) {
  TestIpam host;
  EXPECT_EQ(host.pool(), "10.249.1.0/24");
  EXPECT_EQ(host.release_pool("10.249.1.0/24"), "ok");
  EXPECT_EQ(host.release_pool("10.249.1.0/24"), "ok");
  EXPECT_EQ(host.usage(), "");
  EXPECT_EQ(host.store.calls.size(), 2U);
}

TEST(IpamPool, ReachesTheEndOfTheAddressSpace) {
  TestIpam host({{{"top",
                   {*IpPrefix::parse("255.255.255.0/24"),
                    *IpPrefix::parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00/120")},
                   25,
                   121}},
                 "top"});
  EXPECT_EQ(host.pool(), "255.255.255.128/25");
  EXPECT_EQ(host.pool(), "255.255.255.0/25");
  EXPECT_TRUE(holds(host.pool(), "exhausted: "));
  EXPECT_EQ(host.pool("v6 prefix=121"), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff80/121");
  EXPECT_EQ(host.pool("v6 prefix=121"), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00/121");
  EXPECT_TRUE(holds(host.pool("v6 prefix=121"), "exhausted: "));
}

TEST(IpamPool, KnowsItsPoolsAfterARestart) {
  TestIpam host;
  EXPECT_EQ(host.pool(), "10.249.1.0/24");
  EXPECT_EQ(host.pool("subnet=10.1.0.0/16 range=10.1.4.0/22"), "10.1.0.0/16");
  EXPECT_EQ(host.pool("v6 subnet=fd00:1::/64"), "fd00:1::/64");
  host.restart();
  EXPECT_EQ(host.usage(), "10.1.0.0/16 0, 10.249.1.0/24 0, fd00:1::/64 0");
  EXPECT_EQ(host.pool(), "10.249.2.0/24");
  EXPECT_TRUE(holds(host.pool("subnet=10.1.0.0/24"), "conflict: "));
  EXPECT_TRUE(holds(host.pool("v6 subnet=fd00:1::/48"), "conflict: "));
}

TEST(IpamPool, ChangesNothingWhenTheStoreFails) {
  TestIpam host;
  EXPECT_EQ(host.pool(), "10.249.1.0/24");
  auto const before = host.store.contents;
  host.store.fail_at(1);
  EXPECT_EQ(host.pool(), "store: lease subnet 10.249.2.0/24: disk full, says the test");
  host.store.fail_at(1);
  EXPECT_TRUE(holds(host.pool("subnet=10.2.0.0/16"), "store: lease subnet 10.2.0.0/16"));
  host.store.fail_at(1);
  EXPECT_TRUE(holds(host.release_pool("10.249.1.0/24"), "store: release pool drawbridge-local"));
  EXPECT_EQ(host.usage(), "10.249.1.0/24 0");
  EXPECT_EQ(host.store.contents, before);
  EXPECT_EQ(host.pool(), "10.249.2.0/24");
  EXPECT_EQ(host.pool("subnet=10.2.0.0/16"), "10.2.0.0/16");
}

TEST(IpamPool, SaysWhyItCannotLoad) {
  FakeStore store;
  store.contents.leases[{{"gone"}, {}}] = Lease{{"gone"}, *IpAddress::parse("10.0.0.1")};
  Ipam ipam(default_pool_config(), store);
  store.fail_at(1);
  EXPECT_TRUE(fails_with(ipam.load(), Errc::store, "load pools: disk full"));
  store.fail_at(2);
  EXPECT_TRUE(fails_with(ipam.load(), Errc::store, "load leases: disk full"));
  EXPECT_TRUE(fails_with(ipam.load(), Errc::store, "10.0.0.1 belongs to unknown pool gone"));
}

TEST(IpamPool, LetsTheCallerSeeThatServicesReachIntoPublicSpace) {
  PoolConfig const config = default_pool_config();
  std::string answers;
  for (IpPrefix const& prefix : config.sources[1].prefixes) {
    answers += is_public(prefix) ? "public " : "private ";
  }
  EXPECT_EQ(answers, "private private public public public ");
}

}  // namespace
}  // namespace drawbridge
