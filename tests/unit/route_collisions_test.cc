#include "ipam/route_collisions.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <string_view>

namespace drawbridge {
namespace {

IpPrefix prefix(std::string_view text) {
  return *IpPrefix::parse(text);
}

std::string text_of(std::vector<IpPrefix> const& prefixes) {
  std::string out;
  for (IpPrefix const& entry : prefixes) {
    out += (out.empty() ? "" : " ") + entry.to_string();
  }
  return out;
}

void append(std::string& out, char sign, std::vector<RouteCollision> const& collisions) {
  for (auto const& [subnet, route] : collisions) {
    out += fmt::format("{} {}: {} {}\n", sign, subnet.to_string(), route.prefix.to_string(),
                       route.interface);
  }
}

/// Leased subnets, and a host whose routes come and go; what begins is told with +, what ends
/// with -.
class RouteCollisionsTest : public testing::Test {
 protected:
  void lease(std::string_view subnet) { subnets.push_back(prefix(subnet)); }

  std::string add(RouteKind kind, std::string_view route, std::string_view interface) {
    routes.foreign.push_back({prefix(route), std::string(interface), kind});
    return update();
  }

  std::string remove(std::string_view route) {
    std::erase_if(routes.foreign,
                  [&](HostRoute const& entry) { return entry.prefix == prefix(route); });
    return update();
  }

  std::string update() {
    ++routes.generation;
    RouteCollisionChanges const changes = collisions.update(subnets, routes);
    std::string out;
    append(out, '+', changes.begun);
    append(out, '-', changes.ended);
    return out;
  }

  std::string parts_taken(std::string_view subnet) {
    return text_of(collisions.parts_taken(prefix(subnet)));
  }

