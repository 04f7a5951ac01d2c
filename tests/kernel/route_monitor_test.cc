#include "netlink/route_monitor.h"

#include "tests/support/expect_ok.h"
#include "tests/support/netns.h"

#include <fmt/core.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <string_view>

#include <poll.h>

namespace drawbridge {
namespace {

std::string_view name_of(RouteKind kind) {
  switch (kind) {
    case RouteKind::network:
      return "network";
    case RouteKind::connected:
      return "connected";
    case RouteKind::routed:
      return "via";
  }
  return "";
}

std::string text_of(HostRoutes const& routes) {
  std::vector<std::string> lines;
  for (HostRoute const& route : routes.foreign) {
    lines.push_back(
        fmt::format("{} {} {}\n", route.prefix.to_string(), route.interface, name_of(route.kind)));
  }
  for (IpPrefix const& prefix : routes.own) {
    lines.push_back(fmt::format("{} own\n", prefix.to_string()));
  }
  std::sort(lines.begin(), lines.end());
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  std::string out;
  for (std::string const& line : lines) {
    out += line;
  }
  return out;
}

class RouteMonitorTest : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    shell("ip link add eth0 up type veth peer name far0 && ip link set far0 up");
    shell("ip link add eth1 up type veth peer name far1 && ip link set far1 up");
    shell("ip address add 192.0.2.2/24 dev eth0");
    Result<RouteMonitor> opened = RouteMonitor::open();
    ASSERT_OK(opened);
    monitor_ = std::make_unique<RouteMonitor>(std::move(*opened));
  }

  RouteMonitor& monitor() { return *monitor_; }
  std::string routes() { return text_of(**monitor_->current()); }
  std::uint64_t generation() { return (*monitor_->current())->generation; }

  static void add_own_bridge(std::string const& name, std::string const& address) {
    shell("ip link add " + name + " type bridge && ip link set " + name + " alias drawbridge:1");
    shell("ip address add " + address + " dev " + name + " && ip link set " + name + " up");
  }

  bool has_news() {
    pollfd descriptor{monitor_->descriptor(), POLLIN, 0};
    return ::poll(&descriptor, 1, 0) == 1;
  }

  /// What a monitor sees that looks for the first time.
  static std::string routes_at_first_sight() {
    Result<RouteMonitor> fresh = RouteMonitor::open();
    EXPECT_OK(fresh);
    return text_of(**fresh->current());
  }

 private:
  std::unique_ptr<RouteMonitor> monitor_;
};

TEST_F(RouteMonitorTest, KnowsConnectedRoutesAndThoseByANextHop) {
  shell("ip route add 10.8.0.0/16 via 192.0.2.1");
  shell("ip address add fd00:1::2/64 dev eth0 nodad && ip route add fd00:2::/48 via fd00:1::1");
  EXPECT_EQ(routes(),
            "10.8.0.0/16 eth0 via\n"
            "192.0.2.0/24 eth0 connected\n"
            "fd00:1::/64 eth0 connected\n"
            "fd00:2::/48 eth0 via\n");
}

TEST_F(RouteMonitorTest, LeavesOutWhatNoNetworkCanCollideWith) {
  std::string const before = routes();
  shell("ip route add default via 192.0.2.1");
  shell("ip route add blackhole 10.1.0.0/16 && ip route add unreachable 10.2.0.0/16");
  shell("ip route add prohibit 10.3.0.0/16 && ip route add throw 10.4.0.0/16");
  shell("ip route add 10.5.0.0/16 dev eth0 table 100");
  shell("ip -6 route add default dev eth0 && ip -6 route add unreachable fd00:9::/64");
  EXPECT_EQ(routes(), before);
}

TEST_F(RouteMonitorTest, CountsTheGenerationUpWithEachChangeOnly) {
  std::uint64_t const first = generation();
  EXPECT_EQ(generation(), first);
  shell("ip route add 10.8.0.0/16 via 192.0.2.1");
  std::uint64_t const second = generation();
  EXPECT_GT(second, first);
  shell("ip route add default via 192.0.2.1 && ip link set eth1 mtu 1400");
  EXPECT_EQ(generation(), second);
  shell("ip route del 10.8.0.0/16");
  EXPECT_GT(generation(), second);
}

TEST_F(RouteMonitorTest, ForgetsTheRoutesOfALinkThatGoesDown) {
  shell("ip address add 10.7.0.1/24 dev eth1 && ip route add 10.8.0.0/16 via 10.7.0.2");
  EXPECT_NE(routes().find("10.8.0.0/16"), std::string::npos);
  shell("ip link set eth1 down");
  EXPECT_EQ(routes(), "192.0.2.0/24 eth0 connected\n");
  shell("ip link set eth1 up");
  EXPECT_EQ(routes(), "10.7.0.0/24 eth1 connected\n192.0.2.0/24 eth0 connected\n");
}

