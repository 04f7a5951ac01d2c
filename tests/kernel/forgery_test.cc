// What the bridge table does to frames of members, honest and not.
#include "tests/support/expect_ok.h"
#include "tests/support/frames.h"
#include "tests/support/holds.h"
#include "tests/support/parties.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace drawbridge {
namespace {

constexpr std::uint16_t any_port = 9;
constexpr std::uint16_t dhcp_server = 67;
constexpr std::uint16_t dhcpv6_server = 547;

IpAddress address(std::string const& text) {
  return IpAddress::parse(text).value();
}

MacAddress mac(std::string const& text) {
  return MacAddress::parse(text).value();
}

/// A bridge with two members, whose ports are named as the driver names them.
class ForgeryTest : public NetnsTest {
 protected:
  struct Member {
    Party party;
    std::string port;
    MacAddress mac;
    IpAddress ipv4;
    IpAddress ipv6;
    IpAddress link_local;

    Sender sender4() const { return {mac, ipv4}; }
    Sender sender6() const { return {mac, ipv6}; }
  };

  void SetUp() override {
    NetnsTest::SetUp();
    nft_ = NftTable::open().value();
    shell("ip link add db-a address 02:00:00:00:00:0a type bridge; ip link set db-a up");
    shell("ip address add 10.1.0.1/24 dev db-a; ip address add fd01::1/64 dev db-a nodad");
    mallory_ = member(2);
    alice_ = member(3);
    shell("until ! bridge link | grep -v 'state forwarding'; do sleep 0.01; done");
  }

  /// returns  member .2 at port dv-2 with Ethernet address …:02, and so on
  static Member member(int number) {
    Member made{{Netns(), fmt::format("10.1.0.{}", number), fmt::format("fd01::{}", number)},
                fmt::format("dv-{}", number),
                mac(fmt::format("02:00:00:00:00:{:02x}", number)),
                address(fmt::format("10.1.0.{}", number)),
                address(fmt::format("fd01::{}", number)),
                address(fmt::format("fe80::ff:fe00:{}", number))};
    shell(fmt::format("ip link add {} type veth peer name eth0 address {}", made.port,
                      made.mac.to_string()));
    shell(fmt::format("ip link set {} master db-a up", made.port));
    made.party.netns->take_link("eth0");
    made.party.run([] { shell("ip link set eth0 up"); });
    return made;
  }

  static void add_addresses(Member const& member) {
    member.party.run([&member] {
      shell(fmt::format("ip address add {}/24 dev eth0", member.party.address));
      shell(fmt::format("ip address add {}/64 dev eth0", member.party.address6));
    });
  }

  /// Waits until the member has a link-local address, and nobody has objected to its addresses or
  /// somebody has.
  ///
  /// returns  those that somebody else has
  static std::string failed_addresses(Member const& member) {
    std::string failed;
    member.party.run([&failed] {
      shell(
          "timeout 10 sh -c 'until ip -6 address show dev eth0 scope link | grep -q inet6;"
          " do sleep 0.02; done'");
      shell(
          "timeout 10 sh -c 'while ip -6 address show dev eth0 tentative -dadfailed | grep -q "
          "inet6;"
          " do sleep 0.02; done'");
      failed = shell("ip -6 address show dev eth0 dadfailed");
    });
    return failed;
  }

  static void add_member(std::set<Element>& elements, Member const& member) {
    IpAddress const none4 = address("0.0.0.0");
    IpAddress const none6 = address("::");
    for (IpAddress const& own : {member.ipv4, none4}) {
      elements.insert({"sources4", {member.port, member.mac, own}});
    }
    for (IpAddress const& own : {member.ipv6, member.link_local, none6}) {
      elements.insert({"sources6", {member.port, member.mac, own}});
    }
    for (IpAddress const& own : {member.ipv6, member.link_local}) {
      elements.insert({"targets6", {member.port, own}});
    }
  }

  Result<void> write_tables() {
    std::set<Element> elements{{"nets", {"db-a"}}, {"pair", {"db-a", "db-a"}, Verdict{}}};
    add_member(elements, mallory_);
    add_member(elements, alice_);
    return nft_.replace(elements);
  }

  /// The frames differ in what is forged only; without the table both arrive.
  void expect_told_apart(Frame const& honest, Frame const& forged) {
    ASSERT_TRUE(arrives(mallory_.party, alice_.party, forged));
    ASSERT_OK(write_tables());
    EXPECT_TRUE(arrives(mallory_.party, alice_.party, honest));
    EXPECT_TRUE(is_dropped(mallory_.party, alice_.party, forged));
    ASSERT_OK(nft_.remove_all());
  }