  std::vector<IpPrefix> subnets;
  HostRoutes routes;
  RouteCollisions collisions;
};

TEST_F(RouteCollisionsTest, TellsWhenACollisionBeginsAndWhenItEnds) {
  lease("10.249.3.0/24");
  EXPECT_EQ(add(RouteKind::routed, "10.249.3.128/25", "tun0"),
            "+ 10.249.3.0/24: 10.249.3.128/25 tun0\n");
  EXPECT_EQ(add(RouteKind::routed, "192.168.7.0/24", "tun0"), "");
  EXPECT_EQ(remove("10.249.3.128/25"), "- 10.249.3.0/24: 10.249.3.128/25 tun0\n");
}

TEST_F(RouteCollisionsTest, LooksOnlyWhenTheGenerationIsAnother) {
  lease("10.249.3.0/24");
  EXPECT_FALSE(collisions.is_current(routes));
  update();
  EXPECT_TRUE(collisions.is_current(routes));
  routes.foreign.push_back({prefix("10.249.3.0/25"), "tun0", RouteKind::routed});
  EXPECT_TRUE(collisions.update(subnets, routes).begun.empty());
  EXPECT_EQ(update(), "+ 10.249.3.0/24: 10.249.3.0/25 tun0\n");
}

TEST_F(RouteCollisionsTest, ARouteCollidesWhereItIsNoWiderThanTheSubnet) {
  lease("10.249.3.0/24");
  EXPECT_EQ(add(RouteKind::routed, "10.0.0.0/8", "tun0"), "");
  EXPECT_EQ(add(RouteKind::routed, "10.249.2.0/23", "tun0"), "");
  EXPECT_EQ(add(RouteKind::routed, "10.249.3.0/24", "tun0"),
            "+ 10.249.3.0/24: 10.249.3.0/24 tun0\n");
  EXPECT_EQ(add(RouteKind::routed, "10.249.3.9/32", "tun0"),
            "+ 10.249.3.0/24: 10.249.3.9/32 tun0\n");
  EXPECT_EQ(add(RouteKind::routed, "10.249.4.0/32", "tun0"), "");
}

TEST_F(RouteCollisionsTest, AnAddressOfTheHostCollidesInTheSubnetAndAroundIt) {
  lease("10.249.3.0/24");
  EXPECT_EQ(add(RouteKind::connected, "10.249.0.0/16", "wlan0"),
            "+ 10.249.3.0/24: 10.249.0.0/16 wlan0\n");
  EXPECT_EQ(add(RouteKind::network, "10.249.3.0/26", "br-1"),
            "+ 10.249.3.0/24: 10.249.3.0/26 br-1\n");
}

TEST_F(RouteCollisionsTest, DefaultRoutesNeverCollide) {
  lease("10.249.3.0/24");
  EXPECT_EQ(add(RouteKind::routed, "0.0.0.0/0", "eth0"), "");
  EXPECT_EQ(add(RouteKind::connected, "0.0.0.0/0", "tun0"), "");
}

TEST_F(RouteCollisionsTest, TheFamiliesDoNotCollide) {
  lease("10.249.3.0/24");
  lease("fd00:1::/64");
  EXPECT_EQ(add(RouteKind::connected, "::/1", "wlan0"), "");
  EXPECT_EQ(add(RouteKind::connected, "fd00:1::/48", "wlan0"),
            "+ fd00:1::/64: fd00:1::/48 wlan0\n");
}

TEST_F(RouteCollisionsTest, OneRouteMayCollideWithSeveralSubnets) {
  lease("10.249.7.0/24");
  lease("10.249.3.0/24");
  lease("10.250.3.0/24");
  EXPECT_EQ(add(RouteKind::connected, "10.249.0.0/16", "wlan0"),
            "+ 10.249.3.0/24: 10.249.0.0/16 wlan0\n"
            "+ 10.249.7.0/24: 10.249.0.0/16 wlan0\n");
}

TEST_F(RouteCollisionsTest, TheBridgeOfADockerNetworkWithASubnetOfOursIsNoCollision) {
  lease("10.249.3.0/24");
  lease("10.249.4.0/24");
  EXPECT_EQ(add(RouteKind::network, "10.249.3.0/24", "br-1"), "");
  EXPECT_EQ(add(RouteKind::routed, "10.249.3.128/25", "br-1"), "");
  EXPECT_EQ(parts_taken("10.249.3.0/24"), "");
  EXPECT_EQ(add(RouteKind::routed, "10.249.4.128/25", "br-1"),
            "+ 10.249.4.0/24: 10.249.4.128/25 br-1\n");
}

TEST_F(RouteCollisionsTest, AnotherBridgeWithTheSubnetOfABridgeOfOursIsACollision) {
  lease("10.249.3.0/24");
  routes.own.insert(prefix("10.249.3.0/24"));
  EXPECT_EQ(add(RouteKind::network, "10.249.3.0/24", "br-1"),
            "+ 10.249.3.0/24: 10.249.3.0/24 br-1\n");
}

TEST_F(RouteCollisionsTest, AnotherInterfaceWithTheVerySubnetIsACollision) {
  lease("10.249.3.0/24");
  EXPECT_EQ(add(RouteKind::connected, "10.249.3.0/24", "eth1"),
            "+ 10.249.3.0/24: 10.249.3.0/24 eth1\n");
}

TEST_F(RouteCollisionsTest, ACollisionEndsWhenItsSubnetIsReleased) {
  lease("10.249.3.0/24");
  add(RouteKind::routed, "10.249.3.0/25", "tun0");
  subnets.clear();
  EXPECT_EQ(update(), "- 10.249.3.0/24: 10.249.3.0/25 tun0\n");
}

TEST_F(RouteCollisionsTest, SaysWhichPartsOfASubnetAreTaken) {
  add(RouteKind::routed, "10.249.3.192/26", "tun0");
  add(RouteKind::routed, "10.249.3.128/25", "tun1");
  add(RouteKind::connected, "10.249.3.7/32", "lo");
  add(RouteKind::routed, "10.249.4.0/25", "tun0");
  EXPECT_EQ(parts_taken("10.249.3.0/24"), "10.249.3.7/32 10.249.3.128/25");
  EXPECT_EQ(parts_taken("10.249.4.0/24"), "10.249.4.0/25");
  EXPECT_EQ(parts_taken("10.249.5.0/24"), "");
  remove("10.249.3.128/25");
  EXPECT_EQ(parts_taken("10.249.3.0/24"), "10.249.3.7/32 10.249.3.192/26");
}

TEST_F(RouteCollisionsTest, RoutesThatTakeTheWholeSubnetTakeNoPart) {
  add(RouteKind::connected, "10.249.0.0/16", "wlan0");
  add(RouteKind::routed, "10.249.3.0/24", "tun0");
  EXPECT_EQ(parts_taken("10.249.3.0/24"), "");
}

IpPrefix any_prefix(std::mt19937& random) {
  int const length = 24 + static_cast<int>(random() % 9);
  IpPrefix const inside{{Family::ipv4, (AddressBits{10} << 24) + random() % 256}, length};
  return inside.network();
}

TEST_F(RouteCollisionsTest, FindsWhatLookingAtEachPairFinds) {
  std::mt19937 random(3);
  for (int round = 0; round < 200; ++round) {
    routes = {static_cast<std::uint64_t>(round), {}, {}};
    subnets.clear();
    for (int i = 0; i < 8; ++i) {
      RouteKind const kind = random() % 2 == 0 ? RouteKind::connected : RouteKind::routed;
      routes.foreign.push_back({any_prefix(random), "eth0", kind});
      subnets.push_back(any_prefix(random));
    }
    std::set<RouteCollision> expected;
    for (IpPrefix const& subnet : subnets) {
      for (HostRoute const& route : routes.foreign) {
        bool const counts =
            route.kind == RouteKind::connected || route.prefix.length >= subnet.length;
        if (counts && route.prefix.overlaps(subnet)) {
          expected.insert({subnet, route});
        }
      }
    }
    RouteCollisions fresh;
    std::vector<RouteCollision> const found = fresh.update(subnets, routes).begun;
    ASSERT_EQ(std::set<RouteCollision>(found.begin(), found.end()), expected) << text_of(subnets);
  }
}

TEST_F(RouteCollisionsTest, LooksThroughTenThousandSubnetsAndTwentyThousandRoutes) {
  AddressBits const ten = AddressBits{10} << 24;
  for (AddressBits i = 0; i < 10'000; ++i) {
    subnets.push_back({{Family::ipv4, ten + 256 * i}, 24});
  }
  for (AddressBits i = 0; i < 20'000; ++i) {
    AddressBits const first = (AddressBits{172} << 24) + 256 * i;
    routes.foreign.push_back({{{Family::ipv4, first}, 24}, "eth0", RouteKind::routed});
  }
  EXPECT_EQ(update(), "");
  EXPECT_EQ(add(RouteKind::routed, "10.0.77.128/25", "tun0"),
            "+ 10.0.77.0/24: 10.0.77.128/25 tun0\n");
}

}  // namespace
}  // namespace drawbridge
