// Who reaches a published port, from where, and whom the container sees. Ports are elements beside
// those of plain networks.
#include "tests/support/expect_ok.h"
#include "tests/support/parties.h"
#include "tests/support/question.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <vector>

namespace drawbridge {
namespace {

using Ports = std::vector<std::uint16_t>;

constexpr ProtocolRange tcp{6, 6};
constexpr ProtocolRange udp{17, 17};

IpAddress address(std::string const& text) {
  return IpAddress::parse(text).value();
}

IpPrefix prefix(char const* text) {
  return IpPrefix::parse(text).value();
}

bool is_ipv6(std::string const& text) {
  return text.find(':') != std::string::npos;
}

/// Publishes port 8080 of every address as port 80 of a1.
class PublishedPortsTest : public PartiesTest {
 protected:
  void SetUp() override {
    PartiesTest::SetUp();
    set("ipv4/conf/db-a/route_localnet", "1");
    shell(fmt::format("bridge link set dev {} hairpin on", port_of(a1_)));
  }

  static std::set<Element> ports_of_a1() {
    std::set<Element> elements{{"turns", {"db-a", "db-a"}},
                               {"itself4", {address("10.1.0.2"), address("10.1.0.2")}},
                               {"itself6", {address("fd01::2"), address("fd01::2")}}};
    for (ProtocolRange const& protocol : {tcp, udp}) {
      elements.insert(of_any("10.1.0.2", protocol));
      elements.insert(of_any("fd01::2", protocol));
    }
    return elements;
  }

  static Element of_any(std::string const& to, ProtocolRange const& protocol) {
    return {is_ipv6(to) ? "ports_any6" : "ports_any4",
            {protocol, PortRange{8080, 8080}},
            Target{address(to), 80}};
  }

  Result<void> publish(std::set<Element> more = {}, std::set<Element> const& less = {}) {
    more.merge(ports_of_a1());
    return write_tables(more, less);
  }

  std::string seen(Party const& from, std::string const& at) const {
    return client_seen(from, a1_, {at});
  }
  std::string seen_by_tcp(Party const& from, std::string const& at) const {
    return client_seen(from, a1_, {at, 8080, 80, SOCK_STREAM});
  }
  bool does_not_reach(Party const& from, std::string const& at, std::uint16_t port = 8080,
                      std::uint16_t inside = 80) const {
    return client_seen(from, a1_, {at, port, inside, SOCK_DGRAM, refusal_ms}) == "nobody";
  }

  /// returns  how frames inside of a bridge may pass on this machine: by it alone, and by way of
  ///          the rules too, where br_netfilter is loaded
  static std::vector<bool> ways_of_frames() {
    bool const has_both = std::filesystem::exists("/proc/sys/net/bridge");
    return has_both ? std::vector<bool>{false, true} : std::vector<bool>{false};
  }

  static void let_bridges_call_iptables(bool on) {
    if (std::filesystem::exists("/proc/sys/net/bridge")) {
      set("bridge/bridge-nf-call-iptables", on ? "1" : "0");
      set("bridge/bridge-nf-call-ip6tables", on ? "1" : "0");
    }
  }

