// What a bridge lets its ports do, shown by frames between namespaces that stand for containers.
#include "base/file_descriptor.h"
#include "netlink/diff.h"
#include "netlink/linux_kernel.h"
#include "tests/support/expect_ok.h"
#include "tests/support/netns.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

constexpr int passing_ms = 3000;  // a busy machine may take its time
constexpr int refusal_ms = 100;
constexpr std::uint16_t port = 9;
constexpr std::uint16_t experimental = 0x88b5;  // IEEE 802, "local experimental ethertype 1"

MacAddress mac(char const* text) {
  return *MacAddress::parse(text);
}

MacAddress const everybody = mac("ff:ff:ff:ff:ff:ff");
MacAddress const nobody = mac("02:00:00:00:00:99");

struct Frame {
  MacAddress to;
  MacAddress from;
  std::uint16_t type = htons(experimental);
  std::array<std::uint8_t, 42> padding{};  // of an ARP packet of zeros: nobody answers it
  std::uint32_t number = 0;                // by which it is known again
};
static_assert(sizeof(Frame) == 60);

bool becomes_readable(FileDescriptor const& socket, int patience_ms) {
  pollfd waiting{socket.get(), POLLIN, 0};
  return ::poll(&waiting, 1, patience_ms) == 1;
}

/// A container: its end of the pair, an address of each kind, and somebody who hears every frame.
class Container {
 public:
  explicit Container(int number) : number_(number), wire_(-1) {
    netns_.take_link(container_end());
    netns_.run([&] {
      shell(fmt::format("ip link set {} address {} up", container_end(), own_mac()));
      shell(fmt::format("ip address add {}/24 dev {}", ipv4(), container_end()));
      shell(fmt::format("ip address add {}/64 dev {} nodad", ipv6(), container_end()));
      listen();
    });
  }

  std::string container_end() const { return fmt::format("dc-{}", number_); }
  std::string own_mac() const { return fmt::format("02:42:00:00:00:{:02}", number_); }
  MacAddress address() const { return mac(own_mac().c_str()); }
  std::string ipv4() const { return fmt::format("10.249.1.{}", number_); }
  std::string ipv6() const { return fmt::format("fe80::{}", number_); }

  /// returns  the number to look for
  std::uint32_t send(MacAddress to, MacAddress from, std::uint16_t type = experimental) const {
    static std::uint32_t last = 0;
    Frame frame{to, from, htons(type)};
    frame.number = ++last;
    EXPECT_EQ(::send(wire_.get(), &frame, sizeof frame, 0), ssize_t{sizeof frame});
    return frame.number;
  }
  std::uint32_t send(MacAddress to) const { return send(to, address()); }

  /// returns  true when the frame comes; what came before it is forgotten
  bool sees(std::uint32_t number, int patience_ms = passing_ms) const {
    while (becomes_readable(wire_, patience_ms)) {
      Frame frame;
      ssize_t const size = ::recv(wire_.get(), &frame, sizeof frame, MSG_TRUNC);
      if (size == ssize_t{sizeof frame} && frame.number == number) {
        return true;
      }
    }
    return false;
  }
  bool misses(std::uint32_t number) const { return !sees(number, refusal_ms); }

  /// returns  how many frames have come so far
  std::uint64_t received() const {
    std::string packets;
    netns_.run([&] {
      packets = shell(fmt::format("awk '/{}:/ {{ print $3 }}' /proc/net/dev", container_end()));
    });
    return std::stoull(packets);
  }

  /// returns  true when a datagram to an address of `to` arrives
  bool reaches(Container const& to, std::string const& ip, int patience_ms = passing_ms) const {
    FileDescriptor receiver;
    to.netns_.run([&] {
      receiver = udp_socket();
      sockaddr_in6 const any = to.socket_address("::");
      EXPECT_EQ(::bind(receiver.get(), reinterpret_cast<sockaddr const*>(&any), sizeof any), 0);
    });
    netns_.run([&] {
      FileDescriptor const sender = udp_socket();
      sockaddr_in6 const target = socket_address(ip);
      ::sendto(sender.get(), "x", 1, 0, reinterpret_cast<sockaddr const*>(&target), sizeof target);
    });
    return becomes_readable(receiver, patience_ms);
  }
  bool is_kept_from(Container const& to, std::string const& ip) const {
    return !reaches(to, ip, refusal_ms);
  }

