// Which pool a subnet is carved from, what is said when there is none left, and how full the pools
// are.
#include "ipam/ipam.h"
#include "tests/support/expect_ok.h"
#include "tests/support/holds.h"
#include "tests/support/test_ipam.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

namespace drawbridge {
namespace {

PoolSource source(std::string const& name, std::vector<char const*> const& prefixes, int length,
                  std::string const& overflow = "") {
  PoolSource source{name, {}, length};
  for (char const* const prefix : prefixes) {
    source.prefixes.push_back(*IpPrefix::parse(prefix));
  }
  source.overflow = overflow;
  return source;
}

/// Two /25, then four /26, then one /24.
PoolConfig chain_config() {
  return {{source("first", {"10.0.0.0/24"}, 25, "second"),
           source("second", {"10.0.1.0/24"}, 26, "third"), source("third", {"10.0.2.0/24"}, 24),
           source("aside", {"10.0.3.0/24"}, 24)},
          "first"};
}

/// The configuration of docs/configuration.md "Ten thousand networks".
PoolConfig dense_config() {
  return {{source("pods", {"10.249.0.0/16"}, 24, "dense"), source("dense", {"10.128.0.0/12"}, 28)},
          "pods"};
}

TEST(IpamOverflow, GoesOnInTheOverflowWithItsOwnLengthAndSaysSo) {
  TestIpam host(chain_config());
  EXPECT_EQ(host.pool(), "10.0.0.128/25");
  EXPECT_EQ(host.pool(), "10.0.0.0/25");
  EXPECT_EQ(host.warnings(), "");
  EXPECT_EQ(host.pool(), "10.0.1.64/26");
  EXPECT_EQ(host.warnings(),
            "pool \"first\" is exhausted: subnet 10.0.1.64/26 comes from its overflow \"second\"");
  for (char const* const subnet : {"10.0.1.128/26", "10.0.1.192/26", "10.0.1.0/26"}) {
    EXPECT_EQ(host.pool(), subnet);
  }
  EXPECT_EQ(host.pool(), "10.0.2.0/24");
  EXPECT_TRUE(holds(host.warnings(), "comes from its overflow \"third\""));
}

TEST(IpamOverflow, ReturnsToThePoolThatHasRoomAgain) {
  TestIpam host(chain_config());
  host.pool();
  host.pool();
  EXPECT_EQ(host.pool(), "10.0.1.64/26");
  EXPECT_EQ(host.release_pool("10.0.0.0/25"), "ok");
  EXPECT_EQ(host.pool(), "10.0.0.0/25");
  EXPECT_EQ(host.warnings(), "");
}

TEST(IpamOverflow, ALengthByOptionHoldsForEveryPoolItFits) {
  TestIpam host(chain_config());
  EXPECT_EQ(host.pool("prefix=24"), "10.0.0.0/24");
  EXPECT_EQ(host.pool("prefix=24"), "10.0.1.0/24");
  EXPECT_EQ(host.pool("prefix=25"), "10.0.2.128/25");
  EXPECT_EQ(host.pool("subnet=0.0.0.0/25"), "10.0.2.0/25");
  EXPECT_TRUE(holds(host.pool("prefix=23"), "pool \"first\" has no prefix as wide as /23"));
}

TEST(IpamOverflow, SkipsOverflowsThatTheLengthDoesNotFit) {
  PoolConfig config = chain_config();
  config.sources[0].prefixes = {*IpPrefix::parse("10.0.0.0/25")};
  TestIpam host(config);
  EXPECT_EQ(host.pool("prefix=24"), "10.0.1.0/24");
  EXPECT_EQ(host.warnings(), "");
}

TEST(IpamOverflow, OneNetworkHasOptionsForBothFamilies) {
  PoolConfig config = with_ula_pool(chain_config(), *IpPrefix::parse("fd12:3456:789a::/48"));
  TestIpam host(config);
  EXPECT_EQ(host.pool("prefix=26"), "10.0.0.64/26");
  EXPECT_EQ(host.pool("v6 prefix=26"), "fd12:3456:789a:1::/64");
  EXPECT_EQ(host.pool("prefix=80"), "10.0.0.128/25");
  EXPECT_EQ(host.pool("v6 prefix=80"), "fd12:3456:789a:0:1::/80");
  EXPECT_EQ(host.pool("v6 pool=second"), "fd12:3456:789a:2::/64");
  EXPECT_EQ(host.pool("v6 subnet=::/72"), "fd12:3456:789a:0:100::/72");
}

TEST(IpamOverflow, AMixedPoolHasALengthForEachFamily) {
  PoolSource mixed = source("mixed", {"10.0.0.0/24", "fd00:1::/56", "10.1.0.0/24"}, 24);
  mixed.carve_length_ipv6 = 60;
  TestIpam host(with_ula_pool({{mixed}, "mixed"}, *IpPrefix::parse("fd12:3456:789a::/48")));
  EXPECT_EQ(host.pool(), "10.0.0.0/24");
  EXPECT_EQ(host.pool("v6"), "fd00:1:0:10::/60");
  EXPECT_EQ(host.pool(), "10.1.0.0/24");
  EXPECT_EQ(host.pool("v6 prefix=57"), "fd00:1:0:80::/57");
  EXPECT_EQ(host.pool("v6 pool=ula"), "fd12:3456:789a:1::/64");
}

TEST(IpamOverflow, AnOverflowMayHaveTheFamilyThatThePoolHasNot) {
  PoolConfig config = {{source("pods", {"10.0.0.0/24"}, 24, "both"),
                        source("both", {"10.1.0.0/24", "fd00:2::/64"}, 24)},
                       "pods"};
  TestIpam host(with_ula_pool(config, *IpPrefix::parse("fd12:3456:789a::/48")));
  EXPECT_EQ(host.pool("v6"), "fd00:2::/64");
  EXPECT_EQ(host.warnings(), "");
  EXPECT_TRUE(holds(host.pool("v6"),
                    "exhausted: pool \"both\" is exhausted: 1 /64 subnets of "
                    "fd00:2::/64: 1 leased"));
  EXPECT_TRUE(holds(host.pool("v6"), "--ipam-opt pool=NAME (ula)"));
}

TEST(IpamOverflow, WithoutAnyIpv6PoolSaysWhatToDo) {
  TestIpam host(chain_config());
  EXPECT_EQ(host.pool("v6"),
            "unsupported: no pool has IPv6 subnets to choose from: give one, such as --subnet "
            "fd12:3456:789a::/64");
}

TEST(IpamOverflow, AConfiguredUlaPoolIsKept) {
  PoolSource mine{"ula", {*IpPrefix::parse("fdaa::/48")}};
  mine.carve_length_ipv6 = 56;
  PoolConfig const config = {{mine}, "ula"};
  EXPECT_EQ(with_ula_pool(config, *IpPrefix::parse("fd12:3456:789a::/48")), config);
  PoolConfig const added =
      with_ula_pool(default_pool_config(), *IpPrefix::parse("fd12:3456:789a::/48"));
  EXPECT_EQ(added.sources.size(), 3U);
  EXPECT_EQ(added.sources[2].name, "ula");
  EXPECT_EQ(added.sources[2].carve_length_ipv6, 64);
}

TEST(IpamOverflow, ExhaustionNamesEveryPoolOfTheChain) {
  TestIpam host(chain_config());
  for (int i = 0; i < 7; ++i) {
    host.pool();
  }
  EXPECT_EQ(host.pool(),
            "exhausted: pool \"first\" is exhausted: 2 /25 subnets of 10.0.0.0/24: 2 leased; its "
            "overflow pool \"second\" is exhausted: 4 /26 subnets of 10.0.1.0/24: 4 leased; its "
            "overflow pool \"third\" is exhausted: 1 /24 subnets of 10.0.2.0/24: 1 leased; remove "
            "unused networks (docker network prune), widen the pool or give it an overflow in "
            "drawbridge.json, or name another with --ipam-opt pool=NAME (aside)");
}

TEST(IpamOverflow, ExhaustionNamesTheFirstRoutesInTheWay) {
  TestIpam host({{source("pods", {"10.0.0.0/24"}, 27)}, "pods"});
  EXPECT_EQ(host.pool(), "10.0.0.32/27");
  host.connect("10.0.0.64/26", "eth1");
  host.route("10.0.0.128/27", "tun0");
  host.bridge("10.0.0.160/27", "br-1");
  host.connect("10.0.0.192/26", "eth2");
  host.connect("10.0.0.0/29", "eth3");
  EXPECT_EQ(host.pool(),
            "exhausted: pool \"pods\" is exhausted: 8 /27 subnets of 10.0.0.0/24: 1 leased, 7 on "
            "host routes (10.0.0.0/29 on interface eth3, 10.0.0.64/26 on interface eth1, "
            "10.0.0.128/27 routed through interface tun0, 2 more); remove unused networks (docker "
            "network prune), widen the pool or give it an overflow in drawbridge.json, set "
            "\"on_host_route\" of pool \"pods\"");
}

TEST(IpamOverflow, ExhaustionByNetworksOfOtherDriversBlamesNoPolicy) {
  TestIpam host({{source("pods", {"10.0.0.0/24"}, 24)}, "pods"});
  host.bridge("10.0.0.0/24", "br-1");
  std::string const answer = host.pool();
  EXPECT_TRUE(holds(answer, "0 leased, 1 on host routes (10.0.0.0/24 on bridge br-1);"));
  EXPECT_EQ(answer.find("on_host_route\""), std::string::npos);
}

TEST(IpamOverflow, ExhaustionTellsOfWideRoutesThatOldEnginesShyAwayFrom) {
  TestIpam host({{source("pods", {"10.0.0.0/24"}, 24)}, "pods"});
  host.route("0.0.0.0/0", "eth0");
  EXPECT_EQ(host.pool(), "10.0.0.0/24");
  EXPECT_EQ(host.pool().find("before 29"), std::string::npos);
  host.route("10.0.0.0/8", "tun0");
  EXPECT_TRUE(holds(host.pool(),
                    "; 10.0.0.0/8 routed through interface tun0 covers 10.0.0.0/24, and Docker "
                    "engines before 29 themselves turn down every subnet inside it: with these "
                    "give one by --subnet"));
}

TEST(IpamOverflow, TakesTenThousandNetworksAndGivesThemAllBack) {
  TestIpam host(dense_config());
  for (int i = 0; i < 256; ++i) {
    ASSERT_TRUE(holds(host.pool(), "10.249."));
  }
  std::set<std::string> dense;
  for (int i = 0; i < 10000; ++i) {
    dense.insert(host.pool());
  }
  EXPECT_EQ(dense.size(), 10000U);
  EXPECT_TRUE(dense.contains("10.128.0.16/28"));
  EXPECT_TRUE(dense.contains("10.130.113.0/28"));
  EXPECT_EQ(host.pool("pool=dense prefix=14"), "10.132.0.0/14");
  host.release_all();
  EXPECT_EQ(host.usage(), "");
  EXPECT_EQ(host.store.contents, FakeStore::Contents{});
  EXPECT_EQ(host.pool(), "10.249.1.0/24");
}

class Explained : public ::testing::Test {
 protected:
  void lease(char const* subnet) {
    IpPrefix const prefix = *IpPrefix::parse(subnet);
    table.add({{subnet}, "drawbridge-local", prefix, {}});
  }

