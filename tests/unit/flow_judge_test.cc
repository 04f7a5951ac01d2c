#include "driver/flow_judge.h"

#include <gtest/gtest.h>

#include <functional>

#include <netinet/in.h>

namespace drawbridge {
namespace {

Flow flow(std::string const& from, std::string const& to, std::uint16_t port = 80,
          std::uint8_t protocol = IPPROTO_TCP) {
  Flow made;
  made.source = *IpAddress::parse(from);
  made.destination = *IpAddress::parse(to);
  made.translated_destination = made.destination;
  made.protocol = protocol;
  made.destination_port = port;
  made.translated_port = port;
  return made;
}

Flow published(std::string const& from, std::string const& to, std::string const& really) {
  Flow made = flow(from, to);
  made.translated_destination = *IpAddress::parse(really);
  made.destination_is_translated = true;
  return made;
}

/// Networks one (10.249.1.0/24) and two (10.249.2.0/24) of ours, and docker's (172.18.0.0/16).
class FlowJudgeTest : public ::testing::Test {
 protected:
  FlowJudgeTest() {
    make(one, "111111111111", "10.249.1.0/24", "db-one");
    make(two, "222222222222", "10.249.2.0/24", "db-two");
    directory.learn(std::vector<KnownNetwork>{
        {{"111111111111"}, "one", "", {}},
        {{"333333333333"}, "docker", "br-333333333333", {subnet("172.18.0.0/16")}}});
  }

  static IpPrefix subnet(std::string const& text) { return *IpPrefix::parse(text); }

  void make(Network& network, std::string const& id, std::string const& prefix,
            std::string const& bridge) {
    network.request.id = {id};
    IpPrefix const whole = subnet(prefix);
    network.request.subnets = {{whole, IpAddress{Family::ipv4, whole.first().bits + 1}}};
    network.spec.bridge = bridge;
    directory.add(network);
  }

  bool allows(Flow const& asked) const {
    return FlowJudge({{"db-one", &one}, {"db-two", &two}}, directory).allows(asked);
  }