 private:
  static FileDescriptor udp_socket() {
    return FileDescriptor(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  }

  sockaddr_in6 socket_address(std::string const& ip) const {
    bool const is_ipv6 = ip.find(':') != std::string::npos;
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    inet_pton(AF_INET6, (is_ipv6 ? ip : "::ffff:" + ip).c_str(), &address.sin6_addr);
    if (ip.starts_with("fe80")) {
      address.sin6_scope_id = if_nametoindex(container_end().c_str());
    }
    return address;
  }

  void listen() {
    wire_ = FileDescriptor(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(ETH_P_ALL)));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex(container_end().c_str()));
    EXPECT_EQ(::bind(wire_.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address), 0);
    packet_mreq request{};
    request.mr_ifindex = address.sll_ifindex;
    request.mr_type = PACKET_MR_PROMISC;
    int const on = 1;
    EXPECT_EQ(
        ::setsockopt(wire_.get(), SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request), 0);
    EXPECT_EQ(::setsockopt(wire_.get(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on), 0);
  }

  int number_;
  Netns netns_;
  FileDescriptor wire_;
};

/// Four containers on one bridge: two isolated, a plain one, and one whose MAC address the bridge
/// was not told.
class BridgePortTest : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    kernel_ = std::move(*LinuxKernel::open());
    Bridge bridge{"db-1", "network", mac("02:db:0a:f9:01:01"), 1500, {}};
    wanted_.bridges["db-1"] = bridge;
    for (int number : {1, 2, 3, 4}) {
      add_port(number);
    }
    ASSERT_OK(kernel_->apply(diff({}, wanted_)));
    for (int number : {1, 2, 3, 4}) {
      containers_.emplace_back(number);
    }
    shell("until ! bridge link | grep -v 'state forwarding'; do sleep 0.01; done");
  }

  void add_port(int number) {
    Veth veth{fmt::format("dv-{}", number),
              fmt::format("dc-{}", number),
              fmt::format("endpoint{}", number),
              "db-1",
              1500,
              true};
    veth.mac = number == 4 ? MacAddress{} : mac(fmt::format("02:42:00:00:00:0{}", number).c_str());
    veth.isolated = number == 1 || number == 2;
    wanted_.veths[veth.host_end] = veth;
  }

  Veth const& veth(char const* host_end) { return wanted_.veths.at(host_end); }

  /// returns  what it takes to bring everything back
  Plan repairs() { return diff(*kernel_->observe({"db-1", "dv-1", "dv-2", "dv-3"}), seen()); }

  KernelState seen() {
    KernelState state = wanted_;
    state.veths.erase("dv-4");
    return state;
  }

  std::unique_ptr<LinuxKernel> kernel_;
  KernelState wanted_;
  std::vector<Container> containers_;
  Container const& apart() { return containers_[0]; }
  Container const& apart_too() { return containers_[1]; }
  Container const& plain() { return containers_[2]; }
  Container const& unknown() { return containers_[3]; }
};

TEST_F(BridgePortTest, IsolatedPortsExchangeNothing) {
  EXPECT_TRUE(apart().is_kept_from(apart_too(), apart_too().ipv4()));
  EXPECT_TRUE(apart().is_kept_from(apart_too(), apart_too().ipv6()));
  EXPECT_TRUE(apart_too().misses(apart().send(apart_too().address())));
  EXPECT_TRUE(apart_too().misses(apart().send(everybody)));
  EXPECT_TRUE(apart_too().misses(apart().send(everybody, apart().address(), ETH_P_ARP)));
  EXPECT_TRUE(apart_too().misses(apart().send(mac("33:33:00:00:00:01"))));
}

