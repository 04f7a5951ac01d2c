// What the tables do to packets where a network has a policy. Each policy is elements beside those
// of plain networks.
#include "tests/support/expect_ok.h"
#include "tests/support/parties.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace drawbridge {
namespace {

constexpr ProtocolRange udp{17, 17};
constexpr PortRange ports_9_to_10{9, 10};

IpAddress address(char const* text) {
  return IpAddress::parse(text).value();
}

IpPrefix prefix(char const* text) {
  return IpPrefix::parse(text).value();
}

Verdict jump(char const* chain) {
  return {Verdict::Kind::jump, chain};
}

class PolicyTest : public PartiesTest {
 protected:
  /// Members of db-a are apart: nothing goes by way of the gateway.
  Result<void> set_apart() {
    std::string const mac = shell("ip -brief link show db-a | awk '{ print $3 }'");
    return write_tables({{"pair", {"db-a", "db-a"}, Verdict{Verdict::Kind::go_to, "apart"}},
                         {"doors", {"db-a", MacAddress::parse(mac.substr(0, 17)).value()}}},
                        {{"pair", {"db-a", "db-a"}, Verdict{}}});
  }

  void isolate_a1_from_a2() const {
    shell(fmt::format("bridge link set dev {} isolated on", port_of(a1_)));
    shell(fmt::format("bridge link set dev {} isolated on", port_of(a2_)));
  }

