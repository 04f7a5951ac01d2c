#include "driver/policy_elements.h"

#include "driver/desired_state.h"
#include "netlink/plan.h"

#include <gtest/gtest.h>

#include <netinet/in.h>

namespace drawbridge {
namespace {

using Lines = std::set<std::string>;

Service tcp(std::uint16_t first, std::uint16_t last) {
  return {{IPPROTO_TCP, IPPROTO_TCP}, {first, last}};
}

Network network_one() {
  Network network;
  network.request.id = {"111111111111"};
  network.request.subnets = {{*IpPrefix::parse("10.249.1.0/24"), *IpAddress::parse("10.249.1.1")}};
  network.spec.bridge = "db-one";
  return network;
}

Lines lines_of(Network const& network, NetworkDirectory const& directory = {}) {
  KernelState state;
  add_network(state, network, directory);
  Lines lines;
  for (Element const& element : state.elements) {
    lines.insert(describe(element));
  }
  return lines;
}

/// What a change of the network adds to, and takes from, the elements of a plain one.
struct Against {
  Lines added;
  Lines missing;

  explicit Against(Network const& network, NetworkDirectory const& directory = {}) {
    Lines const plain = lines_of(network_one());
    Lines const has = lines_of(network, directory);
    std::set_difference(has.begin(), has.end(), plain.begin(), plain.end(),
                        std::inserter(added, added.end()));
    std::set_difference(plain.begin(), plain.end(), has.begin(), has.end(),
                        std::inserter(missing, missing.end()));
  }
};

TEST(PolicyElementsTest, APlainNetwork) {
  EXPECT_EQ(lines_of(network_one()),
            (Lines{"gateways4 10.249.1.1", "masquerade4 db-one", "nets db-one",
                   "pair db-one . db-one : accept", "turns db-one . db-one"}));
}

TEST(PolicyElementsTest, MembersApartMeetAtTheBridgeOnly) {
  Network network = network_one();
  network.spec.policy.isolation = Isolation::members;
  Against const change(network);
  EXPECT_EQ(change.added,
            (Lines{"pair db-one . db-one : goto apart", "doors db-one . 02:db:0a:f9:01:01"}));
  EXPECT_EQ(change.missing, (Lines{"pair db-one . db-one : accept"}));
}

TEST(PolicyElementsTest, ATeamIsANumberAtTheBridge) {
  Network network = network_one();
  network.spec.policy.team = "red";
  KernelState state;
  add_network(state, network, {});
  LinkGroup const group = state.bridges.at("db-one").group;
  EXPECT_GE(group.number, 0x4000'0000u);
  EXPECT_TRUE(state.elements.contains({"teams", {std::string("db-one"), group}}));
  network.spec.policy.team = "blue";
  KernelState other;
  add_network(other, network, {});
  EXPECT_NE(other.bridges.at("db-one").group, group);
}

TEST(PolicyElementsTest, PermissionsOfNetworks) {
  NetworkDirectory directory;
  directory.learn(std::vector<KnownNetwork>{{{"222222222222"}, "web", "br-222222222222", {}},
                                            {{"333333333333"}, "app", "br-333333333333", {}}});
  Network network = network_one();
  network.spec.policy.allow_from = {{NetworkPeer{"web"}, {}},
                                    {NetworkPeer{"app"}, tcp(80, 85)},
                                    {NetworkPeer{"333333333333"}, tcp(84, 90)},
                                    {NetworkPeer{"later"}, {}}};
  EXPECT_EQ(Against(network, directory).added,
            (Lines{"pair br-222222222222 . db-one : accept",
                   "from_network br-333333333333 . db-one . 6-6 . 80-90"}))
      << "one name and one id for the same network are one range; a network to come adds nothing";
}

TEST(PolicyElementsTest, ANetworkThatInvitesItselfStaysAsItIs) {
  Network network = network_one();
  network.spec.policy.isolation = Isolation::members;
  network.spec.policy.allow_from = {{NetworkPeer{"111111111111"}, {}}};
  NetworkDirectory directory;
  directory.add(network);
  EXPECT_EQ(lines_of(network, directory).count("pair db-one . db-one : accept"), 0U);
}

TEST(PolicyElementsTest, PermissionsOfAddresses) {
  Network network = network_one();
  network.spec.policy.allow_from = {{*IpPrefix::parse("192.0.2.0/24"), tcp(443, 443)},
                                    {*IpPrefix::parse("2001:db8::/32"), {}}};
  EXPECT_EQ(Against(network).added,
            (Lines{"from_address4 192.0.2.0/24 . db-one . 6-6 . 443-443",
                   "from_address6 2001:db8::/32 . db-one . 0-255 . 0-65535"}));
}

TEST(PolicyElementsTest, Egress) {
  Network network = network_one();
  network.spec.policy.egress = Egress::none;
  EXPECT_EQ(Against(network).added,
            (Lines{"egress db-one : drop", "limited db-one", "to_host db-one : drop"}));
  network.spec.policy.egress = Egress::internet;
  EXPECT_EQ(Against(network).added, (Lines{"egress db-one : jump egress_internet", "limited db-one",
                                           "to_host db-one : jump host_internet"}));
  network.spec.policy.egress = Egress::listed;
  network.spec.policy.egress_list = {{*IpPrefix::parse("192.0.2.0/24"), tcp(443, 443)}};
  EXPECT_EQ(Against(network).added, (Lines{"egress db-one : jump egress_listed", "limited db-one",
                                           "to_host db-one : jump egress_listed",
                                           "egress_to4 db-one . 192.0.2.0/24 . 6-6 . 443-443"}));
}

TEST(PolicyElementsTest, InternalIsNoWayOut) {
  Network network = network_one();
  network.request.internal = true;
  Against const change(network);
  EXPECT_EQ(change.added,
            (Lines{"egress db-one : drop", "limited db-one", "to_host db-one : drop"}));
  EXPECT_EQ(change.missing, (Lines{"masquerade4 db-one"}));
}

TEST(PolicyElementsTest, GatewayModes) {
  Network network = network_one();
  network.spec.policy.mode_ipv4 = GatewayMode::routed;
  EXPECT_EQ(Against(network).added, (Lines{"routed4 db-one"}));
  EXPECT_EQ(Against(network).missing, (Lines{"masquerade4 db-one"}));
  network.spec.policy.mode_ipv4 = GatewayMode::nat_unprotected;
  EXPECT_EQ(Against(network).added, (Lines{"open4 db-one"}));
  EXPECT_EQ(Against(network).missing, Lines{});
}

TEST(PolicyElementsTest, WithoutAnAddressOfItsOwnThereIsNoGatewayToGuard) {
  Network network = network_one();
  network.spec.inhibit_ipv4 = true;
  EXPECT_EQ(Against(network).missing, (Lines{"gateways4 10.249.1.1"}));
  KernelState state;
  add_network(state, network, {});
  EXPECT_TRUE(state.bridges.at("db-one").addresses.empty());
}

TEST(PolicyElementsTest, OutboundSource) {
  Network network = network_one();
  network.spec.policy.host_ipv4 = *IpAddress::parse("198.51.100.7");
  EXPECT_EQ(Against(network).added, (Lines{"host4 db-one : 198.51.100.7"}));
  EXPECT_EQ(Against(network).missing, (Lines{"masquerade4 db-one"}));
  network.spec.policy.masquerade = false;
  EXPECT_EQ(Against(network).added, Lines{});
}

Endpoint member() {
  Endpoint endpoint;
  endpoint.id = {"abcdef012345"};
  endpoint.network = {"111111111111"};
  endpoint.ipv4 = *IpPrefix::parse("10.249.1.2/24");
  endpoint.mac = *MacAddress::parse("02:db:0a:f9:01:02");
  endpoint.joined = true;
  return endpoint;
}

Lines lines_of_member(Network const& network, Endpoint const& endpoint) {
  std::set<Element> elements;
  add_member_elements(elements, network, endpoint);
  Lines lines;
  for (Element const& element : elements) {
    lines.insert(describe(element));
  }
  return lines;
}

Lines const plain_member{"sources4 dv-abcdef012345 . 02:db:0a:f9:01:02 . 10.249.1.2",
                         "sources4 dv-abcdef012345 . 02:db:0a:f9:01:02 . 0.0.0.0",
                         "sources6 dv-abcdef012345 . 02:db:0a:f9:01:02 . fe80::db:aff:fef9:102",
                         "sources6 dv-abcdef012345 . 02:db:0a:f9:01:02 . ::",
                         "targets6 dv-abcdef012345 . fe80::db:aff:fef9:102"};

TEST(PolicyElementsTest, AMemberSendsFromItsOwnAddresses) {
  EXPECT_EQ(lines_of_member(network_one(), member()), plain_member);
  Endpoint dual = member();
  dual.ipv6 = *IpPrefix::parse("fd00::2/64");
  Lines wanted = plain_member;
  wanted.insert("sources6 dv-abcdef012345 . 02:db:0a:f9:01:02 . fd00::2");
  wanted.insert("targets6 dv-abcdef012345 . fd00::2");
  EXPECT_EQ(lines_of_member(network_one(), dual), wanted);
}

TEST(PolicyElementsTest, AMemberIsAloneUntilItsProjectIsKnown) {
  Network network = network_one();
  network.spec.policy.isolation = Isolation::project;
  Lines wanted = plain_member;
  wanted.insert("bounded dv-abcdef012345");
  EXPECT_EQ(lines_of_member(network, member()), wanted);
  Endpoint known = member();
  known.marks = MemberMarks{"web", "shop", false};
  EXPECT_EQ(lines_of_member(network, known).size(), wanted.size() + 1);
  known.marks->is_hub = true;
  EXPECT_EQ(lines_of_member(network, known), plain_member);
}

}  // namespace
}  // namespace drawbridge