TEST_F(BridgePortTest, AnIsolatedPortAndAPlainOneExchangeEverything) {
  for (auto const& [from, to] : {std::pair(&apart(), &plain()), std::pair(&plain(), &apart())}) {
    EXPECT_TRUE(from->reaches(*to, to->ipv4()));
    EXPECT_TRUE(from->reaches(*to, to->ipv6()));
    EXPECT_TRUE(to->sees(from->send(to->address())));
    EXPECT_TRUE(to->sees(from->send(everybody)));
    EXPECT_TRUE(to->sees(from->send(everybody, from->address(), ETH_P_ARP)));
    EXPECT_TRUE(to->sees(from->send(mac("33:33:00:00:00:01"))));
  }
}

TEST_F(BridgePortTest, IsolationIsSwitchedOnALivePort) {
  for (int round = 0; round < 3; ++round) {
    ASSERT_OK(kernel_->apply({SetIsolation{"dv-1", true, false}}));
    EXPECT_TRUE(apart_too().sees(apart().send(everybody)));
    EXPECT_TRUE(apart().sees(apart_too().send(apart().address())));
    ASSERT_OK(kernel_->apply({SetIsolation{"dv-1", false, true}}));
    EXPECT_TRUE(apart_too().misses(apart().send(everybody)));
    EXPECT_TRUE(apart().misses(apart_too().send(apart().address())));
  }
}

TEST_F(BridgePortTest, HairpinSendsFramesBackWhereTheyCameFrom) {
  EXPECT_TRUE(plain().misses(plain().send(plain().address())));
  ASSERT_OK(kernel_->apply({SetHairpin{"dv-3", false, true}}));
  EXPECT_TRUE(plain().sees(plain().send(plain().address())));

  ASSERT_OK(kernel_->apply({SetHairpin{"dv-3", true, false}}));
  EXPECT_TRUE(plain().misses(plain().send(plain().address())));
}

TEST_F(BridgePortTest, PortsAndBridgesAreMadeForPublishedPorts) {
  KernelState state;
  state.bridges["db-5"] = {"db-5", "network5", mac("02:db:0a:f9:05:01"), 1500, {}};
  state.bridges["db-5"].route_localnet = true;
  Veth& veth = state.veths["dv-5"];
  veth = {"dv-5", "dc-5", "endpoint5", "db-5", 1500, true};
  veth.hairpin = true;
  ASSERT_OK(kernel_->apply(diff({}, state)));
  EXPECT_EQ(shell("cat /proc/sys/net/ipv4/conf/db-5/route_localnet"), "1\n");
  EXPECT_EQ(describe(diff(*kernel_->observe({"db-5", "dv-5"}), state)), "");

  shell("echo 0 > /proc/sys/net/ipv4/conf/db-5/route_localnet");
  shell("bridge link set dev dv-5 hairpin off");

  Plan const plan = diff(*kernel_->observe({"db-5", "dv-5"}), state);
  EXPECT_EQ(describe(plan), "let 127.0.0.0/8 leave by db-5\nset hairpin of dv-5 on\n");
  ASSERT_OK(kernel_->apply(plan));
  EXPECT_EQ(shell("cat /proc/sys/net/ipv4/conf/db-5/route_localnet"), "1\n");
  EXPECT_EQ(describe(diff(*kernel_->observe({"db-5", "dv-5"}), state)), "");
}

TEST_F(BridgePortTest, AFrameForNobodyIsShownToNoPortThatIsKnown) {
  std::uint32_t const number = apart().send(nobody);
  EXPECT_TRUE(unknown().sees(number));
  EXPECT_TRUE(plain().misses(number));
}

// Whatever the container may have said so far, its port does not listen.
TEST_F(BridgePortTest, AKnownMacIsReachedWithoutAnyLearning) {
  shell("bridge fdb show br db-1 | grep -q '02:42:00:00:00:03 dev dv-3 master db-1 static'");
  std::uint32_t const number = unknown().send(plain().address());
  EXPECT_TRUE(plain().sees(number));
  EXPECT_TRUE(apart().misses(number));
}