  /// As a hostile member does, which believes nobody who knows a shorter way.
  void route_a1_to_a2_by_the_gateway() const {
    a1_.run([] {
      for (char const* sysctl :
           {"ipv4/conf/all/accept_redirects", "ipv4/conf/eth0/accept_redirects",
            "ipv6/conf/all/accept_redirects", "ipv6/conf/eth0/accept_redirects"}) {
        set(sysctl, "0");
      }
      shell("ip route add 10.1.0.3/32 via 10.1.0.1; ip route add fd01::3/128 via fd01::1");
    });
  }
};

TEST_F(PolicyTest, MembersApartDoNotMeetByWayOfTheGateway) {
  isolate_a1_from_a2();
  ASSERT_TRUE(is_refused(a1_, a2_));
  route_a1_to_a2_by_the_gateway();
  ASSERT_OK(write_tables());
  ASSERT_TRUE(reaches(a1_, a2_));
  ASSERT_TRUE(reaches(a1_, a2_, a2_.address6));

  ASSERT_OK(set_apart());

  EXPECT_TRUE(is_refused(a1_, a2_));
  EXPECT_TRUE(is_refused(a1_, a2_, a2_.address6));
  EXPECT_TRUE(reaches(a1_, outside_));
}

TEST_F(PolicyTest, MembersApartMeetByTheirPublishedPorts) {
  shell(
      "nft 'add table ip x; add chain ip x in { type nat hook prerouting priority dstnat; };"
      "add rule ip x in ip daddr 192.0.2.1 udp dport 9 dnat to 10.1.0.3'");
  if (std::filesystem::exists("/proc/sys/net/bridge")) {
    // With 1 the bridge itself takes what is translated from port to port, and isolation holds.
    set("bridge/bridge-nf-call-iptables", "0");
  }
  isolate_a1_from_a2();

  ASSERT_OK(set_apart());

  EXPECT_TRUE(reaches(a1_, a2_, "192.0.2.1"));
  EXPECT_TRUE(is_refused(a1_, a2_));
}

TEST_F(PolicyTest, FramesThatTheBridgeLetsThroughPassWhereMembersAreApart) {
  ASSERT_OK(set_apart());
  if (std::filesystem::exists("/proc/sys/net/bridge")) {
    set("bridge/bridge-nf-call-iptables", "1");
    set("bridge/bridge-nf-call-ip6tables", "1");
  }

  EXPECT_TRUE(reaches(a1_, a2_));
  EXPECT_TRUE(reaches(a1_, a2_, a2_.address6));
}

TEST_F(PolicyTest, NetworksOfOneTeamReachEachOther) {
  shell("ip link set db-a group 7; ip link set db-b group 7; ip link set db-in group 8");
  ASSERT_OK(write_tables());
  ASSERT_TRUE(is_refused(a1_, b1_));

  ASSERT_OK(nft_.change({}, {{"teams", {"db-a", LinkGroup{7}}},
                             {"teams", {"db-b", LinkGroup{7}}},
                             {"teams", {"db-in", LinkGroup{8}}}}));

  EXPECT_TRUE(reaches(a1_, b1_));
  EXPECT_TRUE(reaches(a1_, b1_, b1_.address6));
  EXPECT_TRUE(reaches(b1_, a1_));
  EXPECT_TRUE(is_refused(a1_, in1_));
  EXPECT_TRUE(is_refused(docker_, a1_));
}

TEST_F(PolicyTest, APeerReachesTheServicesThatItIsOffered) {
  ASSERT_OK(write_tables({{"from_network", {"db-a", "db-b", udp, ports_9_to_10}}}));

  EXPECT_TRUE(reaches(a1_, b1_, 9));
  EXPECT_TRUE(reaches(a1_, b1_, 10));
  EXPECT_TRUE(reaches(a1_, b1_, b1_.address6, 10));
  EXPECT_TRUE(is_refused(a1_, b1_, 8));
  EXPECT_TRUE(is_refused(a1_, b1_, 11));
  EXPECT_TRUE(is_refused(a1_, b1_, b1_.address6, 11));
  EXPECT_TRUE(is_refused(b1_, a1_, 9));
}

TEST_F(PolicyTest, APeerThatIsOfferedEverythingMayPing) {
  ASSERT_OK(write_tables({{"from_network", {"db-a", "db-b", ProtocolRange{}, PortRange{}}}}));

  EXPECT_TRUE(pings(a1_, b1_.address));
  EXPECT_TRUE(pings(a1_, b1_.address6));
  EXPECT_TRUE(is_refused_ping(b1_, a1_.address));
  EXPECT_TRUE(is_refused_ping(b1_, a1_.address6));
}

TEST_F(PolicyTest, AnAddressIsLetInWhereItComesFromThere) {
  ASSERT_OK(
      write_tables({{"from_address4", {prefix("192.0.2.0/24"), "db-a", udp, PortRange{9, 9}}},
                    {"from_address6", {prefix("2001:db8::/64"), "db-a", udp, PortRange{9, 9}}}}));

  EXPECT_TRUE(reaches(outside_, a1_));
  EXPECT_TRUE(reaches(outside_, a1_, a1_.address6));
  EXPECT_TRUE(is_refused(outside_, a1_, 10));
  EXPECT_TRUE(is_refused(outside_, a1_, a1_.address6, 10));
  EXPECT_TRUE(is_refused(outside_, b1_));
}

TEST_F(PolicyTest, AnAddressIsNotLetInWhereItIsClaimedToBe) {
  set("ipv4/conf/all/rp_filter", "0");
  set("ipv4/conf/docker0/rp_filter", "0");
  docker_.run([] {
    shell("ip address add 192.0.2.66/32 dev eth0");
    shell("ip route replace default via 172.17.0.1 src 192.0.2.66");
  });
  ASSERT_EQ(source_seen(docker_, a1_, a1_.address), "192.0.2.66");

  ASSERT_OK(write_tables({{"from_address4", {prefix("192.0.2.0/24"), "db-a", udp, PortRange{}}}}));

  EXPECT_TRUE(is_refused(docker_, a1_));
  EXPECT_TRUE(reaches(outside_, a1_));
}

/// The outside has private addresses too: 10.9.9.9 and fd99::9.
class EgressTest : public PolicyTest {
 protected:
  void SetUp() override {
    PolicyTest::SetUp();
    outside_.run([] {
      shell("ip address add 10.9.9.9/32 dev eth0; ip address add fd99::9/128 dev eth0 nodad");
    });
    shell("ip route add 10.9.9.9/32 dev br0; ip route add fd99::9/128 dev br0");
  }

