// What is published, from the elements that it became.
#include "driver/port_rebuild.h"

#include "driver/port_elements.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include <netinet/in.h>

namespace drawbridge {
namespace {

IpAddress ip(char const* text) {
  return *IpAddress::parse(text);
}

class PortRebuildTest : public testing::Test {
 protected:
  PortRebuildTest() {
    network.request.id = {"111111111111"};
    network.spec.bridge = "db-one";
    endpoint.id = {"ep1"};
    endpoint.ipv4 = *IpPrefix::parse("10.249.1.2/24");
    endpoint.joined = true;
    other = endpoint;
    other.ipv4 = *IpPrefix::parse("10.249.1.3/24");
    other.ports = {{IPPROTO_TCP, {}, {9000, 9001}, 80}};
  }

  /// Expects that the ports are found again among those of another.
  void expect_found(std::vector<PublishedPort> const& ports) {
    endpoint.ports = ports;
    std::set<Element> elements;
    add_port_elements(elements, network, endpoint);
    add_port_elements(elements, network, other);
    EXPECT_EQ(ports_from(elements, network, endpoint), ports);
  }

  Network network;
  Endpoint endpoint;
  Endpoint other;
};

TEST_F(PortRebuildTest, EveryFormOfIpv4IsFound) {
  expect_found({{IPPROTO_TCP, {}, {80, 80}, 80},
                {IPPROTO_TCP, {}, {8000, 8100}, 8000},
                {IPPROTO_TCP, {}, {8200, 8210}, 7000},
                {IPPROTO_TCP, ip("192.0.2.1"), {443, 443}, 8443},
                {IPPROTO_UDP, ip("127.0.0.1"), {53, 53}, 5353}});
}

TEST_F(PortRebuildTest, WithTwoFamiliesThoseOfBothAreTold) {
  endpoint.ipv6 = *IpPrefix::parse("fd00:1::2/64");
  expect_found({{IPPROTO_TCP, {}, {8000, 8100}, 8000},
                {IPPROTO_TCP, ip("0.0.0.0"), {81, 81}, 80},
                {IPPROTO_TCP, ip("::"), {82, 82}, 80}});
}

TEST_F(PortRebuildTest, PortsThatAreReachedAsTheyAreAreFound) {
  network.spec.policy.mode_ipv4 = GatewayMode::routed;
  expect_found(
      {{IPPROTO_TCP, ip("0.0.0.0"), {0, 0}, 80}, {IPPROTO_TCP, ip("0.0.0.0"), {0, 0}, 81}});
}

TEST_F(PortRebuildTest, NothingIsFoundForNobody) {
  expect_found({});
}

}  // namespace
}  // namespace drawbridge
