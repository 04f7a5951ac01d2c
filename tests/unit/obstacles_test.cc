#include "ipam/obstacles.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

namespace drawbridge {
namespace {

IpPrefix const supply = *IpPrefix::parse("10.0.0.0/24");
constexpr int length = 28;
constexpr AddressBits base = 0x0a000000;

/// Addresses in the way, one by one.
using Plain = std::set<AddressBits>;

bool is_free(Plain const& taken, AddressBits chunk) {
  auto const next = taken.lower_bound(base + 16 * chunk);
  return next == taken.end() || *next >= base + 16 * (chunk + 1);
}

/// Chunk 0 is the last choice.
std::optional<IpPrefix> next_free(Plain const& taken) {
  for (AddressBits i = 1; i <= 16; ++i) {
    AddressBits const chunk = i % 16;
    if (is_free(taken, chunk)) {
      return IpPrefix{{Family::ipv4, base + 16 * chunk}, length};
    }
  }
  return std::nullopt;
}

AddressBits blocked(Plain const& taken) {
  AddressBits count = 0;
  for (AddressBits chunk = 0; chunk < 16; ++chunk) {
    count += is_free(taken, chunk) ? 0U : 1U;
  }
  return count;
}

TEST(Obstacles, AgreeWithAPlainSet) {
  std::mt19937 random(1);
  for (int round = 0; round < 300; ++round) {
    IntervalSet first;
    IntervalSet second;
    std::set<IpPrefix> own;
    Plain plain;
    for (auto i = random() % 12; i > 0; --i) {
      AddressBits const from = base - 20 + random() % 290;
      AddressBits const to = from + random() % 30;
      (random() % 2 == 0 ? first : second).insert(from, to);
      for (AddressBits value = from; value <= to; ++value) {
        plain.insert(value);
      }
    }
    for (auto i = random() % 6; i > 0; --i) {
      IpPrefix const bridge = {{Family::ipv4, base - 32 + 32 * (random() % 10)}, 27};
      own.insert(bridge);
      for (AddressBits value = bridge.first().bits; value <= bridge.last().bits; ++value) {
        plain.insert(value);
      }
    }
    Obstacles obstacles(supply, length, own);
    obstacles.add(first);
    obstacles.add(second);
    ASSERT_EQ(obstacles.next_free(), next_free(plain)) << round;
    ASSERT_EQ(obstacles.blocked(), blocked(plain)) << round;
  }
}

TEST(Obstacles, ASupplyMayBeOneChunk) {
  std::set<IpPrefix> own;
  Obstacles const obstacles(supply, 24, own);
  EXPECT_EQ(obstacles.total(), 1U);
  EXPECT_EQ(obstacles.blocked(), 0U);
  EXPECT_EQ(obstacles.next_free(), supply);
  own.insert(*IpPrefix::parse("10.0.0.255/32"));
  EXPECT_EQ(obstacles.blocked(), 1U);
  EXPECT_EQ(obstacles.next_free(), std::nullopt);
}

TEST(Obstacles, ABridgeAroundTheSupplyIsAllOfIt) {
  std::set<IpPrefix> const own = {*IpPrefix::parse("10.0.0.0/16")};
  Obstacles const obstacles(supply, length, own);
  EXPECT_EQ(obstacles.blocked(), 16U);
  EXPECT_EQ(obstacles.next_free(), std::nullopt);
}

}  // namespace
}  // namespace drawbridge