  /// As a hostile neighbour does, which has no loopback of its own.
  static void route_loopback_to(Party const& party, std::string const& gateway) {
    party.run([&gateway] {
      set("ipv4/conf/eth0/route_localnet", "1");
      shell("ip address del 127.0.0.1/8 dev lo");
      shell("ip route flush table local 127.0.0.0/8");
      shell(fmt::format("ip route add 127.0.0.1/32 via {}", gateway));
    });
  }
};

TEST_F(PublishedPortsTest, ClientsAreSeenAsTheyAre) {
  ASSERT_OK(write_tables());
  ASSERT_TRUE(does_not_reach(outside_, "192.0.2.1"));
  for (bool const called : ways_of_frames()) {
    let_bridges_call_iptables(called);
    ASSERT_OK(publish());

    for (Party const* from : {&outside_, &b1_, &docker_, &host_}) {
      EXPECT_EQ(seen(*from, "192.0.2.1"), from->address) << called;
      EXPECT_EQ(seen(*from, "2001:db8::1"), from->address6) << called;
      EXPECT_EQ(seen_by_tcp(*from, "192.0.2.1"), from->address) << called;
      EXPECT_EQ(seen_by_tcp(*from, "2001:db8::1"), from->address6) << called;
    }
  }
}

TEST_F(PublishedPortsTest, ThisHostReachesThemAt127_0_0_1) {
  for (char const* strictness : {"0", "1", "2"}) {
    set("ipv4/conf/all/rp_filter", strictness);
    ASSERT_OK(publish());

    EXPECT_EQ(seen(host_, "127.0.0.1"), "10.1.0.1") << strictness;
    EXPECT_EQ(seen_by_tcp(host_, "127.0.0.1"), "10.1.0.1") << strictness;
    EXPECT_EQ(seen(outside_, "192.0.2.1"), "192.0.2.2") << strictness;
  }
}

// Its reply could not come back: that one is for a socket of the daemon.
TEST_F(PublishedPortsTest, TheLoopbackOfIpv6StaysOnThisHost) {
  ASSERT_OK(publish());

  EXPECT_TRUE(does_not_reach(host_, "::1"));
  EXPECT_TRUE(reaches(host_, host_, "::1", 8080));
}

TEST_F(PublishedPortsTest, SiblingsReachThemByTheHost) {
  for (bool const called : ways_of_frames()) {
    let_bridges_call_iptables(called);
    ASSERT_OK(publish());

    for (int round = 0; round < 3; ++round) {
      EXPECT_EQ(seen(a2_, "192.0.2.1"), called ? "10.1.0.3" : "10.1.0.1") << called;
      EXPECT_EQ(seen_by_tcp(a2_, "10.1.0.1"), called ? "10.1.0.3" : "10.1.0.1") << called;
      EXPECT_EQ(seen(a2_, "2001:db8::1"), called ? "fd01::3" : "fd01::1") << called;
    }
  }
}

TEST_F(PublishedPortsTest, AMemberReachesItsOwn) {
  for (bool const called : ways_of_frames()) {
    let_bridges_call_iptables(called);
    ASSERT_OK(publish());

    for (int round = 0; round < 3; ++round) {
      EXPECT_EQ(seen(a1_, "192.0.2.1"), "10.1.0.1") << called;
      EXPECT_EQ(seen_by_tcp(a1_, "192.0.2.1"), "10.1.0.1") << called;
      EXPECT_EQ(seen(a1_, "2001:db8::1"), "fd01::1") << called;
    }
  }
}

TEST_F(PublishedPortsTest, APortOfOneAddressIsAtNoOther) {
  shell("ip address add 192.0.2.9/24 dev br0; ip address add 2001:db8::9/64 dev br0 nodad");
  PortRange const port{8081, 8081};
  ASSERT_OK(
      publish({{"ports4", {address("192.0.2.9"), udp, port}, Target{address("10.1.0.2"), 80}},
               {"ports6", {address("2001:db8::9"), udp, port}, Target{address("fd01::2"), 80}}}));

  for (Party const* from : {&outside_, &b1_, &host_}) {
    EXPECT_NE(client_seen(*from, a1_, {"192.0.2.9", 8081}), "nobody");
    EXPECT_NE(client_seen(*from, a1_, {"2001:db8::9", 8081}), "nobody");
    EXPECT_TRUE(does_not_reach(*from, "192.0.2.1", 8081));
    EXPECT_TRUE(does_not_reach(*from, "2001:db8::1", 8081));
  }
  EXPECT_TRUE(does_not_reach(host_, "127.0.0.1", 8081));
}

TEST_F(PublishedPortsTest, AProtocolIsNotAnother) {
  Element const by_udp = of_any("10.1.0.2", udp);
  ASSERT_OK(write_tables({by_udp}));

  EXPECT_EQ(seen(outside_, "192.0.2.1"), "192.0.2.2");
  EXPECT_EQ(client_seen(outside_, a1_, {"192.0.2.1", 8080, 80, SOCK_STREAM, refusal_ms}), "nobody");
  EXPECT_TRUE(pings(outside_, "192.0.2.1"));
}

TEST_F(PublishedPortsTest, ARangeKeepsItsNumbers) {
  PortRange const range{9000, 9100};
  ASSERT_OK(write_tables({{"port_ranges4", {prefix("0.0.0.0/0"), udp, range}, address("10.1.0.2")},
                          {"port_ranges6", {prefix("::/0"), udp, range}, address("fd01::2")},
                          {"port_ranges4",
                           {prefix("192.0.2.1/32"), udp, PortRange{9200, 9201}},
                           address("10.1.0.2")}}));

  for (std::uint16_t const port : Ports{9000, 9050, 9100}) {
    EXPECT_EQ(client_seen(outside_, a1_, {"192.0.2.1", port, port}), "192.0.2.2") << port;
    EXPECT_EQ(client_seen(outside_, a1_, {"2001:db8::1", port, port}), "2001:db8::2") << port;
    EXPECT_EQ(client_seen(host_, a1_, {"127.0.0.1", port, port}), "10.1.0.1") << port;
  }
  for (std::uint16_t const port : Ports{8999, 9101}) {
    EXPECT_TRUE(does_not_reach(outside_, "192.0.2.1", port, port)) << port;
    EXPECT_TRUE(does_not_reach(outside_, "2001:db8::1", port, port)) << port;
  }
  EXPECT_EQ(client_seen(outside_, a1_, {"192.0.2.1", 9201, 9201}), "192.0.2.2");
  EXPECT_TRUE(does_not_reach(outside_, "10.2.0.1", 9201, 9201));
}

TEST_F(PublishedPortsTest, WhatIsForOtherMachinesIsLeftAlone) {
  ASSERT_OK(publish());

  EXPECT_TRUE(reaches(a2_, outside_, 8080));
  EXPECT_TRUE(reaches(outside_, docker_, 8080));
  EXPECT_TRUE(reaches(outside_, docker_, docker_.address6, 8080));
  EXPECT_TRUE(reaches(host_, outside_, 8080));
  EXPECT_TRUE(reaches(host_, outside_, outside_.address6, 8080));
}

TEST_F(PublishedPortsTest, AMembersAddressIsReachedByItsPortsOnly) {
  ASSERT_OK(publish());

  for (Party const* from : {&outside_, &b1_, &docker_}) {
    EXPECT_TRUE(does_not_reach(*from, "10.1.0.2", 80));
    EXPECT_TRUE(does_not_reach(*from, "fd01::2", 80));
    EXPECT_EQ(seen(*from, "192.0.2.1"), from->address);
  }
}

TEST_F(PublishedPortsTest, ANeighbourDoesNotReachThemAt127_0_0_1) {
  route_loopback_to(outside_, "192.0.2.1");
  ASSERT_OK(publish());
  EXPECT_TRUE(does_not_reach(outside_, "127.0.0.1"));

  set("ipv4/conf/br0/route_localnet", "1");

  ASSERT_TRUE(reaches(outside_, host_, "127.0.0.1"));
  EXPECT_TRUE(does_not_reach(outside_, "127.0.0.1"));
}

TEST_F(PublishedPortsTest, AMemberDoesNotReachTheHostAt127_0_0_1) {
  route_loopback_to(a2_, "10.1.0.1");
  ASSERT_TRUE(reaches(a2_, host_, "127.0.0.1"));

  ASSERT_OK(publish());

  EXPECT_TRUE(is_refused(a2_, host_, "127.0.0.1"));
  EXPECT_TRUE(does_not_reach(a2_, "127.0.0.1"));
  EXPECT_TRUE(reaches(a2_, host_, "10.1.0.1"));
}

TEST_F(PublishedPortsTest, AMemberIsNotTakenForTheHostItself) {
  a2_.run([] {
    set("ipv4/conf/eth0/route_localnet", "1");
    shell("ip route add 10.1.0.1/32 dev eth0 src 127.0.0.5");
  });
  ASSERT_EQ(source_seen(a2_, host_, "10.1.0.1"), "127.0.0.5");

  ASSERT_OK(publish());

  EXPECT_TRUE(is_refused(a2_, host_, "10.1.0.1"));
  EXPECT_TRUE(reaches(a1_, host_, "10.1.0.1"));
}

// Where the bridge would drop what is translated, a socket of the daemon takes it.
TEST_F(PublishedPortsTest, WhatIsRelayedArrivesAtThisHost) {
  for (bool const called : ways_of_frames()) {
    let_bridges_call_iptables(called);
    PortRange const ports{8080, 8090};
    ASSERT_OK(publish({{"relayed4", {"db-a", prefix("192.0.2.1/32"), udp, ports}},
                       {"relayed6", {"db-a", prefix("::/0"), udp, ports}}}));

    EXPECT_TRUE(does_not_reach(a2_, "192.0.2.1")) << called;
    EXPECT_TRUE(does_not_reach(a1_, "192.0.2.1")) << called;
    EXPECT_NE(seen(a2_, "10.1.0.1"), "nobody") << "that address is another's port";
    EXPECT_TRUE(reaches(a2_, host_, 8080)) << called;
    EXPECT_TRUE(reaches(a1_, host_, "2001:db8::1", 8080)) << called;
    for (Party const* from : {&outside_, &b1_, &host_}) {
      EXPECT_EQ(seen(*from, "192.0.2.1"), from->address) << called;
    }
  }
}

TEST_F(PublishedPortsTest, PublishedToThisHostOnly) {
  ASSERT_OK(publish({{"publish", {"db-a"}, Verdict{Verdict::Kind::drop, {}}}}));

  for (Party const* from : {&outside_, &b1_, &docker_}) {
    EXPECT_TRUE(does_not_reach(*from, "192.0.2.1"));
    EXPECT_TRUE(does_not_reach(*from, "2001:db8::1"));
  }
  EXPECT_EQ(seen(host_, "127.0.0.1"), "10.1.0.1");
  EXPECT_EQ(seen(host_, "192.0.2.1"), "192.0.2.1");
  EXPECT_EQ(seen(host_, "2001:db8::1"), "2001:db8::1");
  ASSERT_OK(publish());
  EXPECT_EQ(seen(outside_, "192.0.2.1"), "192.0.2.2");
}

TEST_F(PublishedPortsTest, PublishedToAList) {
  Verdict const listed{Verdict::Kind::jump, "publish_listed"};
  ASSERT_OK(publish({{"publish", {"db-a"}, listed},
                     {"publish_from4", {prefix("192.0.2.0/24"), "db-a"}},
                     {"publish_from6", {prefix("2001:db8::/64"), "db-a"}},
                     {"publish_from4", {prefix("10.2.0.0/24"), "db-b"}}}));

  EXPECT_EQ(seen(outside_, "192.0.2.1"), "192.0.2.2");
  EXPECT_EQ(seen(outside_, "2001:db8::1"), "2001:db8::2");
  EXPECT_EQ(seen(host_, "127.0.0.1"), "10.1.0.1");
  for (Party const* from : {&b1_, &docker_}) {
    EXPECT_TRUE(does_not_reach(*from, "192.0.2.1"));
    EXPECT_TRUE(does_not_reach(*from, "2001:db8::1"));
  }
}

TEST_F(PublishedPortsTest, ARoutedNetworkIsReachedAtItsPublishedPorts) {
  PortRange const ports{80, 81};
  Element const ports4{"routed_ports4", {address("10.1.0.2"), udp, ports}};
  Element const ports6{"routed_ports6", {address("fd01::2"), udp, ports}};
  ASSERT_OK(write_tables({{"routed4", {"db-a"}}, {"routed6", {"db-a"}}, ports4, ports6}));

  EXPECT_EQ(client_seen(outside_, a1_, {"10.1.0.2", 80}), "192.0.2.2");
  EXPECT_EQ(client_seen(outside_, a1_, {"fd01::2", 81, 81}), "2001:db8::2");
  EXPECT_TRUE(does_not_reach(outside_, "10.1.0.2", 82, 82));
  EXPECT_TRUE(does_not_reach(outside_, "fd01::2", 82, 82));
  EXPECT_TRUE(is_refused(outside_, a2_, 80));
  EXPECT_TRUE(does_not_reach(b1_, "10.1.0.2", 80));
  EXPECT_TRUE(does_not_reach(docker_, "fd01::2", 80));
  ASSERT_OK(nft_.change({}, {{"publish", {"db-a"}, Verdict{Verdict::Kind::drop, {}}}}));
  EXPECT_TRUE(does_not_reach(outside_, "10.1.0.2", 80));
}

TEST_F(PublishedPortsTest, AreReachedWhereMembersAreApart) {
  Element const together{"pair", {"db-a", "db-a"}, Verdict{}};
  Element const apart{"pair", {"db-a", "db-a"}, Verdict{Verdict::Kind::go_to, "apart"}};
  let_bridges_call_iptables(false);
  ASSERT_OK(publish({apart}, {together}));
  EXPECT_EQ(seen(outside_, "192.0.2.1"), "192.0.2.2");
  EXPECT_EQ(seen(a2_, "192.0.2.1"), "10.1.0.1");

  ASSERT_OK(nft_.change({}, {{"publish", {"db-a"}, Verdict{Verdict::Kind::drop, {}}}}));

  EXPECT_TRUE(does_not_reach(a2_, "192.0.2.1"));
  EXPECT_TRUE(reaches(a2_, a1_));
}

TEST_F(PublishedPortsTest, TenThousandGoInOneTransaction) {
  std::set<Element> many = ports_of_a1();
  for (std::uint16_t port = 10'000; port < 20'000; ++port) {
    many.insert({"ports_any4", {udp, PortRange{port, port}}, Target{address("10.1.0.2"), port}});
  }
  ASSERT_OK(write_tables());

  ASSERT_OK(nft_.change({}, many));

  EXPECT_EQ(client_seen(outside_, a1_, {"192.0.2.1", 19'999, 19'999}), "192.0.2.2");
  ASSERT_OK(nft_.change(many, {}));
  EXPECT_TRUE(does_not_reach(outside_, "192.0.2.1", 19'999, 19'999));
}

}  // namespace
}  // namespace drawbridge
