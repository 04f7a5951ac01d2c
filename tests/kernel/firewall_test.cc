// What the table does to packets, between namespaces that stand for containers.
#include "base/file_descriptor.h"
#include "netlink/nft_table.h"
#include "tests/support/expect_ok.h"
#include "tests/support/netns.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <array>
#include <filesystem>
#include <optional>
#include <string>

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

constexpr std::uint16_t port = 9;
constexpr int passing_ms = 3000;  // a busy machine may take its time
constexpr int refusal_ms = 100;

/// Somebody with an address: a container, this host, or a machine outside.
struct Party {
  std::optional<Netns> netns;  // none: this host
  std::string address;

  template <class Work>
  void run(Work work) const {
    netns ? netns->run(work) : work();
  }
};

sockaddr_in6 address_of(std::string const& text) {
  bool const is_ipv6 = text.find(':') != std::string::npos;
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  inet_pton(AF_INET6, (is_ipv6 ? text : "::ffff:" + text).c_str(), &address.sin6_addr);
  return address;
}

FileDescriptor udp_socket() {
  return FileDescriptor(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
}

/// Sends one datagram to an address of `to`.
///
/// returns  where it arrives, ready to be read
FileDescriptor send(Party const& from, Party const& to, std::string const& address) {
  FileDescriptor receiver;
  to.run([&receiver] {
    receiver = udp_socket();
    sockaddr_in6 const any = address_of("::");
    EXPECT_EQ(::bind(receiver.get(), reinterpret_cast<sockaddr const*>(&any), sizeof any), 0);
  });
  from.run([&address] {
    FileDescriptor const sender = udp_socket();
    sockaddr_in6 const target = address_of(address);
    ::sendto(sender.get(), "x", 1, 0, reinterpret_cast<sockaddr const*>(&target), sizeof target);
  });
  return receiver;
}

bool becomes_readable(FileDescriptor const& socket, int patience_ms) {
  pollfd waiting{socket.get(), POLLIN, 0};
  return ::poll(&waiting, 1, patience_ms) == 1;
}

/// returns  the source address that a datagram arrived with; empty when none did
std::string source_seen(Party const& from, Party const& to, std::string const& address) {
  FileDescriptor const receiver = send(from, to, address);
  if (!becomes_readable(receiver, passing_ms)) {
    return {};
  }
  sockaddr_in6 source{};
  socklen_t size = sizeof source;
  char byte = 0;
  ::recvfrom(receiver.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&source), &size);
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, &source.sin6_addr, text.data(), text.size());
  std::string const seen = text.data();
  return seen.starts_with("::ffff:") ? seen.substr(7) : seen;
}

bool reaches(Party const& from, Party const& to) {
  return becomes_readable(send(from, to, to.address), passing_ms);
}

bool is_refused(Party const& from, Party const& to, std::string const& address) {
  return !becomes_readable(send(from, to, address), refusal_ms);
}

bool is_refused(Party const& from, Party const& to) {
  return is_refused(from, to, to.address);
}

/// Two networks of ours, an internal one, a bridge of somebody else, and a machine outside.
class FirewallTest : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    nft_ = NftTable::open().value();
    set("ipv4/ip_forward", "1");
    add_bridge("db-a", "10.1.0.1");
    add_bridge("db-b", "10.2.0.1");
    add_bridge("db-in", "10.3.0.1");
    add_bridge("docker0", "172.17.0.1");
    shell("ip link add br0 type bridge");  // as where the uplink is a bridge
    shell("ip link set br0 up; ip address add 192.0.2.1/24 dev br0");
    a1_ = member("db-a", "10.1.0.2", "10.1.0.1");
    a2_ = member("db-a", "10.1.0.3", "10.1.0.1");
    b1_ = member("db-b", "10.2.0.2", "10.2.0.1");
    in1_ = member("db-in", "10.3.0.2", "10.3.0.1");
    in2_ = member("db-in", "10.3.0.3", "10.3.0.1");
    docker_ = member("docker0", "172.17.0.2", "172.17.0.1");
    outside_ = member("br0", "192.0.2.2", "192.0.2.1");
    shell("until ! bridge link | grep -v 'state forwarding'; do sleep 0.01; done");
  }

  static void set(char const* sysctl, char const* value) {
    shell(fmt::format("echo {} > /proc/sys/net/{}", value, sysctl));
  }

  static void add_bridge(char const* name, char const* gateway) {
    shell(fmt::format("ip link add {} type bridge; ip link set {} up", name, name));
    shell(fmt::format("ip address add {}/24 dev {}", gateway, name));
  }

  static Party member(char const* bridge, std::string const& address, char const* gateway) {
    Party party{Netns(), address};
    shell(fmt::format("ip link add p{} type veth peer name eth0", address));
    shell(fmt::format("ip link set p{} master {} up", address, bridge));
    party.netns->take_link("eth0");
    party.run([&] {
      shell(fmt::format("ip link set eth0 up; ip address add {}/24 dev eth0", address));
      shell(fmt::format("ip route add default via {}", gateway));
    });
    return party;
  }

  Result<void> write_table() {
    Verdict const drop{Verdict::Kind::drop, {}};
    std::set<Element> elements{{"egress", {"db-in"}, drop}, {"to_host", {"db-in"}, drop}};
    for (char const* bridge : {"db-a", "db-b", "db-in"}) {
      elements.insert({"nets", {bridge}});
      elements.insert({"masquerade4", {bridge}});
      elements.insert({"pair", {bridge, bridge}, Verdict{}});
    }
    for (char const* gateway : {"10.1.0.1", "10.2.0.1", "10.3.0.1"}) {
      elements.insert({"gateways4", {IpAddress::parse(gateway).value()}});
    }
    Result<void> noted = nft_.set_uplinks({"br0"});
    return noted ? nft_.replace(elements) : noted;
  }

  NftTable nft_ = NftTable::open().value();
  Party host_{std::nullopt, "192.0.2.1"};
  Party a1_, a2_, b1_, in1_, in2_, docker_, outside_;
};

