// What published ports are in the kernel: elements, links, and what the daemon relays.
#include "driver/port_elements.h"

#include "driver/desired_state.h"
#include "driver/names.h"
#include "driver/port_hold.h"
#include "netlink/plan.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include <netinet/in.h>

namespace drawbridge {
namespace {

using Lines = std::set<std::string>;

IpAddress ip(std::string const& text) {
  return *IpAddress::parse(text);
}

PublishedPort port(PortRange range, std::uint16_t container_port,
                   std::optional<IpAddress> host = {}) {
  return {IPPROTO_TCP, host, range, container_port};
}

Lines lines_of(std::set<Element> const& elements) {
  Lines lines;
  for (Element const& element : elements) {
    lines.insert(describe(element));
  }
  return lines;
}

class PortElementsTest : public ::testing::Test {
 protected:
  PortElementsTest() {
    network.request.id = {"111111111111"};
    network.request.subnets = {{*IpPrefix::parse("10.249.1.0/24"), ip("10.249.1.1")},
                               {*IpPrefix::parse("fd00:1::/64"), ip("fd00:1::1")}};
    network.spec.bridge = "db-one";
    endpoint.id = {"ep1"};
    endpoint.ipv4 = *IpPrefix::parse("10.249.1.2/24");
    endpoint.ipv6 = *IpPrefix::parse("fd00:1::2/64");
    endpoint.joined = true;
  }

  Lines elements() const {
    std::set<Element> made;
    add_port_elements(made, network, endpoint);
    return lines_of(made);
  }

  Lines relayed(std::vector<Endpoint const*> const& members) const {
    std::set<Element> made;
    add_relayed_elements(made, network, members);
    return lines_of(made);
  }

  Lines publish() const {
    std::set<Element> made;
    add_publish_elements(made, network);
    return lines_of(made);
  }

  KernelState state() const {
    KernelState made;
    add_network(made, network, {});
    add_endpoint(made, network, endpoint);
    return made;
  }

  Veth veth() const { return state().veths.at(host_end_name(endpoint.id)); }

  /// The sources that are relayed, in one line.
  std::string sources(PublishedPort const& published) const {
    std::string line;
    for (IpPrefix const& prefix : hold_of(network, endpoint, published).relayed) {
      line += (line.empty() ? "" : " ") + prefix.to_string();
    }
    return line;
  }

