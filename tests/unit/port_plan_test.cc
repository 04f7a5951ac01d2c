// What is asked for, and what mappings become of it before any port is taken.
#include "driver/port_plan.h"

#include "driver/port_text.h"
#include "tests/support/expect_ok.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>

#include <netinet/in.h>

namespace drawbridge {
namespace {

using Requests = std::vector<PortRequest>;

IpAddress ip(std::string const& text) {
  return *IpAddress::parse(text);
}

PortRequest ask(std::uint16_t host_port, std::uint16_t container_port,
                std::optional<IpAddress> host = {}) {
  return {IPPROTO_TCP, host, {host_port, host_port}, container_port};
}

PublishedPort port(PortRange range, std::uint16_t container_port,
                   std::optional<IpAddress> host = {}) {
  return {IPPROTO_TCP, host, range, container_port};
}

/// "0.0.0.0:8080-8090/tcp>80 127.0.0.1:53/udp>53": of no address in particular "*:..."
std::string text_of(std::vector<PublishedPort> const& ports) {
  std::string out;
  for (PublishedPort const& each : ports) {
    std::string const host = each.host ? host_text(each) : "*" + host_text(each).substr(7);
    out += (out.empty() ? "" : " ") + host + ">" + std::to_string(each.container_port);
  }
  return out;
}

class PortPlanTest : public ::testing::Test {
 protected:
  PortPlanTest() {
    endpoint.id = {"ep1"};
    endpoint.ipv4 = *IpPrefix::parse("10.249.1.2/24");
    endpoint.ipv6 = *IpPrefix::parse("fd00:1::2/64");
  }

  PortPlan plan(Requests const& requests) const {
    Result<PortPlan> const made = plan_ports(network, endpoint, requests);
    EXPECT_OK(made);
    return made.value_or(PortPlan{});
  }

  std::string settled(Requests const& requests) const { return text_of(plan(requests).settled); }