TEST_F(RouteMonitorTest, ForgetsTheRoutesOfALinkThatIsDeletedOrMoved) {
  Netns const sandbox;
  shell("ip address add 10.7.0.1/24 dev eth1");
  sandbox.take_link("eth1");
  EXPECT_EQ(routes(), "192.0.2.0/24 eth0 connected\n");
  shell("ip link del eth0");
  EXPECT_EQ(routes(), "");
}

TEST_F(RouteMonitorTest, FollowsALinkThatIsRenamed) {
  shell("ip link set eth0 down && ip link set eth0 name wan && ip link set wan up");
  EXPECT_EQ(routes(), "192.0.2.0/24 wan connected\n");
}

TEST_F(RouteMonitorTest, KeepsTheRoutesOfAPortThatLeavesItsBridge) {
  shell("ip link add br0 up type bridge && ip link set eth0 master br0");
  shell("ip link set eth0 nomaster");
  EXPECT_EQ(routes(), "192.0.2.0/24 eth0 connected\n");
}

TEST_F(RouteMonitorTest, SeesWhatAReplacementReplaced) {
  shell("ip address add 10.7.0.1/24 dev eth1 && ip route add 10.8.0.0/16 via 192.0.2.1");
  routes();
  shell("ip route replace 10.8.0.0/16 via 10.7.0.2");
  EXPECT_EQ(routes(), routes_at_first_sight());
  EXPECT_NE(routes().find("10.8.0.0/16 eth1 via"), std::string::npos);
}

TEST_F(RouteMonitorTest, SeesEachNextHopOfAManifoldRoute) {
  shell("ip address add 10.7.0.1/24 dev eth1");
  shell("ip route add 10.8.0.0/16 nexthop via 192.0.2.1 nexthop via 10.7.0.2");
  EXPECT_NE(routes().find("10.8.0.0/16 eth0 via\n10.8.0.0/16 eth1 via\n"), std::string::npos);
  shell("ip route del 10.8.0.0/16");
  EXPECT_EQ(routes(), routes_at_first_sight());
}

TEST_F(RouteMonitorTest, SeesRoutesThatGoWithTheirSourceAddress) {
  shell("ip address add 198.51.100.1/32 dev lo");
  shell("ip route add 10.8.0.0/16 via 192.0.2.1 src 198.51.100.1");
  routes();
  shell("ip address del 198.51.100.1/32 dev lo");
  EXPECT_EQ(routes(), "192.0.2.0/24 eth0 connected\n");
}

TEST_F(RouteMonitorTest, SeesRoutesThatGoWithTheLastAddressOfTheirLink) {
  shell("ip route add 10.8.0.0/16 via 192.0.2.1 && ip route add 10.9.0.0/16 dev eth0");
  routes();
  shell("ip address del 192.0.2.2/24 dev eth0");
  EXPECT_EQ(routes(), "");
}

TEST_F(RouteMonitorTest, SeesRoutesThatGoWithTheirNextHopObject) {
  shell("ip nexthop add id 7 via 192.0.2.1 dev eth0 && ip route add 10.8.0.0/16 nhid 7");
  EXPECT_EQ(routes(), routes_at_first_sight());
  shell("ip nexthop del id 7");
  EXPECT_EQ(routes(), "192.0.2.0/24 eth0 connected\n");
}

TEST_F(RouteMonitorTest, ReadsAgainWhenItMissedEvents) {
  std::string const batch = testing::TempDir() + "route_monitor_batch";
  {
    std::ofstream file(batch);
    for (int i = 0; i < 20000; ++i) {
      file << fmt::format("route add 10.{}.{}.0/24 via 192.0.2.1\n", i / 250, i % 250);
    }
  }
  shell("ip -batch " + batch);
  EXPECT_EQ((*monitor().current())->foreign.size(), 20001U);
}

TEST_F(RouteMonitorTest, TellsNetworksOfOtherDriversFromOtherInterfaces) {
  shell("ip link add docker0 up type bridge && ip address add 172.17.0.1/16 dev docker0");
  shell("ip route add 10.8.0.0/16 via 172.17.0.2");
  EXPECT_EQ(routes(),
            "10.8.0.0/16 docker0 via\n"
            "172.17.0.0/16 docker0 network\n"
            "192.0.2.0/24 eth0 connected\n");
}

TEST_F(RouteMonitorTest, KeepsApartWhatItsOwnBridgesHaveAnAddressIn) {
  std::uint64_t const before = generation();
  add_own_bridge("db-1", "10.249.1.1/24");
  shell("ip address add fd00:1::1/64 dev db-1 nodad");
  EXPECT_EQ(routes(),
            "10.249.1.0/24 own\n"
            "192.0.2.0/24 eth0 connected\n"
            "fd00:1::/64 own\n");
  shell("ip link del db-1");
  EXPECT_EQ(routes(), "192.0.2.0/24 eth0 connected\n");
  EXPECT_EQ(generation(), before);
}