  Result<void> limit_a(char const* egress, char const* to_host, std::set<Element> more = {}) {
    more.insert({"egress", {"db-a"}, jump(egress)});
    more.insert({"to_host", {"db-a"}, jump(to_host)});
    return write_tables(more);
  }
};

TEST_F(EgressTest, TheInternetIsWhatIsNotPrivate) {
  ASSERT_OK(write_tables());
  ASSERT_TRUE(reaches(a1_, outside_, "10.9.9.9"));
  ASSERT_TRUE(reaches(a1_, outside_, "fd99::9"));

  ASSERT_OK(limit_a("egress_internet", "host_internet"));

  EXPECT_TRUE(reaches(a1_, outside_));
  EXPECT_TRUE(reaches(a1_, outside_, outside_.address6));
  EXPECT_TRUE(reaches(a1_, a2_));
  EXPECT_TRUE(is_refused(a1_, outside_, "10.9.9.9"));
  EXPECT_TRUE(is_refused(a1_, outside_, "fd99::9"));
  EXPECT_TRUE(is_refused(a1_, host_));
  EXPECT_TRUE(is_refused(a1_, host_, "fd01::1"));
  EXPECT_TRUE(reaches(b1_, outside_, "10.9.9.9"));
  EXPECT_TRUE(reaches(b1_, host_));
}

TEST_F(EgressTest, NameServersAreReachedWhereverTheyAre) {
  ASSERT_OK(limit_a("egress_internet", "host_internet"));
  ASSERT_TRUE(is_refused(a1_, outside_, "10.9.9.9", 53));
  ASSERT_TRUE(is_refused(a1_, host_, 53));

  ASSERT_OK(nft_.set_resolvers({address("10.9.9.9"), address("fd99::9"), address("192.0.2.1")}));

  EXPECT_TRUE(reaches(a1_, outside_, "10.9.9.9", 53));
  EXPECT_TRUE(reaches(a1_, outside_, "fd99::9", 53));
  EXPECT_TRUE(reaches(a1_, host_, 53));
  EXPECT_TRUE(is_refused(a1_, outside_, "10.9.9.9", 9));
}

TEST_F(EgressTest, AListIsAllThatIsReached) {
  ASSERT_OK(limit_a("egress_listed", "egress_listed",
                    {{"egress_to4", {"db-a", prefix("192.0.2.0/28"), udp, PortRange{9, 9}}},
                     {"egress_to6", {"db-a", prefix("2001:db8::/64"), udp, PortRange{9, 9}}}}));

  for (Party const* to : {&outside_, &host_}) {
    EXPECT_TRUE(reaches(a1_, *to)) << to->address;
    EXPECT_TRUE(reaches(a1_, *to, to->address6)) << to->address6;
    EXPECT_TRUE(is_refused(a1_, *to, 10)) << to->address;
    EXPECT_TRUE(is_refused(a1_, *to, to->address6, 10)) << to->address6;
  }
  EXPECT_TRUE(is_refused(a1_, outside_, "10.9.9.9"));
  EXPECT_TRUE(reaches(a1_, a2_));
  EXPECT_TRUE(reaches(b1_, outside_, 10));
  ASSERT_OK(nft_.set_resolvers({address("10.9.9.9")}));
  EXPECT_TRUE(reaches(a1_, outside_, "10.9.9.9", 53));
}

TEST_F(EgressTest, AListNamesAddressesAsContainersUseThem) {
  shell(
      "nft 'add table ip x; add chain ip x in { type nat hook prerouting priority dstnat; };"
      "add rule ip x in ip daddr 198.18.0.1 dnat to 192.0.2.2'");

  ASSERT_OK(limit_a("egress_listed", "egress_listed",
                    {{"egress_to4", {"db-a", prefix("198.18.0.1/32"), udp, PortRange{}}}}));

  EXPECT_TRUE(reaches(a1_, outside_, "198.18.0.1"));
  EXPECT_TRUE(is_refused(a1_, outside_));
}

TEST_F(PolicyTest, AnOpenNetworkIsReachedFromOutside) {
  ASSERT_OK(write_tables());
  ASSERT_TRUE(is_refused(outside_, a1_));

  ASSERT_OK(nft_.change({}, {{"open4", {"db-a"}}}));

  EXPECT_TRUE(reaches(outside_, a1_));
  EXPECT_TRUE(is_refused(outside_, a1_, a1_.address6));
  EXPECT_TRUE(is_refused(b1_, a1_));
  EXPECT_TRUE(is_refused(docker_, a1_));
  ASSERT_OK(nft_.change({}, {{"open6", {"db-a"}}}));
  EXPECT_TRUE(reaches(outside_, a1_, a1_.address6));
}

TEST_F(PolicyTest, ARoutedNetworkAnswersToPingFromOutside) {
  ASSERT_OK(write_tables());
  ASSERT_TRUE(is_refused_ping(outside_, a1_.address));
  ASSERT_TRUE(is_refused_ping(outside_, a1_.address6));

  ASSERT_OK(nft_.change({}, {{"routed4", {"db-a"}}, {"routed6", {"db-a"}}}));

  EXPECT_TRUE(pings(outside_, a1_.address));
  EXPECT_TRUE(pings(outside_, a1_.address6));
  EXPECT_TRUE(is_refused(outside_, a1_));
  EXPECT_TRUE(is_refused(outside_, a1_, a1_.address6));
}

TEST_F(PolicyTest, OutboundTrafficCarriesTheAddressOfItsNetwork) {
  ASSERT_OK(write_tables(
      {{"host4", {"db-a"}, address("192.0.2.7")}, {"host6", {"db-a"}, address("2001:db8::7")}}));

  EXPECT_EQ(source_seen(a1_, outside_, outside_.address), "192.0.2.7");
  EXPECT_EQ(source_seen(a1_, outside_, outside_.address6), "2001:db8::7");
  EXPECT_EQ(source_seen(b1_, outside_, outside_.address), "192.0.2.1");
  EXPECT_EQ(source_seen(b1_, outside_, outside_.address6), "2001:db8::1");
  EXPECT_EQ(source_seen(a1_, a2_, a2_.address), "10.1.0.2");
}

TEST_F(PolicyTest, WithoutMasqueradingMembersAreSeenAsTheyAre) {
  ASSERT_OK(write_tables({}, {{"masquerade4", {"db-a"}}, {"masquerade6", {"db-a"}}}));

  EXPECT_EQ(source_seen(a1_, outside_, outside_.address), "10.1.0.2");
  EXPECT_EQ(source_seen(a1_, outside_, outside_.address6), "fd01::2");
}

// docs/firewall.md tells administrators where to put such a rule.
TEST_F(PolicyTest, ASourceIsTranslatedBeforeOurChainOrNotAtAll) {
  auto const mine = [](char const* priority) {
    shell(
        fmt::format("nft 'add table ip x; delete table ip x; add table ip x; "
                    "add chain ip x out {{ type nat hook postrouting priority {}; }}; "
                    "add rule ip x out oifname db-a snat to 10.1.0.77'",
                    priority));
  };
  ASSERT_OK(write_tables({{"open4", {"db-a"}}}));

  mine("srcnat");
  EXPECT_EQ(source_seen(outside_, a1_, a1_.address), "192.0.2.2");
  mine("srcnat - 2");
  EXPECT_EQ(source_seen(outside_, a1_, a1_.address), "10.1.0.77");
}

TEST_F(PolicyTest, ProjectsOfOneNetworkAreApart) {
  Party const a3 = member("db-a", "10.1.0.4", "fd01::4");
  Party const hub = member("db-a", "10.1.0.5", "fd01::5");
  shell("until ! bridge link | grep -v 'state forwarding'; do sleep 0.01; done");
  shell(fmt::format("ip link set {} group 3; ip link set {} group 3; ip link set {} group 4",
                    port_of(a1_), port_of(a2_), port_of(a3)));
  ASSERT_OK(write_tables());
  ASSERT_TRUE(reaches(a1_, a3));
  ASSERT_TRUE(reaches(a1_, a3, a3.address6));

  ASSERT_OK(nft_.change({}, {{"bounded", {port_of(a1_)}},
                             {"bounded", {port_of(a2_)}},
                             {"bounded", {port_of(a3)}},
                             {"projects", {port_of(a1_), LinkGroup{3}}},
                             {"projects", {port_of(a2_), LinkGroup{3}}},
                             {"projects", {port_of(a3), LinkGroup{4}}}}));

  EXPECT_TRUE(is_refused(a1_, a3));
  EXPECT_TRUE(is_refused(a1_, a3, a3.address6));
  EXPECT_TRUE(reaches(a1_, a2_));
  EXPECT_TRUE(reaches(a1_, a2_, a2_.address6));
  EXPECT_TRUE(reaches(a1_, hub));
  EXPECT_TRUE(reaches(hub, a3));
  EXPECT_TRUE(reaches(a1_, outside_));
}

}  // namespace
}  // namespace drawbridge