  Network network;
  Endpoint endpoint;
};

TEST_F(PortPlanTest, NeighboursBecomeOneRangeWhateverTheirOrder) {
  Requests requests;
  for (std::uint16_t i = 0; i < 100; ++i) {
    requests.push_back(
        ask(static_cast<std::uint16_t>(8000 + i), static_cast<std::uint16_t>(80 + i)));
  }
  std::mt19937 random(7);
  for (int round = 0; round < 5; ++round) {
    std::shuffle(requests.begin(), requests.end(), random);
    EXPECT_EQ(settled(requests), "*:8000-8099/tcp>80");
  }
}

TEST_F(PortPlanTest, OnlyWhatCountsUpTogetherIsARange) {
  EXPECT_EQ(settled({ask(8080, 80), ask(8081, 82), ask(8083, 83)}),
            "*:8080/tcp>80 *:8081/tcp>82 *:8083/tcp>83");
  EXPECT_EQ(settled({ask(8080, 80), ask(8081, 81, ip("127.0.0.1"))}),
            "*:8080/tcp>80 127.0.0.1:8081/tcp>81");
  PortRequest udp = ask(8081, 81);
  udp.protocol = IPPROTO_UDP;
  EXPECT_EQ(settled({ask(8080, 80), udp}), "*:8080/tcp>80 *:8081/udp>81");
  EXPECT_EQ(settled({ask(65535, 65535), ask(65534, 65534)}), "*:65534-65535/tcp>65534");
}

TEST_F(PortPlanTest, WhatIsAskedForTwiceIsOnce) {
  EXPECT_EQ(settled({ask(8080, 80), ask(8080, 80)}), "*:8080/tcp>80");
  PortPlan const any = plan({ask(0, 80), ask(0, 80), ask(0, 81)});
  EXPECT_EQ(text_of(any.open), "*:0/tcp>80 *:0/tcp>81");
}

TEST_F(PortPlanTest, OnePortForTwoIsRefused) {
  std::pair<Requests, char const*> const bad[] = {
      {{ask(8080, 80), ask(8080, 81)},
       "port 0.0.0.0:8080/tcp is already allocated: this container asks for 0.0.0.0:8080/tcp too, "
       "leave one of them out"},
      {{ask(8080, 80), ask(8080, 80, ip("127.0.0.1"))}, "port 127.0.0.1:8080/tcp is already"},
      {{ask(8080, 80, ip("0.0.0.0")), ask(8080, 80, ip("192.0.2.1"))}, "is already allocated"},
      {{ask(8080, 80), ask(8081, 81), ask(8082, 82), ask(8081, 90)}, "8081/tcp is already"},
  };
  for (auto const& [requests, words] : bad) {
    EXPECT_TRUE(fails_with(plan_ports(network, endpoint, requests), Errc::already_exists, words));
  }
  EXPECT_EQ(settled({ask(53, 53, ip("127.0.0.2")), ask(53, 53, ip("127.0.0.3"))}),
            "127.0.0.2:53/tcp>53 127.0.0.3:53/tcp>53");
  EXPECT_EQ(settled({ask(53, 53, ip("0.0.0.0")), ask(53, 54, ip("::"))}),
            "0.0.0.0:53/tcp>53 [::]:53/tcp>54");
}

TEST_F(PortPlanTest, ARangeForOnePortAndNoPortAtAllAreToBeChosen) {
  PortRequest one_of = ask(0, 80);
  one_of.host_ports = {9000, 9002};
  PortPlan const made = plan({ask(0, 443), one_of});
  EXPECT_TRUE(made.settled.empty());
  EXPECT_EQ(text_of(made.open), "*:9000-9002/tcp>80 *:0/tcp>443");
}

TEST_F(PortPlanTest, WhatWasChosenBeforeStaysWhereItAnswers) {
  PortRequest one_of = ask(0, 80);
  one_of.host_ports = {9000, 9002};
  endpoint.ports = {port({8080, 8080}, 80), port({9001, 9001}, 80), port({49153, 49153}, 80)};
  PortPlan const again = plan({ask(0, 80), one_of, ask(8080, 80)});
  EXPECT_EQ(text_of(again.settled), "*:8080/tcp>80 *:9001/tcp>80 *:49153/tcp>80");
  EXPECT_TRUE(again.open.empty());

  one_of.host_ports = {9002, 9003};
  PortPlan const other = plan({one_of, ask(8080, 80)});
  EXPECT_EQ(text_of(other.settled), "*:8080/tcp>80");
  EXPECT_EQ(text_of(other.open), "*:9002-9003/tcp>80");
}

TEST_F(PortPlanTest, ANumberStaysWhenOnlyTheFamiliesChange) {
  endpoint.ports = {port({49153, 49153}, 80)};
  EXPECT_EQ(settled({ask(0, 80, ip("0.0.0.0"))}), "0.0.0.0:49153/tcp>80");
}

TEST_F(PortPlanTest, WhereTheOtherFamilyHasAWayOutOfItsOwnOneIsPublished) {
  Requests const requests{ask(8080, 80), ask(8090, 90, ip("::")), ask(8082, 82, ip("127.0.0.1"))};
  auto const of = [&](Family family) {
    Result<PortPlan> const made = plan_ports(network, endpoint, requests, family);
    return made ? text_of(made->settled) : made.error().message;
  };
  EXPECT_EQ(of(Family::ipv4), "0.0.0.0:8080/tcp>80 127.0.0.1:8082/tcp>82");
  EXPECT_EQ(of(Family::ipv6), "[::]:8080/tcp>80 [::]:8090/tcp>90");
  network.spec.policy.ports = PortPool{{30000, 30009}, 80, IPPROTO_TCP};
  EXPECT_EQ(plan_ports(network, endpoint, {}, Family::ipv6)->pooled->host, ip("::"));
}

TEST_F(PortPlanTest, TheNetworksBindingIsForWhoNamesNoAddress) {
  network.spec.policy.host_binding_ipv4 = ip("192.0.2.7");
  EXPECT_EQ(settled({ask(8080, 80), ask(8081, 81, ip("127.0.0.1")), ask(8082, 82, ip("::"))}),
            "127.0.0.1:8081/tcp>81 192.0.2.7:8080/tcp>80 [::]:8082/tcp>82");
}

TEST_F(PortPlanTest, TheRangeOfTheNetworkIsForEachContainer) {
  network.spec.policy.ports = PortPool{{30000, 30009}, 80, IPPROTO_TCP};
  PortPlan const first = plan({});
  ASSERT_TRUE(first.pooled);
  EXPECT_EQ(text_of({*first.pooled}), "*:30000-30009/tcp>80");
  endpoint.ports = {port({30004, 30004}, 80)};
  EXPECT_EQ(settled({}), "*:30004/tcp>80");
  EXPECT_FALSE(plan({}).pooled);
  EXPECT_TRUE(plan({ask(30004, 80)}).pooled) << "that one is asked for by itself";
}

TEST_F(PortPlanTest, ARoutedFamilyHasNoHostPort) {
  network.spec.policy.mode_ipv6 = GatewayMode::routed;
  EXPECT_EQ(settled({ask(8080, 80)}), "0.0.0.0:8080/tcp>80 [::]:0/tcp>80");
  network.spec.policy.mode_ipv4 = GatewayMode::routed;
  EXPECT_EQ(settled({ask(8080, 80)}), "0.0.0.0:0/tcp>80 [::]:0/tcp>80");
  EXPECT_EQ(settled({ask(8080, 80, ip("127.0.0.1"))}), "0.0.0.0:0/tcp>80");
  network.spec.policy.mode_ipv4 = network.spec.policy.mode_ipv6 = GatewayMode::isolated;
  EXPECT_EQ(settled({ask(8080, 80)}), "");
}

TEST_F(PortPlanTest, AContainerOfOneFamilyIsPublishedInBoth) {
  endpoint.ipv6.reset();
  EXPECT_EQ(settled({ask(8080, 80), ask(8081, 81, ip("::1"))}), "*:8080/tcp>80 [::1]:8081/tcp>81");
  network.spec.policy.mode_ipv4 = GatewayMode::routed;
  EXPECT_EQ(settled({ask(8080, 80), ask(8081, 81, ip("::1"))}), "0.0.0.0:0/tcp>80");
}

TEST_F(PortPlanTest, TenThousandPortsApartArePlannedAtOnce) {
  Requests requests;
  for (std::uint16_t i = 0; i < 10'000; ++i) {
    requests.push_back(ask(static_cast<std::uint16_t>(20000 + 2 * i), 80));
  }
  EXPECT_EQ(plan(requests).settled.size(), 10'000u);
}

}  // namespace
}  // namespace drawbridge