TEST_F(RouteMonitorTest, ARouteThroughItsOwnBridgeIsSomebodyElses) {
  add_own_bridge("db-1", "10.249.1.1/24");
  shell("ip route add 10.0.0.0/8 via 10.249.1.2");
  EXPECT_EQ(routes(),
            "10.0.0.0/8 db-1 via\n"
            "10.249.1.0/24 own\n"
            "192.0.2.0/24 eth0 connected\n");
}

TEST_F(RouteMonitorTest, FollowsABridgeThatGetsAndLosesItsMark) {
  shell("ip link add br0 up type bridge && ip address add 10.7.0.1/24 dev br0");
  EXPECT_EQ(routes(), "10.7.0.0/24 br0 network\n192.0.2.0/24 eth0 connected\n");
  shell("ip link set br0 alias drawbridge:1");
  EXPECT_EQ(routes(), "10.7.0.0/24 own\n192.0.2.0/24 eth0 connected\n");
  shell("ip link set br0 alias mine");
  EXPECT_EQ(routes(), "10.7.0.0/24 br0 network\n192.0.2.0/24 eth0 connected\n");
}

TEST_F(RouteMonitorTest, SeesAMarkThatWasSetWhileTheBridgeWasDown) {
  shell("ip link add br0 type bridge && ip address add 10.7.0.1/24 dev br0");
  EXPECT_EQ(routes(), "192.0.2.0/24 eth0 connected\n");
  shell("ip link set br0 alias drawbridge:1");
  shell("ip link set br0 up");
  EXPECT_EQ(routes(), "10.7.0.0/24 own\n192.0.2.0/24 eth0 connected\n");
}

TEST_F(RouteMonitorTest, FollowsARetirementStepByStep) {
  add_own_bridge("db-1", "10.249.1.1/24");
  std::string const with_bridge = routes();
  shell("ip link set db-1 down && ip link set db-1 name dx-1");
  shell("ip link set dx-1 alias drawbridge:retired");
  EXPECT_EQ(routes(), "192.0.2.0/24 eth0 connected\n");
  shell("ip link set dx-1 up");
  EXPECT_EQ(routes(), with_bridge);
  shell("ip address del 10.249.1.1/24 dev dx-1");
  EXPECT_EQ(routes(), "192.0.2.0/24 eth0 connected\n");
}

TEST_F(RouteMonitorTest, KeepsAPrefixUntilTheLastOfItsBridgesHasGone) {
  add_own_bridge("db-1", "10.249.1.1/24");
  add_own_bridge("db-2", "10.249.1.1/24");
  std::string const with_bridge = "10.249.1.0/24 own\n192.0.2.0/24 eth0 connected\n";
  EXPECT_EQ(routes(), with_bridge);
  shell("ip address del 10.249.1.1/24 dev db-1");
  EXPECT_EQ(routes(), with_bridge);
  shell("ip address add 10.249.1.1/24 dev db-1 && ip link set db-2 down");
  EXPECT_EQ(routes(), with_bridge);
  shell("ip link del db-1");
  EXPECT_EQ(routes(), "192.0.2.0/24 eth0 connected\n");
}

TEST_F(RouteMonitorTest, ItsOwnBridgesNeverTouchTheForeignRoutes) {
  HostRoutes const& routes = **monitor().current();
  HostRoute const* const list = routes.foreign.data();
  std::uint64_t const before = routes.generation;
  for (int i = 0; i < 20; ++i) {
    add_own_bridge("db-1", "10.249.1.1/24");
    EXPECT_EQ((*monitor().current())->own.size(), 1U);
    shell("ip link del db-1");
    EXPECT_EQ((*monitor().current())->own.size(), 0U);
  }
  EXPECT_EQ(routes.foreign.data(), list);
  EXPECT_EQ(routes.generation, before);
}

TEST_F(RouteMonitorTest, HasNewsFromAChangeUntilItIsAsked) {
  EXPECT_FALSE(has_news());
  shell("ip route add 10.8.0.0/16 via 192.0.2.1");
  EXPECT_TRUE(has_news());
  routes();
  EXPECT_FALSE(has_news());
}