  NftTable nft_ = NftTable::open().value();
  Member mallory_;
  Member alice_;
  MacAddress const nobody_ = mac("02:00:00:00:00:99");
};

TEST_F(ForgeryTest, OwnTrafficPasses) {
  ASSERT_OK(write_tables());

  add_addresses(mallory_);
  add_addresses(alice_);
  EXPECT_EQ(failed_addresses(mallory_), "");
  EXPECT_EQ(failed_addresses(alice_), "");

  EXPECT_TRUE(reaches(mallory_.party, alice_.party));
  EXPECT_TRUE(reaches(mallory_.party, alice_.party, alice_.party.address6));
  EXPECT_TRUE(pings(mallory_.party, "10.1.0.1"));
  EXPECT_TRUE(pings(mallory_.party, "fd01::1"));
}

TEST_F(ForgeryTest, TrafficOfLinkLocalAddressesPasses) {
  ASSERT_OK(write_tables());
  add_addresses(mallory_);
  add_addresses(alice_);
  EXPECT_EQ(failed_addresses(mallory_) + failed_addresses(alice_), "");

  mallory_.party.run([] { shell("ip route add 2001:db8::/64 via fe80::ff:fe00:3 dev eth0"); });
  alice_.party.run([] { shell("ip address add 2001:db8::3/128 dev lo"); });

  EXPECT_TRUE(reaches(mallory_.party, alice_.party, "2001:db8::3"));
}

/// What a member that looks for duplicates sends, and what makes the owner of an address give it up
/// while it looks for duplicates itself.
TEST_F(ForgeryTest, AClaimToAnAddressOfAnotherIsDropped) {
  Sender const nobody{mallory_.mac, address("::")};
  Frame const honest = icmpv6_frame(nobody, icmpv6_neighbor_solicitation, mallory_.ipv6);
  for (IpAddress const& victim : {alice_.ipv6, address("fd01::1"), alice_.link_local}) {
    expect_told_apart(honest, icmpv6_frame(nobody, icmpv6_neighbor_solicitation, victim));
  }
}

TEST_F(ForgeryTest, ASourceAddressOfAnotherIsDropped) {
  expect_told_apart(udp_frame(mallory_.sender4(), any_port),
                    udp_frame({mallory_.mac, alice_.ipv4}, any_port));
  expect_told_apart(udp_frame(mallory_.sender6(), any_port),
                    udp_frame({mallory_.mac, alice_.ipv6}, any_port));
}

TEST_F(ForgeryTest, AnEthernetAddressOfAnotherIsDroppedAndNotLearned) {
  expect_told_apart(udp_frame(mallory_.sender4(), any_port),
                    udp_frame({nobody_, mallory_.ipv4}, any_port));
  shell("bridge fdb del 02:00:00:00:00:99 dev dv-2 master");
  ASSERT_OK(write_tables());

  EXPECT_TRUE(
      is_dropped(mallory_.party, alice_.party, udp_frame({nobody_, mallory_.ipv4}, any_port)));
  EXPECT_TRUE(
      is_dropped(mallory_.party, alice_.party, udp_frame({nobody_, mallory_.ipv6}, any_port)));

  EXPECT_TRUE(holds(shell("bridge fdb show br db-a"), "02:00:00:00:00:02 dev dv-2"));
  EXPECT_TRUE(lacks(shell("bridge fdb show br db-a"), "02:00:00:00:00:99"));
}

TEST_F(ForgeryTest, AnArpReplyForAnothersAddressIsDropped) {
  Frame const honest = arp_reply(mallory_.sender4(), mallory_.mac);
  for (IpAddress const& victim : {alice_.ipv4, address("10.1.0.1")}) {
    expect_told_apart(honest, arp_reply({mallory_.mac, victim}, mallory_.mac));
  }
  expect_told_apart(honest, arp_reply(mallory_.sender4(), nobody_));
  expect_told_apart(honest, arp_reply({nobody_, mallory_.ipv4}, mallory_.mac));
}

TEST_F(ForgeryTest, ANeighborAdvertisementForAnothersAddressIsDropped) {
  Frame const honest =
      icmpv6_frame(mallory_.sender6(), icmpv6_neighbor_advertisement, mallory_.ipv6);
  for (IpAddress const& victim : {alice_.ipv6, address("fd01::1"), alice_.link_local}) {
    expect_told_apart(honest,
                      icmpv6_frame(mallory_.sender6(), icmpv6_neighbor_advertisement, victim));
  }
}

TEST_F(ForgeryTest, AMemberIsNoRouter) {
  Sender const link_local{mallory_.mac, mallory_.link_local};
  Frame const honest = icmpv6_frame(link_local, icmpv6_neighbor_advertisement, mallory_.link_local);
  expect_told_apart(honest, icmpv6_frame(link_local, icmpv6_router_advertisement, mallory_.ipv6));
  expect_told_apart(honest, icmpv6_frame(link_local, icmpv6_redirect, mallory_.ipv6));
}

TEST_F(ForgeryTest, AMemberIsNoDhcpServer) {
  expect_told_apart(udp_frame(mallory_.sender4(), any_port),
                    udp_frame(mallory_.sender4(), dhcp_server));
  expect_told_apart(udp_frame(mallory_.sender6(), any_port),
                    udp_frame(mallory_.sender6(), dhcpv6_server));
}

TEST_F(ForgeryTest, OnlyIpAndArpPass) {
  constexpr std::uint16_t lldp = 0x88cc;  // to everybody, not to the address that bridges keep
  Frame const honest = arp_reply(mallory_.sender4(), mallory_.mac);
  expect_told_apart(honest, frame_of_type(mallory_.mac, lldp));
  expect_told_apart(honest, tagged(udp_frame(mallory_.sender4(), any_port)));
}

TEST_F(ForgeryTest, FramesOfOtherPortsAreNotLookedAt) {
  shell("ip link set dv-2 down; ip link set dv-2 name other; ip link set other up");
  shell("until ! bridge link | grep -v 'state forwarding'; do sleep 0.01; done");
  ASSERT_OK(write_tables());

  EXPECT_TRUE(
      arrives(mallory_.party, alice_.party, udp_frame({mallory_.mac, alice_.ipv4}, any_port)));
}

}  // namespace
}  // namespace drawbridge