TEST_F(BridgePortTest, AForeignMacIsNotLearned) {
  plain().send(everybody, nobody);
  plain().send(everybody, apart().address());

  std::uint32_t const to_nobody = unknown().send(nobody);
  EXPECT_TRUE(plain().misses(to_nobody));
  std::uint32_t const to_apart = unknown().send(apart().address());
  EXPECT_TRUE(apart().sees(to_apart));
  EXPECT_TRUE(plain().misses(to_apart));
  EXPECT_EQ(shell("bridge fdb show br db-1 | grep -c 02:00:00:00:00:99 || true"), "0\n");
}

TEST_F(BridgePortTest, WhereTheMacIsNotToldTheBridgeLearns) {
  unknown().send(everybody, nobody);
  ASSERT_TRUE(plain().sees(unknown().send(everybody)));

  std::uint32_t const number = plain().send(nobody);
  EXPECT_TRUE(unknown().sees(number));
  EXPECT_EQ(shell("bridge fdb show br db-1 | grep -c 02:00:00:00:00:99 || true"), "1\n");
}

TEST_F(BridgePortTest, ARepairOfWhatTheBridgeKnowsLosesNoFrame) {
  std::uint64_t const before = plain().received();
  std::atomic<bool> done = false;
  std::uint64_t sent = 0;
  std::thread sender([&] {
    for (; !done; ++sent) {
      apart().send(plain().address());
    }
  });
  for (int round = 0; round < 50; ++round) {
    EXPECT_OK(kernel_->apply({AttachPort{veth("dv-1")}, AttachPort{veth("dv-3")}}));
  }
  done = true;
  sender.join();
  EXPECT_GT(sent, 50U);
  EXPECT_GE(plain().received() - before, sent);
}

TEST_F(BridgePortTest, WhatOthersToldTheBridgeIsTakenBack) {
  shell("bridge link set dev dv-1 learning on && bridge link set dev dv-2 flood on");
  shell("bridge fdb del 02:42:00:00:00:03 dev dv-3 master");
  shell("bridge fdb add 02:42:00:00:00:77 dev dv-1 master static");
  apart().send(everybody, nobody);
  ASSERT_TRUE(unknown().sees(plain().send(everybody)));
  EXPECT_EQ(shell("bridge fdb show br db-1 | grep -c 02:00:00:00:00:99 || true"), "1\n");

  Plan const plan = repairs();

  EXPECT_EQ(describe(plan), "attach dv-1 to db-1\nattach dv-2 to db-1\nattach dv-3 to db-1\n");
  ASSERT_OK(kernel_->apply(plan));
  EXPECT_EQ(describe(repairs()), "");
  EXPECT_EQ(shell("bridge fdb show br db-1 | grep -E -c '00:99|00:77' || true"), "0\n");
  EXPECT_TRUE(plain().misses(apart().send(nobody)));
}

TEST_F(BridgePortTest, ARevivedPortIsWhatItWas) {
  ASSERT_OK(kernel_->apply({RetireVeth{veth("dv-1")}}));
  EXPECT_TRUE(apart().misses(plain().send(apart().address())));
  ASSERT_OK(kernel_->apply({CreateVeth{veth("dv-1")}}));

  EXPECT_EQ(describe(repairs()), "");
  shell("until ! bridge link | grep -v 'state forwarding'; do sleep 0.01; done");
  EXPECT_TRUE(apart().sees(plain().send(apart().address())));
  EXPECT_TRUE(apart_too().misses(apart().send(everybody)));
  EXPECT_TRUE(plain().misses(apart().send(nobody)));
}

TEST_F(BridgePortTest, APortThatComesBackToItsBridgeIsWhatItWas) {
  shell("ip link set dv-1 nomaster");
  EXPECT_EQ(describe(repairs()), "attach dv-1 to db-1\n");
  ASSERT_OK(kernel_->apply(repairs()));

  EXPECT_EQ(describe(repairs()), "");
  shell("until ! bridge link | grep -v 'state forwarding'; do sleep 0.01; done");
  EXPECT_TRUE(apart().sees(plain().send(apart().address())));
  EXPECT_TRUE(apart_too().misses(apart().send(everybody)));
}

}  // namespace
}  // namespace drawbridge