/// Commands of any kind in any order; some of them fail, which does no harm.
std::string random_command(std::mt19937& random) {
  auto const pick = [&](std::vector<std::string> const& list) {
    return list[random() % list.size()];
  };
  std::string const link = pick({"eth0", "eth1"});
  std::string const bridge = pick({"br0", "br1"});
  std::string const v4 = pick({"10.1.0.0/16", "10.2.0.0/16", "10.2.3.0/24"});
  std::string const v6 = pick({"fd00:1::/64", "fd00:2::/64"});
  std::string const hop = pick({"192.0.2.1", "198.51.100.1"});
  std::string const metric = pick({"", " metric 50", " metric 70"});
  return pick({"ip link set " + link + " up",
               "ip link set " + link + " down",
               "ip address add 192.0.2.2/24 dev eth0",
               "ip address del 192.0.2.2/24 dev eth0",
               "ip address add 198.51.100.2/24 dev eth1",
               "ip address add 203.0.113.2/32 dev lo",
               "ip address del 198.51.100.2/24 dev eth1",
               "ip address del 203.0.113.2/32 dev lo",
               "ip route add " + v4 + " via " + hop + metric,
               "ip route del " + v4 + metric,
               "ip route replace " + v4 + " via " + hop + metric,
               "ip route append " + v4 + " via " + hop + metric,
               "ip route add " + v4 + " dev " + link + metric,
               "ip route add " + v4 + " via " + hop + " src 203.0.113.2",
               "ip route add " + v4 + " nexthop via 192.0.2.1 nexthop via 198.51.100.1",
               "ip -6 route add " + v6 + " dev " + link + metric,
               "ip -6 route append " + v6 + " dev " + link + metric,
               "ip -6 route replace " + v6 + " dev " + link + metric,
               "ip -6 route del " + v6 + " dev " + link,
               "ip -6 route add " + v6 + " nexthop dev eth0 nexthop dev eth1",
               "ip link add " + bridge + " type bridge",
               "ip link set " + bridge + " up",
               "ip link set " + bridge + " down",
               "ip link set " + bridge + " alias " + pick({"mine", "drawbridge:1"}),
               "ip link del " + bridge,
               "ip address add 10.7.0.1/24 dev " + bridge,
               "ip address del 10.7.0.1/24 dev " + bridge,
               "ip address add 10.7.0.2/24 dev " + bridge,
               "ip route add " + v4 + " via 10.7.0.9"});
}

TEST_F(RouteMonitorTest, AgreesWithAFirstLookAfterAnything) {
  std::mt19937 random(20);
  std::string commands;
  for (int round = 0; round < 60; ++round) {
    std::string batch;
    for (int i = 0; i < 5; ++i) {
      batch += random_command(random) + " >/dev/null 2>&1; ";
    }
    shell(batch + "true");
    commands += batch + "\n";
    ASSERT_EQ(routes(), routes_at_first_sight()) << commands;
  }
}

TEST_F(RouteMonitorTest, NamesTheInterfacesThatLeadOutside) {
  EXPECT_EQ(*monitor().default_route_interfaces(), std::set<std::string>{});
  shell("ip link add br0 up type bridge && ip address add 10.7.0.1/24 dev br0");
  shell("ip route add default via 10.7.0.2");
  EXPECT_EQ(*monitor().default_route_interfaces(), std::set<std::string>{"br0"});
  shell("ip route add 10.8.0.0/16 via 192.0.2.1");
  EXPECT_EQ(*monitor().default_route_interfaces(), std::set<std::string>{"br0"});
  shell("ip route del default && ip route add default dev eth1");
  EXPECT_EQ(*monitor().default_route_interfaces(), std::set<std::string>{"eth1"});
}

TEST_F(RouteMonitorTest, ARouteIntoATunnelDoesNotMakeTheHostAMember) {
  shell("ip route add 10.0.0.0/8 dev eth1 && ip route add 10.9.0.0/16 dev eth1 src 192.0.2.2");
  EXPECT_EQ(routes(), "10.0.0.0/8 eth1 via\n10.9.0.0/16 eth1 via\n192.0.2.0/24 eth0 connected\n");
}

TEST_F(RouteMonitorTest, TakesTheDefaultMtuFromTheDefaultRoutesLink) {
  shell("ip link set eth0 mtu 1420 && ip route add default via 192.0.2.1");
  EXPECT_EQ(*monitor().default_mtu_bytes(), 1420U);
}

TEST_F(RouteMonitorTest, TakesTheDefaultMtuFromTheRouteItselfWhereItSaysOne) {
  shell("ip route add default via 192.0.2.1 mtu 1300");
  EXPECT_EQ(*monitor().default_mtu_bytes(), 1300U);
}

TEST_F(RouteMonitorTest, TakesTheDefaultMtuFromIpv6WhereIpv4HasNoDefaultRoute) {
  shell("ip link set eth1 mtu 1480 && ip -6 route add default dev eth1");
  EXPECT_EQ(*monitor().default_mtu_bytes(), 1480U);
}

TEST_F(RouteMonitorTest, WithoutADefaultRouteTheMtuIs1500) {
  shell("ip link set eth0 mtu 1400 && ip route add 203.0.113.0/24 via 192.0.2.1");
  EXPECT_EQ(*monitor().default_mtu_bytes(), 1500U);
}

}  // namespace
}  // namespace drawbridge
