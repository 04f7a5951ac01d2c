// What the tables do to a proxy that reaches members of networks which it is not in.
#include "tests/support/expect_ok.h"
#include "tests/support/parties.h"
#include "tests/support/question.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace drawbridge {
namespace {

constexpr char const* nobody = "nobody";

IpAddress address(std::string const& text) {
  return IpAddress::parse(text).value();
}

/// Lets `proxy` in to `member`, as it comes in by `bridge`.
std::set<Element> way(char const* bridge, Party const& proxy, Party const& member) {
  return {{"proxied4", {bridge, address(proxy.address), address(member.address)}},
          {"proxied6", {bridge, address(proxy.address6), address(member.address6)}}};
}

Verdict const drop{Verdict::Kind::drop, {}};

/// The proxy is docker_, which serves a1_ unless a test says something else.
class ProxyRouteTest : public PartiesTest {
 protected:
  void SetUp() override {
    PartiesTest::SetUp();
    neighbour_ = member("docker0", "172.17.0.3", "fd17::3");
    shell("until ! bridge link | grep -v 'state forwarding'; do sleep 0.01; done");
  }

  Result<void> let_in(std::set<Element> more = {}, std::set<Element> const& less = {}) {
    more.merge(way("docker0", docker_, a1_));
    return write_tables(more, less);
  }

  /// returns  whom `to` saw, if its answer came back
  static std::string fetch(Party const& from, Party const& to, std::string const& address,
                           int type = SOCK_STREAM) {
    return client_seen(from, to, {address, 80, 80, type});
  }
  static std::string refused(Party const& from, Party const& to, std::string const& address) {
    return client_seen(from, to, {address, 80, 80, SOCK_STREAM, refusal_ms});
  }

