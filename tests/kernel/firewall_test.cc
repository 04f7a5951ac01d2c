// What the tables do to packets of plain and internal networks.
#include "tests/support/expect_ok.h"
#include "tests/support/parties.h"

#include <gtest/gtest.h>

#include <filesystem>

namespace drawbridge {
namespace {

using FirewallTest = PartiesTest;

TEST_F(FirewallTest, WithoutTheTableEverybodyReachesEverybody) {
  for (Party const* to : {&a2_, &b1_, &in1_, &docker_, &outside_, &host_}) {
    EXPECT_TRUE(reaches(a1_, *to)) << to->address;
    EXPECT_TRUE(reaches(in2_, *to)) << to->address;
  }
  for (Party const* from : {&docker_, &outside_, &host_}) {
    EXPECT_TRUE(reaches(*from, a1_)) << from->address;
    EXPECT_NE(source_seen(*from, host_, "10.2.0.1"), "") << from->address;
  }
}

TEST_F(FirewallTest, OnlyMembersAndTheHostReachAMember) {
  ASSERT_OK(write_tables());

  for (Party const* from : {&a2_, &host_}) {
    EXPECT_TRUE(reaches(*from, a1_)) << from->address;
  }
  for (Party const* from : {&b1_, &in1_, &docker_, &outside_}) {
    EXPECT_TRUE(is_refused(*from, a1_)) << from->address;
  }
}

TEST_F(FirewallTest, MembersReachEachOtherWhenBridgesCallIptables) {
  if (!std::filesystem::exists("/proc/sys/net/bridge")) {
    GTEST_SKIP() << "br_netfilter is not loaded";
  }
  set("bridge/bridge-nf-call-iptables", "1");
  shell("iptables -P FORWARD DROP");

  ASSERT_OK(write_tables());
  ASSERT_OK(nft_.mend());

  EXPECT_TRUE(reaches(a1_, a2_));
  EXPECT_TRUE(reaches(in1_, in2_));
  EXPECT_TRUE(reaches(a1_, outside_));
  EXPECT_TRUE(is_refused(a1_, b1_));
}

TEST_F(FirewallTest, OutboundTrafficCarriesTheHostsAddress) {
  ASSERT_OK(write_tables());

  EXPECT_EQ(source_seen(a1_, outside_, "192.0.2.2"), "192.0.2.1");
  EXPECT_EQ(source_seen(a1_, a2_, "10.1.0.3"), "10.1.0.2");
  EXPECT_EQ(source_seen(a1_, host_, "192.0.2.1"), "10.1.0.2");
}

TEST_F(FirewallTest, ContainersOfOthersAreReachedByTheirPublishedPortsOnly) {
  ASSERT_OK(write_tables());
  shell(
      "nft 'add table ip x; add chain ip x in { type nat hook prerouting priority dstnat; };"
      "add rule ip x in ip daddr 192.0.2.1 udp dport 9 dnat to 172.17.0.2'");

  EXPECT_TRUE(is_refused(a1_, docker_));
  EXPECT_EQ(source_seen(a1_, docker_, "192.0.2.1"), "172.17.0.1");
}

TEST_F(FirewallTest, ABridgeIsNoWayOutUnlessItIsAnUplink) {
  ASSERT_OK(write_tables());
  EXPECT_TRUE(reaches(a1_, outside_));

  ASSERT_OK(nft_.set_uplinks({}));

  EXPECT_TRUE(is_refused(a1_, outside_));
}

TEST_F(FirewallTest, AGatewayAnswersItsOwnNetworkAndTheHost) {
  ASSERT_OK(write_tables());

  EXPECT_NE(source_seen(a1_, host_, "10.1.0.1"), "");
  EXPECT_NE(source_seen(host_, host_, "10.1.0.1"), "");
  for (Party const* from : {&b1_, &docker_, &outside_}) {
    EXPECT_TRUE(is_refused(*from, host_, "10.1.0.1")) << from->address;
  }
}

TEST_F(FirewallTest, AnInternalNetworkReachesItsMembersOnly) {
  ASSERT_OK(write_tables());

  EXPECT_TRUE(reaches(in1_, in2_));
  for (Party const* to : {&a1_, &docker_, &outside_, &host_}) {
    EXPECT_TRUE(is_refused(in1_, *to)) << to->address;
  }
  EXPECT_TRUE(is_refused(in1_, host_, "10.3.0.1"));
  EXPECT_TRUE(reaches(host_, in1_));
}

// Without neighbour discovery the host could not even find a member.
TEST_F(FirewallTest, TheHostFindsMembersOfAnInternalNetworkByIpv6) {
  ASSERT_OK(write_tables());

  EXPECT_EQ(source_seen(host_, in1_, "fd03::2"), "fd03::1");
  EXPECT_TRUE(is_refused(in1_, host_, "fd03::1"));
}

}  // namespace
}  // namespace drawbridge
