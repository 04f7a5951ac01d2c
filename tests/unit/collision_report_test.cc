#include "plugin/collision_report.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

IpPrefix prefix(char const* text) {
  return *IpPrefix::parse(text);
}

HostRoute const vpn{prefix("10.249.0.0/22"), "tun0", RouteKind::routed};

TEST(CollisionReport, NamesBothSides) {
  RouteCollision const one{prefix("10.249.3.0/24"), vpn};
  auto const title = [](IpPrefix const&) { return std::optional<std::string>("shop (0123)"); };
  EXPECT_EQ(describe_begun({one}, title),
            std::vector<std::string>{
                "10.249.0.0/22 routed through interface tun0 collides with 10.249.3.0/24 of "
                "network shop (0123): one of them cannot be reached from this host; move the "
                "route, or make the network again, which steps around it"});
  EXPECT_EQ(describe_ended({one}),
            std::vector<std::string>{"10.249.0.0/22 routed through interface tun0 collides no more "
                                     "with 10.249.3.0/24"});
}

TEST(CollisionReport, HasOneLineForEachRoute) {
  std::vector<RouteCollision> many;
  for (char const* const subnet :
       {"10.249.0.0/24", "10.249.1.0/24", "10.249.2.0/25", "10.249.2.128/25", "10.249.3.0/24"}) {
    many.push_back({prefix(subnet), vpn});
  }
  std::vector<std::string> const lines = describe_ended(many);
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_NE(lines[0].find("10.249.2.0/25 and 2 more"), std::string::npos) << lines[0];
}

}  // namespace
}  // namespace drawbridge
