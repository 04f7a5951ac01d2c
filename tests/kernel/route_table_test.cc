#include "netlink/route_table.h"

#include "netlink/link_message.h"
#include "netlink/mark.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include <linux/if.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

using std::chrono::microseconds;
using std::chrono::steady_clock;

IpPrefix prefix(char const* text) {
  return *IpPrefix::parse(text);
}

std::string const mark = mark_of("0123456789abcdef");

RouteMessage link(std::uint32_t index, std::string const& kind, std::string const& alias) {
  ifinfomsg header{};
  header.ifi_index = static_cast<int>(index);
  header.ifi_flags = IFF_UP;
  RouteMessage message(RTM_NEWLINK, 0, header);
  message.put(IFLA_IFNAME, "link" + std::to_string(index)).put(IFLA_IFALIAS, alias);
  message.nest(IFLA_LINKINFO, [&] { message.put(IFLA_INFO_KIND, kind); });
  return message;
}

IpPrefix gateway_of(IpPrefix const& subnet) {
  return {{subnet.family(), subnet.first().bits + 1}, subnet.length};
}

RouteMessage route(int type, std::uint32_t index, IpPrefix const& subnet) {
  rtmsg header{};
  header.rtm_family = AF_INET;
  header.rtm_dst_len = static_cast<unsigned char>(subnet.length);
  header.rtm_table = RT_TABLE_MAIN;
  header.rtm_type = RTN_UNICAST;
  header.rtm_protocol = RTPROT_KERNEL;
  RouteMessage message(type, 0, header);
  message.put(RTA_DST, subnet.first())
      .put(RTA_OIF, index)
      .put(RTA_PREFSRC, gateway_of(subnet).address);
  return message;
}

/// The n-th /28 of 10.0.0.0/8.
IpPrefix subnet_at(std::uint32_t n) {
  return {{Family::ipv4, (AddressBits{10} << 24) + 16 * AddressBits{n}}, 28};
}

void add_network(RouteTable& table, std::uint32_t n) {
  table.apply(link(n + 1, "bridge", mark).header());
  table.apply(route(RTM_NEWROUTE, n + 1, subnet_at(n)).header());
}

void remove_network(RouteTable& table, std::uint32_t n) {
  table.apply(link_message::remove_address(n + 1, gateway_of(subnet_at(n))).header());
  table.apply(route(RTM_DELROUTE, n + 1, subnet_at(n)).header());
}

class RouteTableTest : public testing::Test {
 protected:
  std::vector<HostRoute> const& foreign() { return table.host_routes().foreign; }
  std::set<IpPrefix> const& own() { return table.host_routes().own; }

  RouteTable table;
};

TEST_F(RouteTableTest, ABridgeWithItsMarkIsItsOwn) {
  table.apply(link(1, "bridge", mark).header());
  table.apply(route(RTM_NEWROUTE, 1, prefix("10.249.1.0/24")).header());
  EXPECT_EQ(own(), std::set<IpPrefix>{prefix("10.249.1.0/24")});
  EXPECT_EQ(foreign(), std::vector<HostRoute>{});
}

TEST_F(RouteTableTest, ARetiredBridgeIsItsOwn) {
  table.apply(link(1, "bridge", std::string(retired_mark)).header());
  table.apply(route(RTM_NEWROUTE, 1, prefix("10.249.1.0/24")).header());
  EXPECT_EQ(own(), std::set<IpPrefix>{prefix("10.249.1.0/24")});
}

TEST_F(RouteTableTest, NoMarkMakesALinkOfAnotherKindItsOwn) {
  table.apply(link(1, "wireguard", mark).header());
  table.apply(route(RTM_NEWROUTE, 1, prefix("10.249.1.0/24")).header());
  EXPECT_EQ(foreign(),
            (std::vector<HostRoute>{{prefix("10.249.1.0/24"), "link1", RouteKind::connected}}));
}

TEST_F(RouteTableTest, ListsARouteOnceItKnowsTheLink) {
  table.apply(route(RTM_NEWROUTE, 1, prefix("10.249.1.0/24")).header());
  EXPECT_EQ(foreign(), std::vector<HostRoute>{});
  table.apply(link(1, "bridge", "").header());
  EXPECT_EQ(foreign(),
            (std::vector<HostRoute>{{prefix("10.249.1.0/24"), "link1", RouteKind::network}}));
}

TEST_F(RouteTableTest, KeepsTheGenerationWhenTheSameRoutesAreListedAgain) {
  table.apply(link(1, "bridge", "").header());
  table.apply(route(RTM_NEWROUTE, 1, prefix("172.17.0.0/16")).header());
  std::uint64_t const before = table.host_routes().generation;
  table.clear();
  table.add(link(1, "bridge", "").header());
  table.add(route(RTM_NEWROUTE, 1, prefix("172.17.0.0/16")).header());
  EXPECT_EQ(table.host_routes().generation, before);
}

TEST_F(RouteTableTest, AsksForAListWhenARouteMayHaveGoneWithItsAddress) {
  table.apply(link(1, "bridge", mark).header());
  table.apply(route(RTM_NEWROUTE, 1, prefix("10.249.1.0/24")).header());
  table.apply(link_message::remove_address(1, prefix("10.249.1.1/24")).header());
  EXPECT_FALSE(table.settle());
}

/// A network of ours comes and goes among `others` of ours and one foreign one.
///
/// returns  the time that it takes
microseconds time_of_one_network(std::uint32_t others) {
  constexpr int rounds = 200;
  RouteTable table;
  table.apply(link(1U << 20, "bridge", "").header());
  table.apply(route(RTM_NEWROUTE, 1U << 20, prefix("172.17.0.0/16")).header());
  for (std::uint32_t n = 0; n < others; ++n) {
    add_network(table, n);
  }
  HostRoute const* const foreign = table.host_routes().foreign.data();
  steady_clock::time_point const begin = steady_clock::now();
  for (int i = 0; i < rounds; ++i) {
    add_network(table, others);
    EXPECT_TRUE(table.settle());
    EXPECT_EQ(table.host_routes().own.size(), others + 1);
    remove_network(table, others);
    EXPECT_TRUE(table.settle());
    EXPECT_EQ(table.host_routes().own.size(), others);
  }
  microseconds const all = std::chrono::duration_cast<microseconds>(steady_clock::now() - begin);
  EXPECT_EQ(table.host_routes().foreign.data(), foreign);
  EXPECT_EQ(table.host_routes().generation, 1U);
  return all / rounds;
}

TEST(RouteTableScale, ANetworkCostsTheSameAmongAThousandAndAmongTenThousand) {
  microseconds const among_1k = time_of_one_network(1'000);
  microseconds const among_10k = time_of_one_network(10'000);
  RecordProperty("among_1000_us", std::to_string(among_1k.count()));
  RecordProperty("among_10000_us", std::to_string(among_10k.count()));
  EXPECT_LT(among_10k, microseconds(1'000));
}

}  // namespace
}  // namespace drawbridge