TEST_F(FirewallTest, WithoutTheTableEverybodyReachesEverybody) {
  for (Party const* to : {&a2_, &b1_, &in1_, &docker_, &outside_, &host_}) {
    EXPECT_TRUE(reaches(a1_, *to)) << to->address;
    EXPECT_TRUE(reaches(in2_, *to)) << to->address;
  }
  for (Party const* from : {&docker_, &outside_, &host_}) {
    EXPECT_TRUE(reaches(*from, a1_)) << from->address;
    EXPECT_NE(source_seen(*from, host_, "10.2.0.1"), "") << from->address;
  }
}

TEST_F(FirewallTest, OnlyMembersAndTheHostReachAMember) {
  ASSERT_OK(write_table());

  for (Party const* from : {&a2_, &host_}) {
    EXPECT_TRUE(reaches(*from, a1_)) << from->address;
  }
  for (Party const* from : {&b1_, &in1_, &docker_, &outside_}) {
    EXPECT_TRUE(is_refused(*from, a1_)) << from->address;
  }
}

TEST_F(FirewallTest, MembersReachEachOtherWhenBridgesCallIptables) {
  if (!std::filesystem::exists("/proc/sys/net/bridge")) {
    GTEST_SKIP() << "br_netfilter is not loaded";
  }
  set("bridge/bridge-nf-call-iptables", "1");
  shell("iptables -P FORWARD DROP");

  ASSERT_OK(write_table());
  ASSERT_OK(nft_.mend());

  EXPECT_TRUE(reaches(a1_, a2_));
  EXPECT_TRUE(reaches(in1_, in2_));
  EXPECT_TRUE(reaches(a1_, outside_));
  EXPECT_TRUE(is_refused(a1_, b1_));
}

TEST_F(FirewallTest, OutboundTrafficCarriesTheHostsAddress) {
  ASSERT_OK(write_table());

  EXPECT_EQ(source_seen(a1_, outside_, "192.0.2.2"), "192.0.2.1");
  EXPECT_EQ(source_seen(a1_, a2_, "10.1.0.3"), "10.1.0.2");
  EXPECT_EQ(source_seen(a1_, host_, "192.0.2.1"), "10.1.0.2");
}

TEST_F(FirewallTest, ContainersOfOthersAreReachedByTheirPublishedPortsOnly) {
  ASSERT_OK(write_table());
  shell(
      "nft 'add table ip x; add chain ip x in { type nat hook prerouting priority dstnat; };"
      "add rule ip x in ip daddr 192.0.2.1 udp dport 9 dnat to 172.17.0.2'");

  EXPECT_TRUE(is_refused(a1_, docker_));
  EXPECT_EQ(source_seen(a1_, docker_, "192.0.2.1"), "172.17.0.1");
}

TEST_F(FirewallTest, ABridgeIsNoWayOutUnlessItIsAnUplink) {
  ASSERT_OK(write_table());
  EXPECT_TRUE(reaches(a1_, outside_));

  ASSERT_OK(nft_.set_uplinks({}));

  EXPECT_TRUE(is_refused(a1_, outside_));
}

TEST_F(FirewallTest, AGatewayAnswersItsOwnNetworkAndTheHost) {
  ASSERT_OK(write_table());

  EXPECT_NE(source_seen(a1_, host_, "10.1.0.1"), "");
  EXPECT_NE(source_seen(host_, host_, "10.1.0.1"), "");
  for (Party const* from : {&b1_, &docker_, &outside_}) {
    EXPECT_TRUE(is_refused(*from, host_, "10.1.0.1")) << from->address;
  }
}

TEST_F(FirewallTest, AnInternalNetworkReachesItsMembersOnly) {
  ASSERT_OK(write_table());

  EXPECT_TRUE(reaches(in1_, in2_));
  for (Party const* to : {&a1_, &docker_, &outside_, &host_}) {
    EXPECT_TRUE(is_refused(in1_, *to)) << to->address;
  }
  EXPECT_TRUE(is_refused(in1_, host_, "10.3.0.1"));
  EXPECT_TRUE(reaches(host_, in1_));
}

// Without neighbour discovery the host could not even find a member.
TEST_F(FirewallTest, TheHostFindsMembersOfAnInternalNetworkByIpv6) {
  ASSERT_OK(write_table());
  shell("ip address add fd03::1/64 dev db-in nodad");
  in1_.run([] { shell("ip address add fd03::2/64 dev eth0 nodad"); });

  EXPECT_EQ(source_seen(host_, in1_, "fd03::2"), "fd03::1");
  EXPECT_TRUE(is_refused(in1_, host_, "fd03::1"));
}

}  // namespace
}  // namespace drawbridge
