// Which connections an earlier daemon left behind.
#include "driver/left_over_flows.h"

#include <gtest/gtest.h>

#include <string>

namespace drawbridge {
namespace {

IpAddress ip(std::string const& text) {
  return *IpAddress::parse(text);
}

Flow flow(std::string const& from, std::string const& to) {
  Flow made;
  made.source = ip(from);
  made.destination = made.translated_destination = ip(to);
  return made;
}

/// 10.249.1.0/24 and fd00:249::/64 with the member 10.249.1.2, fd00:249::2.
LeftOverFlows of_one_member() {
  NetworkRequest network;
  network.subnets = {{*IpPrefix::parse("10.249.1.0/24"), ip("10.249.1.1")},
                     {*IpPrefix::parse("fd00:249::/64"), ip("fd00:249::1")}};
  Endpoint member;
  member.ipv4 = *IpPrefix::parse("10.249.1.2/24");
  member.ipv6 = *IpPrefix::parse("fd00:249::2/64");
  LeftOverFlows flows;
  flows.add(network);
  flows.add(member);
  return flows;
}

TEST(LeftOverFlowsTest, WhoeverOpenedItIsGone) {
  EXPECT_TRUE(of_one_member().contain(flow("10.249.1.3", "203.0.113.9")));
  EXPECT_TRUE(of_one_member().contain(flow("fd00:249::3", "2001:db8::9")));
}

TEST(LeftOverFlowsTest, WhereItReallyWentIsGone) {
  Flow through = flow("203.0.113.9", "198.51.100.1");
  through.translated_destination = ip("10.249.1.3");
  EXPECT_TRUE(of_one_member().contain(through));
  through.translated_destination = ip("10.249.1.2");
  EXPECT_FALSE(of_one_member().contain(through));
}

TEST(LeftOverFlowsTest, MembersKeepTheirs) {
  for (char const* const peer : {"203.0.113.9", "10.249.1.1", "10.249.1.2"}) {
    EXPECT_FALSE(of_one_member().contain(flow("10.249.1.2", peer))) << peer;
  }
  EXPECT_FALSE(of_one_member().contain(flow("fd00:249::1", "fd00:249::2"))) << "of this host";
}

TEST(LeftOverFlowsTest, OtherSubnetsAreNoneOfOurBusiness) {
  EXPECT_FALSE(of_one_member().contain(flow("10.249.0.255", "10.249.2.0")));
  EXPECT_FALSE(of_one_member().contain(flow("fd00:248::3", "fd00:249:0:1::3")));
  EXPECT_FALSE(LeftOverFlows().contain(flow("10.249.1.3", "10.249.1.2")));
}

}  // namespace
}  // namespace drawbridge