  Network network;
  Endpoint endpoint;
};

TEST_F(PortElementsTest, APortOfEveryAddressIsOneElementPerFamily) {
  endpoint.ports = {port({8080, 8080}, 80)};
  EXPECT_EQ(elements(),
            (Lines{"ports_any4 6-6 . 8080-8080 : 10.249.1.2 . 80",
                   "ports_any6 6-6 . 8080-8080 : fd00:1::2 . 80", "itself4 10.249.1.2 . 10.249.1.2",
                   "itself6 fd00:1::2 . fd00:1::2"}));
  endpoint.ports = {port({8080, 8080}, 80, ip("0.0.0.0"))};
  EXPECT_EQ(elements(), (Lines{"ports_any4 6-6 . 8080-8080 : 10.249.1.2 . 80",
                               "itself4 10.249.1.2 . 10.249.1.2"}));
}

TEST_F(PortElementsTest, APortOfOneAddressSaysWhich) {
  endpoint.ports = {port({8080, 8080}, 80, ip("192.0.2.7")),
                    port({8080, 8080}, 80, ip("2001:db8::7"))};
  EXPECT_EQ(elements(),
            (Lines{"ports4 192.0.2.7 . 6-6 . 8080-8080 : 10.249.1.2 . 80",
                   "ports6 2001:db8::7 . 6-6 . 8080-8080 : fd00:1::2 . 80",
                   "itself4 10.249.1.2 . 10.249.1.2", "itself6 fd00:1::2 . fd00:1::2"}));
}

TEST_F(PortElementsTest, ARangeThatKeepsItsNumbersIsOneElement) {
  endpoint.ipv6.reset();
  endpoint.ports = {port({20000, 29999}, 20000), port({5000, 5009}, 5000, ip("127.0.0.1"))};
  EXPECT_EQ(elements(), (Lines{"port_ranges4 0.0.0.0/0 . 6-6 . 20000-29999 : 10.249.1.2",
                               "port_ranges4 127.0.0.1/32 . 6-6 . 5000-5009 : 10.249.1.2",
                               "itself4 10.249.1.2 . 10.249.1.2"}));
}

TEST_F(PortElementsTest, AShiftedRangeIsAnElementPerPort) {
  endpoint.ipv6.reset();
  endpoint.ports = {port({8080, 8082}, 80)};
  EXPECT_EQ(elements(), (Lines{"ports_any4 6-6 . 8080-8080 : 10.249.1.2 . 80",
                               "ports_any4 6-6 . 8081-8081 : 10.249.1.2 . 81",
                               "ports_any4 6-6 . 8082-8082 : 10.249.1.2 . 82",
                               "itself4 10.249.1.2 . 10.249.1.2"}));
}

TEST_F(PortElementsTest, NobodyIsLedToAPortThatIsPublishedForNone) {
  endpoint.ports = {port({8080, 8080}, 80), port({0, 0}, 443, ip("0.0.0.0"))};
  network.spec.policy.publish = Publish::none;
  EXPECT_EQ(elements(), Lines{});
  EXPECT_EQ(sources(endpoint.ports.front()), "");
  EXPECT_FALSE(veth().hairpin);
  EXPECT_FALSE(state().bridges.at("db-one").route_localnet);
}

TEST_F(PortElementsTest, RoutedPortsAreThoseOfTheContainer) {
  network.spec.policy.mode_ipv4 = GatewayMode::routed;
  endpoint.ports = {port({0, 0}, 80, ip("0.0.0.0")), port({0, 0}, 81, ip("0.0.0.0")),
                    port({0, 0}, 443, ip("0.0.0.0")), port({8080, 8080}, 80, ip("::"))};
  EXPECT_EQ(
      elements(),
      (Lines{"routed_ports4 10.249.1.2 . 6-6 . 80-81", "routed_ports4 10.249.1.2 . 6-6 . 443-443",
             "ports_any6 6-6 . 8080-8080 : fd00:1::2 . 80", "itself6 fd00:1::2 . fd00:1::2"}));
}

TEST_F(PortElementsTest, MembersApartMeetInTheDaemon) {
  network.spec.policy.isolation = Isolation::members;
  endpoint.ports = {port({8080, 8080}, 80, ip("127.0.0.2"))};
  Endpoint sibling = endpoint;
  sibling.id = {"ep2"};
  sibling.ports = {port({8080, 8081}, 80, ip("127.0.0.3")), port({9000, 9000}, 90)};
  EXPECT_EQ(relayed({&endpoint, &sibling}),
            (Lines{"relayed4 db-one . 127.0.0.2/32 . 6-6 . 8080-8080",
                   "relayed4 db-one . 127.0.0.3/32 . 6-6 . 8080-8081",
                   "relayed4 db-one . 0.0.0.0/0 . 6-6 . 9000-9000",
                   "relayed6 db-one . ::/0 . 6-6 . 9000-9000"}))
      << "the same numbers at other addresses may be ports of other networks";
  EXPECT_EQ(elements(), (Lines{"ports4 127.0.0.2 . 6-6 . 8080-8080 : 10.249.1.2 . 80"}));
  EXPECT_FALSE(veth().hairpin);
  sibling.joined = false;
  EXPECT_EQ(relayed({&endpoint, &sibling}),
            (Lines{"relayed4 db-one . 127.0.0.2/32 . 6-6 . 8080-8080"}));
}

TEST_F(PortElementsTest, AHubIsReachedByTheBridge) {
  network.spec.policy.isolation = Isolation::members;
  endpoint.marks = MemberMarks{"proxy", "", true};
  endpoint.ports = {port({8080, 8080}, 80)};
  EXPECT_EQ(relayed({&endpoint}), Lines{});
  EXPECT_TRUE(veth().hairpin);
  EXPECT_TRUE(elements().contains("itself4 10.249.1.2 . 10.249.1.2"));
  EXPECT_EQ(sources(endpoint.ports.front()), "::1/128");
}

TEST_F(PortElementsTest, MembersAreRelayedOnlyWhereTheyMayAskForPorts) {
  network.spec.policy.isolation = Isolation::project;
  endpoint.ports = {port({8080, 8080}, 80)};
  EXPECT_EQ(relayed({&endpoint}), (Lines{"relayed4 db-one . 0.0.0.0/0 . 6-6 . 8080-8080",
                                         "relayed6 db-one . ::/0 . 6-6 . 8080-8080"}));
  network.spec.policy.publish = Publish::host;
  EXPECT_EQ(relayed({&endpoint}), Lines{});
  network.spec.policy.isolation = Isolation::network;
  network.spec.policy.publish = Publish::all;
  EXPECT_EQ(relayed({&endpoint}), Lines{});
}

TEST_F(PortElementsTest, WhoReachesThePortsIsOfTheNetwork) {
  EXPECT_EQ(publish(), (Lines{"turns db-one . db-one"}));
  network.spec.policy.publish = Publish::host;
  EXPECT_EQ(publish(), (Lines{"turns db-one . db-one", "publish db-one : drop"}));
  network.spec.policy.publish = Publish::none;
  EXPECT_EQ(publish(), (Lines{"turns db-one . db-one", "publish db-one : drop"}));
  network.spec.policy.publish = Publish::listed;
  network.spec.policy.publish_list = {*IpPrefix::parse("10.0.0.0/8"), *IpPrefix::parse("fd00::/8")};
  network.spec.policy.connlimit = ConnLimit{10, 20};
  EXPECT_EQ(publish(),
            (Lines{"turns db-one . db-one", "publish db-one : jump publish_listed",
                   "publish_from4 10.0.0.0/8 . db-one", "publish_from6 fd00::/8 . db-one",
                   "connlimit db-one : jump connlimit_10_20"}));
}

TEST_F(PortElementsTest, TheLinksFollow) {
  EXPECT_FALSE(veth().hairpin);
  EXPECT_FALSE(state().bridges.at("db-one").route_localnet);
  network.spec.policy.rate_bits_per_second = 8'000'000;
  EXPECT_EQ(veth().rate_bits_per_second, 8'000'000u);

  endpoint.ports = {port({8080, 8080}, 80, ip("127.0.0.3"))};
  EXPECT_TRUE(veth().hairpin);
  EXPECT_TRUE(state().bridges.at("db-one").route_localnet);
  endpoint.ports = {port({8080, 8080}, 80, ip("192.0.2.7"))};
  EXPECT_FALSE(state().bridges.at("db-one").route_localnet);
  endpoint.ports = {port({8080, 8080}, 80, ip("::"))};
  EXPECT_FALSE(state().bridges.at("db-one").route_localnet);
  endpoint.joined = false;
  EXPECT_TRUE(state().veths.empty());
}

TEST_F(PortElementsTest, TheDaemonRelaysWhatTheKernelCannotTranslate) {
  EXPECT_EQ(sources(port({80, 80}, 80)), "::1/128");
  EXPECT_EQ(sources(port({80, 80}, 80, ip("::1"))), "::1/128");
  EXPECT_EQ(sources(port({80, 80}, 80, ip("0.0.0.0"))), "");
  EXPECT_EQ(sources(port({80, 80}, 80, ip("2001:db8::7"))), "");
  endpoint.ipv6.reset();
  EXPECT_EQ(sources(port({80, 80}, 80)), "::/0");
  endpoint.ipv4.reset();
  endpoint.ipv6 = *IpPrefix::parse("fd00:1::2/64");
  EXPECT_EQ(sources(port({80, 80}, 80)), "0.0.0.0/0 ::1/128");
}

TEST_F(PortElementsTest, TheDaemonRelaysForThoseOnlyWhoMayAsk) {
  endpoint.ipv6.reset();
  network.spec.policy.publish = Publish::host;
  EXPECT_EQ(sources(port({80, 80}, 80)), "::1/128");
  EXPECT_EQ(sources(port({80, 80}, 80, ip("2001:db8::7"))), "::1/128 2001:db8::7/128");
  network.spec.policy.publish = Publish::listed;
  network.spec.policy.publish_list = {*IpPrefix::parse("10.0.0.0/8"), *IpPrefix::parse("fd00::/8")};
  EXPECT_EQ(sources(port({80, 80}, 80)), "::1/128 fd00::/8");
}

TEST_F(PortElementsTest, TheDaemonRelaysForMembersApart) {
  network.spec.policy.isolation = Isolation::members;
  EXPECT_EQ(sources(port({80, 80}, 80)), "10.249.1.0/24 ::1/128 fd00:1::/64");
  EXPECT_EQ(sources(port({80, 80}, 80, ip("127.0.0.1"))), "10.249.1.0/24");
  network.spec.policy.publish = Publish::listed;
  network.spec.policy.publish_list = {*IpPrefix::parse("10.249.1.7/32"),
                                      *IpPrefix::parse("fd00::/8")};
  EXPECT_EQ(sources(port({80, 80}, 80)), "10.249.1.7/32 ::1/128 fd00:1::/64");
  network.spec.policy.publish = Publish::host;
  EXPECT_EQ(sources(port({80, 80}, 80)), "::1/128");
}

TEST_F(PortElementsTest, TheHoldSaysWhereItLeads) {
  PortHold const hold = hold_of(network, endpoint, port({80, 80}, 8080));
  EXPECT_EQ(hold.ipv4, ip("10.249.1.2"));
  EXPECT_EQ(hold.ipv6, ip("fd00:1::2"));
  EXPECT_EQ(hold.port, port({80, 80}, 8080));
}

TEST_F(PortElementsTest, WhatIsRelayedIsCountedButForThisHostAndMembers) {
  EXPECT_FALSE(hold_of(network, endpoint, port({80, 80}, 8080)).limit);
  network.spec.policy.connlimit = ConnLimit{20, 50};
  std::vector<IpPrefix> const uncounted{
      *IpPrefix::parse("127.0.0.0/8"), *IpPrefix::parse("::1/128"),
      *IpPrefix::parse("10.249.1.0/24"), *IpPrefix::parse("fd00:1::/64")};
  EXPECT_EQ(hold_of(network, endpoint, port({80, 80}, 8080)).limit,
            (RelayLimit{"db-one", {20, 50}, uncounted}));
}

}  // namespace
}  // namespace drawbridge
