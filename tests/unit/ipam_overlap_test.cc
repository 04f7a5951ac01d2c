// What of this host a subnet may meet: policies about routes, networks of other drivers, bridges of
// our own, public address space.
#include "ipam/ipam.h"
#include "tests/support/expect_ok.h"
#include "tests/support/holds.h"
#include "tests/support/test_ipam.h"

#include <gtest/gtest.h>

#include <string>

namespace drawbridge {
namespace {

/// Four /26 of one pool, with this policy; `more` is public, and nobody's default.
PoolConfig config_with(HostRoutePolicy policy) {
  PoolSource pods{"pods", {*IpPrefix::parse("10.0.0.0/24")}, 26};
  pods.on_host_route = policy;
  PoolSource more{
      "more", {*IpPrefix::parse("11.0.0.0/24"), *IpPrefix::parse("192.168.0.0/24")}, 25};
  return {{pods, more}, "pods"};
}

PoolConfig refusing_public() {
  PoolConfig config = config_with(HostRoutePolicy::avoid);
  config.refuse_public = true;
  return config;
}

TEST(IpamOverlap, TheWarnPolicyTakesSubnetsThatMeetRoutesAndNamesBothSides) {
  TestIpam host(config_with(HostRoutePolicy::warn));
  host.connect("10.0.0.64/26", "eth1");
  host.route("10.0.0.128/28", "tun0");
  EXPECT_EQ(host.pool(), "10.0.0.64/26");
  EXPECT_EQ(host.warnings(),
            "subnet 10.0.0.64/26 overlaps 10.0.0.64/26 on interface eth1 of this host: what is "
            "there can no longer be reached where the network has the same addresses");
  EXPECT_EQ(host.pool("subnet=10.0.0.128/26"), "10.0.0.128/26");
  EXPECT_TRUE(holds(host.warnings(),
                    "subnet 10.0.0.128/26 overlaps 10.0.0.128/28 routed through interface tun0"));
  EXPECT_EQ(host.pool(), "10.0.0.192/26");
  EXPECT_EQ(host.warnings(), "");
}

TEST(IpamOverlap, TheWarnPolicyIsSilentOnWideRoutes) {
  TestIpam host(config_with(HostRoutePolicy::warn));
  host.route("10.0.0.0/8", "tun0");
  host.route("0.0.0.0/0", "eth0");
  EXPECT_EQ(host.pool(), "10.0.0.64/26");
  EXPECT_EQ(host.warnings(), "");
  host.connect("10.0.0.0/8", "eth1");
  EXPECT_EQ(host.pool(), "10.0.0.128/26");
  EXPECT_TRUE(holds(host.warnings(), "10.0.0.0/8 on interface eth1"));
}

TEST(IpamOverlap, TheTrustPolicyLooksAtNoRoute) {
  TestIpam host(config_with(HostRoutePolicy::trust));
  host.connect("10.0.0.0/24", "eth1");
  host.route("10.0.0.64/26", "tun0");
  EXPECT_EQ(host.pool(), "10.0.0.64/26");
  EXPECT_EQ(host.warnings(), "");
  EXPECT_EQ(host.pool("subnet=10.0.0.192/26"), "10.0.0.192/26");
  EXPECT_EQ(host.warnings(), "");
}

TEST(IpamOverlap, EveryPolicyKeepsClearOfNetworksOfOtherDrivers) {
  for (HostRoutePolicy const policy :
       {HostRoutePolicy::avoid, HostRoutePolicy::warn, HostRoutePolicy::trust}) {
    TestIpam host(config_with(policy));
    host.bridge("10.0.0.64/27", "br-0123");
    EXPECT_EQ(host.pool(), "10.0.0.128/26");
    EXPECT_EQ(host.pool("subnet=10.0.0.64/26"),
              "conflict: subnet 10.0.0.64/26 overlaps 10.0.0.64/27 on bridge br-0123, a network of "
              "another driver: choose another --subnet");
    host.bridge("10.0.0.0/8", "docker0");
    EXPECT_TRUE(holds(host.pool(), "exhausted: "));
  }
}

TEST(IpamOverlap, APolicyHoldsForWhatItsOwnPoolHas) {
  TestIpam host(config_with(HostRoutePolicy::trust));
  host.connect("10.0.0.0/16", "eth1");
  host.connect("192.168.0.0/16", "eth2");
  EXPECT_EQ(host.pool("subnet=10.0.0.0/25"), "10.0.0.0/25");
  EXPECT_EQ(host.pool("subnet=192.168.0.0/25"),
            "conflict: subnet 192.168.0.0/25 overlaps 192.168.0.0/16 on interface eth2 of this "
            "host: choose another --subnet or set \"on_host_route\" of pool \"more\"");
  EXPECT_EQ(host.pool("subnet=192.168.0.0/20"),
            "conflict: subnet 192.168.0.0/20 overlaps 192.168.0.0/16 on interface eth2 of this "
            "host: choose another --subnet");
  EXPECT_EQ(host.pool("subnet=10.0.0.0/23"),
            "conflict: subnet 10.0.0.0/23 overlaps 10.0.0.0/25 of another network: choose another "
            "--subnet");
  EXPECT_TRUE(holds(host.pool("subnet=10.0.2.0/24"), "overlaps 10.0.0.0/16 on interface eth1"));
}

TEST(IpamOverlap, KeepsClearOfItsOwnBridgesWhoeverChoseTheirSubnet) {
  TestIpam host(config_with(HostRoutePolicy::trust));
  host.own_bridge("10.0.0.64/26");
  host.own_bridge("10.0.0.144/28");
  host.own_bridge("172.17.0.0/16");
  EXPECT_EQ(host.pool(), "10.0.0.192/26");
  EXPECT_EQ(host.pool("subnet=172.17.3.0/24"),
            "conflict: subnet 172.17.3.0/24 overlaps 172.17.0.0/16 of another network of "
            "drawbridge, whose bridge is there: choose another --subnet");
  EXPECT_TRUE(holds(host.pool("subnet=10.0.0.128/26"), "overlaps 10.0.0.144/28 of another"));
  EXPECT_EQ(host.pool("subnet=10.0.0.160/27"), "10.0.0.160/27");
}

TEST(IpamOverlap, ASubnetReturnsWhenItsBridgeIsGone) {
  TestIpam host(config_with(HostRoutePolicy::avoid));
  EXPECT_EQ(host.pool(), "10.0.0.64/26");
  host.own_bridge("10.0.0.64/26");
  // Docker releases the subnet before it deletes the network.
  EXPECT_EQ(host.release_pool("10.0.0.64/26"), "ok");
  EXPECT_EQ(host.pool(), "10.0.0.128/26");
  host.remove_own_bridge("10.0.0.64/26");
  EXPECT_EQ(host.pool(), "10.0.0.64/26");
}

TEST(IpamOverlap, ABridgeAroundTheWholePoolLeavesNothing) {
  TestIpam host(config_with(HostRoutePolicy::avoid));
  host.own_bridge("10.0.0.0/16");
  EXPECT_TRUE(holds(host.pool(), "4 /26 subnets of 10.0.0.0/24: 4 leased;"));
}

TEST(IpamOverlap, OwnBridgesOfIpv6CountToo) {
  TestIpam host({{{"v6", {*IpPrefix::parse("fd00::/48")}}}, "v6"});
  host.own_bridge("10.0.0.0/8");
  host.own_bridge("fd00:0:0:1::/64");
  EXPECT_EQ(host.pool("v6"), "fd00:0:0:2::/64");
  EXPECT_TRUE(holds(host.pool("v6 subnet=fd00:0:0:1::/80"),
                    "overlaps fd00:0:0:1::/64 of another "
                    "network of drawbridge"));
}

TEST(IpamOverlap, ANewSwarmManagerMayNameWhatThisHostRunsAlready) {
  TestIpam host(config_with(HostRoutePolicy::avoid));
  host.own_bridge("10.0.0.64/26");
  EXPECT_EQ(host.pool("global subnet=10.0.0.64/26"), "10.0.0.64/26");
  EXPECT_EQ(host.pool("global"), "10.0.0.128/26");
}

TEST(IpamOverlap, PublicSpaceIsAWarning) {
  TestIpam host(config_with(HostRoutePolicy::avoid));
  std::string const words =
      " is public address space: hosts on the Internet that own it cannot be reached from this "
      "host any more";
  EXPECT_EQ(host.pool("pool=more"), "11.0.0.128/25");
  EXPECT_EQ(host.warnings(), "subnet 11.0.0.128/25" + words);
  EXPECT_EQ(host.pool("subnet=8.8.8.0/24"), "8.8.8.0/24");
  EXPECT_EQ(host.warnings(), "subnet 8.8.8.0/24" + words);
  EXPECT_EQ(host.pool("v6 subnet=2600::/64"), "2600::/64");
  EXPECT_EQ(host.warnings(), "subnet 2600::/64" + words);
  EXPECT_EQ(host.pool(), "10.0.0.64/26");
  EXPECT_EQ(host.warnings(), "");
}

TEST(IpamOverlap, RefusesPublicSpaceWhereTheConfigurationSaysSo) {
  TestIpam host(refusing_public());
  EXPECT_EQ(host.pool("subnet=8.8.8.0/24"),
            "invalid_argument: subnet 8.8.8.0/24 is public address space, which \"refuse_public\" "
            "keeps back: choose private space such as 10.0.0.0/8 or change drawbridge.json");
  EXPECT_TRUE(holds(host.pool("v6 subnet=2600::/64"), "private space such as fd00::/8"));
  EXPECT_TRUE(holds(host.pool("subnet=172.0.0.0/8"), "is public address space"));
  EXPECT_EQ(host.pool("subnet=172.16.0.0/12"), "172.16.0.0/12");
  EXPECT_TRUE(holds(host.pool("subnet=2600::/64"), "is not an IPv4 subnet"));
  EXPECT_EQ(host.usage(), "172.16.0.0/12 0");
}

TEST(IpamOverlap, StepsOverPublicSpaceAndSaysThatItIsKeptBack) {
  TestIpam host(refusing_public());
  EXPECT_EQ(host.pool("pool=more"), "192.168.0.128/25");
  EXPECT_EQ(host.pool("pool=more"), "192.168.0.0/25");
  EXPECT_TRUE(holds(host.pool("pool=more"),
                    "4 /25 subnets of 11.0.0.0/24, 192.168.0.0/24: 2 leased, 2 public and kept "
                    "back by \"refuse_public\";"));
}

TEST(IpamOverlap, EndsTheAskingOfAnEngineThatTakesNothingInsideOfARoute) {
  TestIpam host;
  host.route("10.0.0.0/8", "tun0");
  for (int i = 0; i < 64; ++i) {
    ASSERT_TRUE(holds(host.pool(), "10.249."));
  }
  EXPECT_EQ(
      host.pool(),
      "exhausted: subnet 10.249.65.0/24 is free, but docker has turned down 64 like it: "
      "engines before 29 take none inside of a route, as 10.0.0.0/8 routed through interface "
      "tun0 is; give one by --subnet, or name a pool outside of it with --ipam-opt pool=NAME");
  EXPECT_EQ(host.pool("subnet=10.249.65.0/24"), "10.249.65.0/24");
  EXPECT_EQ(host.pool("pool=services"), "172.30.0.0/16");
}

TEST(IpamOverlap, GoesOnWhereTheEngineTakesWhatItIsGiven) {
  TestIpam host;
  host.route("10.0.0.0/8", "tun0");
  for (int i = 0; i < 200; ++i) {
    std::string const subnet = host.pool();
    ASSERT_TRUE(holds(subnet, "10.249."));
    ASSERT_TRUE(holds(host.gateway(subnet), "10.249."));
  }
  TestIpam without_route;
  for (int i = 0; i < 256; ++i) {
    ASSERT_TRUE(holds(without_route.pool(), "10.249."));
  }
}

}  // namespace
}  // namespace drawbridge