  Party neighbour_;  // of the proxy
};

TEST_F(ProxyRouteTest, AProxyReachesItsMemberByEveryProtocol) {
  ASSERT_OK(write_tables());
  ASSERT_EQ(refused(docker_, a1_, a1_.address), nobody);
  ASSERT_EQ(refused(docker_, a1_, a1_.address6), nobody);
  ASSERT_TRUE(is_refused_ping(docker_, a1_.address));
  ASSERT_TRUE(is_refused_ping(docker_, a1_.address6));

  ASSERT_OK(nft_.change({}, way("docker0", docker_, a1_)));

  for (int const type : {SOCK_STREAM, SOCK_DGRAM}) {
    EXPECT_EQ(fetch(docker_, a1_, a1_.address, type), "10.1.0.1");
    EXPECT_EQ(fetch(docker_, a1_, a1_.address6, type), "fd01::1");
  }
  EXPECT_TRUE(pings(docker_, a1_.address));
  EXPECT_TRUE(pings(docker_, a1_.address6));
}

TEST_F(ProxyRouteTest, NobodyElseIsLetInAndTheProxyNowhereElse) {
  ASSERT_OK(let_in());

  for (Party const* to : {&a2_, &b1_, &in1_}) {
    EXPECT_EQ(refused(docker_, *to, to->address), nobody) << to->address;
    EXPECT_EQ(refused(docker_, *to, to->address6), nobody) << to->address6;
    EXPECT_TRUE(is_refused_ping(docker_, to->address)) << to->address;
  }
  for (Party const* from : {&neighbour_, &b1_, &in1_, &outside_}) {
    EXPECT_EQ(refused(*from, a1_, a1_.address), nobody) << from->address;
    EXPECT_EQ(refused(*from, a1_, a1_.address6), nobody) << from->address6;
    EXPECT_TRUE(is_refused_ping(*from, a1_.address)) << from->address;
  }
  EXPECT_EQ(fetch(docker_, a1_, a1_.address), "10.1.0.1");
}

TEST_F(ProxyRouteTest, TheMemberDoesNotReachTheProxy) {
  ASSERT_OK(let_in());

  EXPECT_EQ(refused(a1_, docker_, docker_.address), nobody);
  EXPECT_EQ(refused(a1_, docker_, docker_.address6), nobody);
  EXPECT_TRUE(is_refused_ping(a1_, docker_.address));
  EXPECT_EQ(fetch(docker_, a1_, a1_.address), "10.1.0.1");
  EXPECT_TRUE(reaches(a1_, outside_));
}

TEST_F(ProxyRouteTest, AWithdrawnWayIsClosed) {
  ASSERT_OK(let_in(way("db-b", b1_, a1_)));
  ASSERT_EQ(fetch(docker_, a1_, a1_.address), "10.1.0.1");

  ASSERT_OK(nft_.change(way("docker0", docker_, a1_), {}));

  EXPECT_EQ(refused(docker_, a1_, a1_.address), nobody);
  EXPECT_EQ(refused(docker_, a1_, a1_.address6), nobody);
  EXPECT_EQ(fetch(b1_, a1_, a1_.address), "10.1.0.1");
}

TEST_F(ProxyRouteTest, TheAddressOfAProxyCountsWhereTheProxyIs) {
  set("ipv4/conf/all/rp_filter", "0");
  set("ipv4/conf/db-b/rp_filter", "0");
  b1_.run([] {
    shell("ip address add 172.17.0.2/32 dev eth0");
    shell("ip route replace default via 10.2.0.1 src 172.17.0.2");
  });
  ASSERT_OK(let_in());

  EXPECT_TRUE(is_refused(b1_, a1_));
  EXPECT_TRUE(reaches(docker_, a1_));
  ASSERT_OK(
      nft_.change({}, {{"proxied4", {"db-b", address(docker_.address), address(a1_.address)}}}));
  EXPECT_TRUE(reaches(b1_, a1_)) << "the bridge was all that it lacked";
}

TEST_F(ProxyRouteTest, ANeighbourGainsNothingByTheProxyAsItsNextHop) {
  docker_.run([] { set("ipv4/ip_forward", "1"); });
  neighbour_.run([] { shell("ip route replace 10.1.0.2/32 via 172.17.0.2"); });
  ASSERT_OK(let_in());

  EXPECT_TRUE(is_refused(neighbour_, a1_));
  EXPECT_TRUE(reaches(docker_, a1_));
  ASSERT_OK(nft_.change({}, way("docker0", neighbour_, a1_)));
  EXPECT_TRUE(reaches(neighbour_, a1_)) << "the proxy does pass it on";
}

TEST_F(ProxyRouteTest, AProxyWhoseOwnNetworkHasNoWayOutReachesItsMember) {
  ASSERT_OK(let_in({{"egress", {"db-b"}, drop},
                    {"to_host", {"db-b"}, drop},
                    {"limited", {"db-b"}},
                    {"proxied4", {"db-b", address(b1_.address), address(a1_.address)}},
                    {"proxied6", {"db-b", address(b1_.address6), address(a1_.address6)}}}));

  EXPECT_EQ(fetch(b1_, a1_, a1_.address), "10.1.0.1");
  EXPECT_EQ(fetch(b1_, a1_, a1_.address6), "fd01::1");
  EXPECT_EQ(refused(b1_, a2_, a2_.address), nobody);
  EXPECT_TRUE(is_refused(b1_, outside_));
  EXPECT_TRUE(is_refused(b1_, host_));
}

TEST_F(ProxyRouteTest, AMemberWithoutAWayOutAnswers) {
  in1_.run([] { shell("ip route del default; ip -6 route del default"); });
  ASSERT_OK(let_in(way("docker0", docker_, in1_)));

  EXPECT_EQ(fetch(docker_, in1_, in1_.address), "10.3.0.1");
  EXPECT_EQ(fetch(docker_, in1_, in1_.address6), "fd03::1");
  EXPECT_EQ(refused(docker_, in2_, in2_.address), nobody);
}

TEST_F(ProxyRouteTest, AMemberWhoseWayOutIsAnotherNetworkAnswers) {
  a1_.run([] { shell("ip route replace 172.17.0.0/16 dev lo; ip -6 route add fd17::/64 dev lo"); });
  ASSERT_OK(let_in());

  EXPECT_EQ(fetch(docker_, a1_, a1_.address), "10.1.0.1");
  EXPECT_EQ(fetch(docker_, a1_, a1_.address6), "fd01::1");
}

TEST_F(ProxyRouteTest, MembersApartStayApartBesideAProxy) {
  std::string const mac = shell("ip -brief link show db-a | awk '{ print $3 }'");
  for (Party const* each : {&a1_, &a2_}) {
    shell(fmt::format("bridge link set dev {} isolated on", port_of(*each)));
  }
  std::set<Element> apart = way("docker0", docker_, a2_);
  apart.insert({{"pair", {"db-a", "db-a"}, Verdict{Verdict::Kind::go_to, "apart"}},
                {"doors", {"db-a", MacAddress::parse(mac.substr(0, 17)).value()}}});
  ASSERT_OK(let_in(apart, {{"pair", {"db-a", "db-a"}, Verdict{}}}));

  EXPECT_EQ(fetch(docker_, a1_, a1_.address), "10.1.0.1");
  EXPECT_EQ(fetch(docker_, a2_, a2_.address6), "fd01::1");
  EXPECT_EQ(refused(a1_, a2_, a2_.address), nobody);
  a1_.run([] {
    set("ipv4/conf/all/accept_redirects", "0");
    set("ipv4/conf/eth0/accept_redirects", "0");
    shell("ip route add 10.1.0.3/32 via 10.1.0.1");
  });
  EXPECT_EQ(refused(a1_, a2_, a2_.address), nobody);
}

// A proxy that is a member is one as all others are: its network's own rules decide.
TEST_F(ProxyRouteTest, AProxyOfTheSameNetworkIsAMember) {
  ASSERT_OK(let_in(way("db-a", a1_, a2_)));

  EXPECT_EQ(fetch(a1_, a2_, a2_.address), "10.1.0.2");
  EXPECT_EQ(fetch(a2_, a1_, a1_.address), "10.1.0.3");
  EXPECT_EQ(fetch(docker_, a1_, a1_.address), "10.1.0.1");
}

TEST_F(ProxyRouteTest, APublishedPortIsJudgedAsForAnybodyElse) {
  shell(
      "nft 'add table ip x; add chain ip x in { type nat hook prerouting priority dstnat; };"
      "add rule ip x in ip daddr 192.0.2.1 tcp dport 80 dnat to 10.1.0.2'");
  ASSERT_OK(let_in());
  EXPECT_EQ(fetch(docker_, a1_, "192.0.2.1"), "172.17.0.2");

  ASSERT_OK(nft_.change({}, {{"publish", {"db-a"}, drop}}));

  EXPECT_EQ(refused(docker_, a1_, "192.0.2.1"), nobody);
  EXPECT_EQ(fetch(docker_, a1_, a1_.address), "10.1.0.1");
}

// As engines do it from 28.0 on: nothing comes to their containers unasked, nor by another bridge.
TEST_F(ProxyRouteTest, AnEngineThatShieldsItsContainersLetsAnswersThrough) {
  shell("iptables -t raw -A PREROUTING -d 172.17.0.2 ! -i docker0 -j DROP");
  shell("ip6tables -t raw -A PREROUTING -d fd17::2 ! -i docker0 -j DROP");
  shell("iptables -t nat -A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE");
  ASSERT_OK(let_in());

  EXPECT_EQ(fetch(docker_, a1_, a1_.address), "10.1.0.1");
  EXPECT_EQ(fetch(docker_, a1_, a1_.address6), "fd01::1");
}

TEST_F(ProxyRouteTest, ADroppingForwardPolicyLetsProxiesThroughWhateverBridgesCall) {
  shell("iptables -P FORWARD DROP; ip6tables -P FORWARD DROP");
  ASSERT_OK(let_in());
  ASSERT_OK(nft_.mend());
  bool const has_bridge_calls = std::filesystem::exists("/proc/sys/net/bridge");

  for (char const* call : {"0", "1"}) {
    if (has_bridge_calls) {
      set("bridge/bridge-nf-call-iptables", call);
      set("bridge/bridge-nf-call-ip6tables", call);
    }
    EXPECT_EQ(fetch(docker_, a1_, a1_.address), "10.1.0.1") << call;
    EXPECT_EQ(fetch(docker_, a1_, a1_.address6), "fd01::1") << call;
    EXPECT_EQ(refused(docker_, a2_, a2_.address), nobody) << call;
    EXPECT_EQ(refused(neighbour_, a1_, a1_.address), nobody) << call;
  }
}

}  // namespace
}  // namespace drawbridge
