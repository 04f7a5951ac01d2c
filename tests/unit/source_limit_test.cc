// How many connections of one source are relayed.
#include "ports/source_limit.h"

#include <gtest/gtest.h>

#include <chrono>

namespace drawbridge {
namespace {

using namespace std::chrono_literals;

IpAddress ip(char const* text) {
  return IpAddress::parse(text).value();
}

class SourceLimitTest : public testing::Test {
 protected:
  SourceLimitTest() {
    hold_.limit = RelayLimit{"db-a", {10, 3}, {IpPrefix::parse("fd00:1::/64").value()}};
  }

  /// returns  how many of so many at once
  int admitted(int count, IpAddress const& client) {
    int passed = 0;
    for (int i = 0; i < count; ++i) {
      passed += limit_.admits(hold_, client, ip("2001:db8::1"), now_) ? 1 : 0;
    }
    return passed;
  }

  PortHold hold_;
  SourceLimit limit_;
  SourceLimit::Clock::time_point now_{1h};
};

TEST_F(SourceLimitTest, ABurstAtOnceAndThenAsTimePasses) {
  EXPECT_EQ(admitted(10, ip("2001:db8::9")), 3);
  now_ += 200ms;
  EXPECT_EQ(admitted(10, ip("2001:db8::9")), 2);
  now_ += 1h;
  EXPECT_EQ(admitted(10, ip("2001:db8::9")), 3);
}

TEST_F(SourceLimitTest, SourcesAndNetworksAreCountedApart) {
  EXPECT_EQ(admitted(10, ip("2001:db8::9")), 3);
  EXPECT_EQ(admitted(10, ip("2001:db8::a")), 3);
  hold_.limit->network = "db-b";
  EXPECT_EQ(admitted(10, ip("2001:db8::9")), 3);
}

TEST_F(SourceLimitTest, NeitherThisHostNorMembersNorThoseOfANetworkWithoutALimitAreCounted) {
  EXPECT_EQ(admitted(10, ip("2001:db8::1")), 10);
  EXPECT_EQ(admitted(10, ip("fd00:1::7")), 10);
  hold_.limit.reset();
  EXPECT_EQ(admitted(10, ip("2001:db8::9")), 10);
}

TEST_F(SourceLimitTest, WhoComesWhenTooManyAreCountedPassesUntilTheyAreForgotten) {
  for (AddressBits number = 1; number <= 65'535; ++number) {
    admitted(1, {Family::ipv4, number});
  }
  EXPECT_EQ(admitted(10, ip("2001:db8::9")), 10);
  now_ += 61s;
  EXPECT_EQ(admitted(10, ip("2001:db8::9")), 3);
}

}  // namespace
}  // namespace drawbridge