  Network one;
  Network two;
  NetworkDirectory directory;
};

TEST_F(FlowJudgeTest, NetworksAreApart) {
  EXPECT_FALSE(allows(flow("10.249.1.2", "10.249.2.2")));
  EXPECT_FALSE(allows(flow("172.18.0.2", "10.249.2.2")));
  EXPECT_FALSE(allows(flow("203.0.113.9", "10.249.2.2")));
  EXPECT_TRUE(allows(flow("10.249.2.3", "10.249.2.2"))) << "inside of a network";
  EXPECT_TRUE(allows(flow("10.249.1.2", "203.0.113.9"))) << "outbound";
  EXPECT_TRUE(allows(flow("172.18.0.2", "203.0.113.9"))) << "not ours";
  EXPECT_TRUE(allows(published("10.249.1.2", "198.51.100.1", "10.249.2.2")));
}

TEST_F(FlowJudgeTest, AProxyReachesTheMemberThatItServes) {
  Flow const by_proxy = flow("10.249.1.2", "10.249.2.2");
  one.spec.policy.egress = Egress::none;
  two.request.internal = true;
  two.spec.policy.publish = Publish::none;
  EXPECT_FALSE(allows(by_proxy));
  FlowJudge const judge({{"db-one", &one}, {"db-two", &two}}, directory,
                        {{by_proxy.source, by_proxy.destination}});
  EXPECT_TRUE(judge.allows(by_proxy));
  EXPECT_FALSE(judge.allows(flow("10.249.1.2", "10.249.2.3")));
  EXPECT_FALSE(judge.allows(flow("10.249.1.3", "10.249.2.2")));
  EXPECT_FALSE(judge.allows(flow("10.249.2.2", "10.249.1.2"))) << "the other way";
  EXPECT_FALSE(judge.allows(published("10.249.1.2", "198.51.100.1", "10.249.2.2")));
}

TEST_F(FlowJudgeTest, PublishedPortsAreForThoseThatPublishSays) {
  Flow const from_outside = published("203.0.113.9", "198.51.100.1", "10.249.2.2");
  Flow const from_network = published("10.249.1.2", "198.51.100.1", "10.249.2.2");
  Flow const by_loopback = published("127.0.0.1", "127.0.0.1", "10.249.2.2");
  Flow const by_own_address = published("198.51.100.1", "198.51.100.1", "10.249.2.2");
  struct Case {
    Publish publish;
    bool outside;
    bool host;
  };
  for (Case const& each : {Case{Publish::all, true, true}, Case{Publish::host, false, true},
                           Case{Publish::listed, true, true}, Case{Publish::none, false, false}}) {
    two.spec.policy.publish = each.publish;
    two.spec.policy.publish_list.clear();
    if (each.publish == Publish::listed) {
      two.spec.policy.publish_list = {subnet("203.0.113.0/24")};
    }
    EXPECT_EQ(allows(from_outside), each.outside) << int(each.publish);
    EXPECT_EQ(allows(from_network), each.publish == Publish::all) << int(each.publish);
    EXPECT_EQ(allows(by_loopback), each.host) << int(each.publish);
    EXPECT_EQ(allows(by_own_address), each.host) << int(each.publish);
  }
}

TEST_F(FlowJudgeTest, ATeamReachesEachOther) {
  one.spec.policy.team = two.spec.policy.team = "red";
  EXPECT_TRUE(allows(flow("10.249.1.2", "10.249.2.2")));
  EXPECT_TRUE(allows(flow("10.249.2.2", "10.249.1.2")));
  one.spec.policy.team = "blue";
  EXPECT_FALSE(allows(flow("10.249.1.2", "10.249.2.2")));
}

TEST_F(FlowJudgeTest, APermissionIsOneWayAndForWhatItNames) {
  two.spec.policy.allow_from = {{NetworkPeer{"one"}, {{IPPROTO_TCP, IPPROTO_TCP}, {80, 90}}},
                                {NetworkPeer{"docker"}, {}}};
  EXPECT_TRUE(allows(flow("10.249.1.2", "10.249.2.2", 85)));
  EXPECT_FALSE(allows(flow("10.249.1.2", "10.249.2.2", 91)));
  EXPECT_FALSE(allows(flow("10.249.1.2", "10.249.2.2", 85, IPPROTO_UDP)));
  EXPECT_FALSE(allows(flow("10.249.2.2", "10.249.1.2", 85)));
  EXPECT_TRUE(allows(flow("172.18.0.2", "10.249.2.2", 5432)));
}

TEST_F(FlowJudgeTest, APermissionForAddresses) {
  two.spec.policy.allow_from = {{subnet("203.0.113.0/24"), {}}};
  EXPECT_TRUE(allows(flow("203.0.113.9", "10.249.2.2")));
  EXPECT_FALSE(allows(flow("203.0.114.9", "10.249.2.2")));
}

TEST_F(FlowJudgeTest, EgressNoneAndInternalKeepIn) {
  one.spec.policy.egress = Egress::none;
  EXPECT_FALSE(allows(flow("10.249.1.2", "203.0.113.9")));
  EXPECT_FALSE(allows(published("10.249.1.2", "198.51.100.1", "10.249.2.2")));
  EXPECT_TRUE(allows(flow("10.249.1.2", "10.249.1.3")));
  two.request.internal = true;
  EXPECT_FALSE(allows(flow("10.249.2.2", "203.0.113.9")));
}

TEST_F(FlowJudgeTest, TheGatewayIsTheHost) {
  EXPECT_TRUE(allows(flow("10.249.1.2", "10.249.1.1", 22)));
  EXPECT_TRUE(allows(flow("10.249.2.1", "10.249.2.2", 80)));
  one.spec.policy.egress = Egress::none;
  EXPECT_FALSE(allows(flow("10.249.1.2", "10.249.1.1", 22)));
  EXPECT_TRUE(allows(flow("10.249.1.1", "10.249.1.2", 80))) << "what the host opens";
}

TEST_F(FlowJudgeTest, EgressNoneKeepsWhatTheOtherNetworkInvites) {
  one.spec.policy.egress = Egress::none;
  two.spec.policy.allow_from = {{NetworkPeer{"one"}, {}}};
  EXPECT_TRUE(allows(flow("10.249.1.2", "10.249.2.2")));
}

TEST_F(FlowJudgeTest, EgressInternetIsWhatIsNotPrivate) {
  one.spec.policy.egress = Egress::internet;
  EXPECT_TRUE(allows(flow("10.249.1.2", "203.0.113.9")));
  for (char const* address : {"10.0.0.1", "172.31.0.1", "192.168.1.1", "169.254.169.254",
                              "100.64.0.1", "fd00::1", "fe80::1"}) {
    EXPECT_FALSE(allows(flow("10.249.1.2", address))) << address;
  }
  EXPECT_TRUE(allows(flow("10.249.1.2", "192.168.1.1", 53, IPPROTO_UDP))) << "name servers";
}

TEST_F(FlowJudgeTest, AnEgressListIsTheAddressAskedForAndThePort) {
  one.spec.policy.egress = Egress::listed;
  one.spec.policy.egress_list = {
      {subnet("203.0.113.0/24"), {{IPPROTO_TCP, IPPROTO_TCP}, {443, 443}}}};
  EXPECT_TRUE(allows(flow("10.249.1.2", "203.0.113.9", 443)));
  EXPECT_FALSE(allows(flow("10.249.1.2", "203.0.113.9", 80)));
  EXPECT_FALSE(allows(flow("10.249.1.2", "203.0.114.9", 443)));
}

TEST_F(FlowJudgeTest, ModesOpenToTheOutsideOnly) {
  two.spec.policy.mode_ipv4 = GatewayMode::nat_unprotected;
  EXPECT_TRUE(allows(flow("203.0.113.9", "10.249.2.2")));
  EXPECT_FALSE(allows(flow("10.249.1.2", "10.249.2.2")));
  EXPECT_FALSE(allows(flow("172.18.0.2", "10.249.2.2")));
  two.spec.policy.mode_ipv4 = GatewayMode::routed;
  EXPECT_FALSE(allows(flow("203.0.113.9", "10.249.2.2")));
  EXPECT_TRUE(allows(flow("203.0.113.9", "10.249.2.2", 0, IPPROTO_ICMP)));
}

}  // namespace
}  // namespace drawbridge