  /// returns  a line for each report: "first 10.0.0.0/24 /25: 2 = 1 + 0 + 0, 1 free, next …"
  std::string explain() {
    space.update(routes);
    std::string text;
    for (PoolReport const& report : table.explain({space, routes.own})) {
      text += fmt::format("{} {} /{}: {} leased {} public {} routes {} free {} next {} then {}\n",
                          report.name, report.prefixes.front().to_string(), report.length,
                          report.total, report.leased, report.kept_back, report.on_host_routes,
                          report.free(), report.next ? report.next->to_string() : "none",
                          report.overflow.empty() ? "none" : report.overflow);
    }
    return text;
  }

  PoolTable table{chain_config()};
  HostSpace space;
  HostRoutes routes;
};

TEST_F(Explained, CountsEachSubnetOnce) {
  lease("10.0.0.0/27");
  lease("10.0.0.32/27");
  lease("10.0.1.192/26");
  routes.foreign = {{*IpPrefix::parse("10.0.1.128/25"), "eth1", RouteKind::connected}};
  routes.own = {*IpPrefix::parse("10.0.1.8/29"), *IpPrefix::parse("10.0.3.0/28"),
                *IpPrefix::parse("10.0.3.16/28")};
  routes.generation = 1;
  EXPECT_EQ(
      explain(),
      "first 10.0.0.0/24 /25: 2 leased 1 public 0 routes 0 free 1 next 10.0.0.128/25 then "
      "second\n"
      "second 10.0.1.0/24 /26: 4 leased 2 public 0 routes 1 free 1 next 10.0.1.64/26 then "
      "third\n"
      "third 10.0.2.0/24 /24: 1 leased 0 public 0 routes 0 free 1 next 10.0.2.0/24 then none\n"
      "aside 10.0.3.0/24 /24: 1 leased 1 public 0 routes 0 free 0 next none then none\n");
}

TEST_F(Explained, TellsBothFamiliesOfAPoolAndWhatIsKeptBack) {
  PoolConfig config = {{source("mixed", {"11.0.0.0/24", "fd00::/48"}, 26)}, "mixed"};
  config.refuse_public = true;
  table.configure(config);
  lease("11.0.0.64/26");
  lease("fd00:0:0:1::/64");
  EXPECT_EQ(explain(),
            "mixed 11.0.0.0/24 /26: 4 leased 1 public 3 routes 0 free 0 next none then none\n"
            "mixed fd00::/48 /64: 65536 leased 1 public 0 routes 0 free 65535 next fd00:0:0:2::/64 "
            "then none\n");
}

TEST_F(Explained, CountsTheWidestPoolsAtOnce) {
  table.configure({{source("wide", {"10.0.0.0/8", "fd00::/16"}, 31)}, "wide"});
  for (int i = 0; i < 10000; ++i) {
    IpPrefix const prefix = {{Family::ipv4, 0x0a000000U + 4U * static_cast<unsigned>(i)}, 31};
    table.add({{prefix.to_string()}, "drawbridge-local", prefix, {}});
  }
  routes.foreign = {{*IpPrefix::parse("10.128.0.0/9"), "eth1", RouteKind::connected}};
  routes.generation = 1;
  EXPECT_EQ(explain(),
            "wide 10.0.0.0/8 /31: 8388608 leased 10000 public 0 routes 4194304 free 4184304 next "
            "10.0.0.2/31 then none\n"
            "wide fd00::/16 /64: 281474976710656 leased 0 public 0 routes 0 free 281474976710656 "
            "next fd00:0:0:1::/64 then none\n");
}

TEST_F(Explained, ANewConfigurationLeavesLeasedSubnetsAlone) {
  lease("10.0.0.128/25");
  table.configure({{source("other", {"10.0.0.0/24"}, 26)}, "other"});
  EXPECT_EQ(explain(),
            "other 10.0.0.0/24 /26: 4 leased 2 public 0 routes 0 free 2 next 10.0.0.64/26 then "
            "none\n");
  EXPECT_TRUE(fails_with(table.choose(pool_request("pool=first"), {space, routes.own}),
                         Errc::invalid_argument, "unknown pool \"first\""));
  EXPECT_TRUE(fails_with(table.choose(pool_request("subnet=10.0.0.0/24"), {space, routes.own}),
                         Errc::conflict, "overlaps 10.0.0.128/25 of another network"));
}

}  // namespace
}  // namespace drawbridge
