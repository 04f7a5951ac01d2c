// Connections that are cut, shown by what still passes between two namespaces and a router.
#include "netlink/conntrack.h"

#include "base/file_descriptor.h"
#include "netlink/linux_kernel.h"
#include "tests/support/expect_ok.h"
#include "tests/support/netns.h"
#include "tests/support/sockets.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>

#include <sys/socket.h>

namespace drawbridge {
namespace {

constexpr int passing_ms = 3000;  // a busy machine may take its time
constexpr int refusal_ms = 200;

/// The two ends of a connection, TCP or UDP.
class Connection {
 public:
  Connection(Netns const& client, Netns const& server, int type, std::string const& ip,
             std::uint16_t port)
      : Connection(client, server, type, ip, port, port) {}

  Connection(Netns const& client, Netns const& server, int type, std::string const& ip,
             std::uint16_t port, std::uint16_t real_port) {
    server.run([&] { listen(type, real_port); });
    client.run([&] {
      client_ = FileDescriptor(::socket(AF_INET6, type | SOCK_CLOEXEC, 0));
      sockaddr_in6 const address = socket_address(ip, port);
      EXPECT_EQ(
          ::connect(client_.get(), reinterpret_cast<sockaddr const*>(&address), sizeof address), 0);
    });
    type == SOCK_STREAM ? accept() : greet();
  }

  /// returns  true when what the client says now arrives
  bool carries() { return arrives(passing_ms); }
  bool is_cut() { return !arrives(refusal_ms); }
  void say() const { ::send(client_.get(), "x", 1, MSG_NOSIGNAL); }

 private:
  void listen(int type, std::uint16_t port) {
    server_ = FileDescriptor(::socket(AF_INET6, type | SOCK_CLOEXEC, 0));
    int const on = 1;
    ::setsockopt(server_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in6 const any = socket_address("::", port);
    EXPECT_EQ(::bind(server_.get(), reinterpret_cast<sockaddr const*>(&any), sizeof any), 0);
    EXPECT_TRUE(type == SOCK_DGRAM || ::listen(server_.get(), 1) == 0);
  }

  void accept() {
    ASSERT_TRUE(becomes_readable(server_, passing_ms));
    server_ = FileDescriptor(::accept4(server_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  }

  /// A word and an answer: from then on the flow is established.
  void greet() {
    say();
    ASSERT_TRUE(becomes_readable(server_, passing_ms));
    sockaddr_in6 peer{};
    socklen_t size = sizeof peer;
    char byte = 0;
    ::recvfrom(server_.get(), &byte, 1, 0, reinterpret_cast<sockaddr*>(&peer), &size);
    ::sendto(server_.get(), "x", 1, 0, reinterpret_cast<sockaddr const*>(&peer), size);
    ASSERT_TRUE(becomes_readable(client_, passing_ms));
  }

  bool arrives(int patience_ms) {
    say();
    char byte = 0;
    return becomes_readable(server_, patience_ms) && ::recv(server_.get(), &byte, 1, 0) == 1;
  }

  FileDescriptor client_;
  FileDescriptor server_;
};

/// A client and a server, and between them this host, which tracks what it forwards.
class ConntrackTest : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    shell("echo 1 > /proc/sys/net/ipv4/ip_forward");
    shell("echo 1 > /proc/sys/net/ipv6/conf/all/forwarding");
    shell("cd /proc/sys/net/ipv6/conf; echo 0 | tee all/accept_dad default/accept_dad");
    connect(client_, "10.1.0", "fd01:");
    connect(server_, "10.2.0", "fd02:");
    // Without a link-local address this host finds no neighbour for what it forwards.
    shell(
        "until [ $(ip -6 -o address show scope link -tentative | wc -l) = 2 ]; "
        "do sleep 0.01; done");
    shell(
        "nft 'table inet t { chain f { type filter hook forward priority 0; policy accept; "
        "ct state established accept; }; "
        "chain p { type nat hook prerouting priority dstnat; "
        "ip daddr 10.1.0.1 tcp dport 80 dnat to 10.2.0.2:7001; }; }'");
  }

  static void connect(Netns const& party, char const* ipv4, char const* ipv6) {
    std::string const link = fmt::format("r{}", ipv4);
    shell(fmt::format("ip link add {} up type veth peer name eth0", link));
    shell(fmt::format("ip address add {}.1/24 dev {}", ipv4, link));
    shell(fmt::format("ip address add {}:1/64 dev {} nodad", ipv6, link));
    party.take_link("eth0");
    party.run([&] {
      shell("ip link set eth0 up");
      shell(fmt::format("ip address add {}.2/24 dev eth0", ipv4));
      shell(fmt::format("ip address add {}:2/64 dev eth0 nodad", ipv6));
      shell(fmt::format("ip route add default via {}.1", ipv4));
      shell(fmt::format("ip route add default via {}:1", ipv6));
    });
  }

  Connection open(int type, std::string const& ip, std::uint16_t port) {
    return {client_, server_, type, ip, port};
  }

  static void allow_no_new_flows() { shell("nft 'chain inet t f { policy drop; }'"); }

  Netns client_;
  Netns server_;
};

bool is_to_7001(Flow const& flow) {
  return flow.destination_port == 7001;
}

TEST_F(ConntrackTest, CutsTheFlowsThatItIsToldAndNoOther) {
  for (char const* ip : {"10.2.0.2", "fd02::2"}) {
    Connection tcp = open(SOCK_STREAM, ip, 7001);
    Connection udp = open(SOCK_DGRAM, ip, 7001);
    Connection other_tcp = open(SOCK_STREAM, ip, 7002);
    Connection other_udp = open(SOCK_DGRAM, ip, 7002);
    allow_no_new_flows();
    for (Connection* each : {&tcp, &udp, &other_tcp, &other_udp}) {
      EXPECT_TRUE(each->carries());
    }

    IpAddress const destination = *IpAddress::parse(ip);
    Result<std::size_t> const cut = cut_flows(
        [&](Flow const& flow) { return is_to_7001(flow) && flow.destination == destination; });

    ASSERT_OK(cut);
    EXPECT_EQ(*cut, 2U);
    EXPECT_TRUE(tcp.is_cut());
    EXPECT_TRUE(udp.is_cut());
    EXPECT_TRUE(other_tcp.carries());
    EXPECT_TRUE(other_udp.carries());
    shell("nft 'chain inet t f { policy accept; }'");
    EXPECT_TRUE(udp.carries());
  }
}

TEST_F(ConntrackTest, TellsWhoOpenedAFlowAndWhereItGoes) {
  Connection const published(client_, server_, SOCK_STREAM, "10.1.0.1", 80, 7001);
  Connection const direct = open(SOCK_DGRAM, "fd02::2", 7002);
  client_.run([] { shell("busybox ping -c 1 -W 3 10.2.0.2"); });
  std::vector<Flow> flows;

  ASSERT_OK(cut_flows([&](Flow const& flow) {
    flows.push_back(flow);
    return false;
  }));

  auto const ip = [](char const* text) { return *IpAddress::parse(text); };
  auto const holds = [&](Flow const& flow) {
    return std::find(flows.begin(), flows.end(), flow) != flows.end();
  };
  EXPECT_TRUE(holds({ip("10.1.0.2"), ip("10.1.0.1"), ip("10.2.0.2"), 6, 80, 7001, true}));
  EXPECT_TRUE(holds({ip("fd01::2"), ip("fd02::2"), ip("fd02::2"), 17, 7002, 7002, false}));
  EXPECT_TRUE(holds({ip("10.1.0.2"), ip("10.2.0.2"), ip("10.2.0.2"), 1, 0, 0, false}));
}

TEST_F(ConntrackTest, CutsWhatHasNoPorts) {
  client_.run([] { shell("busybox ping -c 1 -W 3 10.2.0.2 && busybox ping -c 1 -W 3 fd02::2"); });
  auto const is_ping = [](Flow const& flow) {
    return flow.protocol == 1 ||
           (flow.protocol == 58 && flow.destination == *IpAddress::parse("fd02::2"));
  };
  EXPECT_EQ(*cut_flows(is_ping), 2U);
  EXPECT_EQ(*cut_flows(is_ping), 0U);
}

TEST_F(ConntrackTest, CutsMoreFlowsThanFitIntoOneMessage) {
  std::vector<Connection> flows;
  for (std::uint16_t i = 0; i < 150; ++i) {
    flows.push_back(open(SOCK_DGRAM, "10.2.0.2", static_cast<std::uint16_t>(8000 + i)));
  }
  EXPECT_EQ(*cut_flows([](Flow const& flow) { return flow.destination_port >= 8000; }), 150U);
}

TEST_F(ConntrackTest, AFlowThatWentMeanwhileIsNoError) {
  Connection const udp = open(SOCK_DGRAM, "10.2.0.2", 7001);
  auto const end_it = [](Flow const& flow) {
    if (is_to_7001(flow)) {
      shell("conntrack -D -p udp --dport 7001");
    }
    return is_to_7001(flow);
  };
  Result<std::size_t> const cut = cut_flows(end_it);
  ASSERT_OK(cut);
  EXPECT_EQ(*cut, 0U);
}

TEST_F(ConntrackTest, ForgetsThoseOfAPublishedPortAndNoOther) {
  Connection published(client_, server_, SOCK_STREAM, "10.1.0.1", 80, 7001);
  Connection direct = open(SOCK_STREAM, "10.2.0.2", 7002);
  Connection ipv6 = open(SOCK_STREAM, "fd02::2", 80);
  allow_no_new_flows();
  EXPECT_TRUE(published.carries());

  Result<std::size_t> const forgotten =
      forget_flows({{{}, 6, *IpAddress::parse("10.1.0.1"), PortRange{80, 80}}});

  ASSERT_OK(forgotten);
  EXPECT_EQ(*forgotten, 1U);
  EXPECT_TRUE(published.is_cut());
  EXPECT_TRUE(direct.carries());
  EXPECT_TRUE(ipv6.carries());
}

TEST_F(ConntrackTest, TheKernelOffersIt) {
  Result<std::unique_ptr<LinuxKernel>> const kernel = LinuxKernel::open();
  ASSERT_OK(kernel);
  Connection const udp = open(SOCK_DGRAM, "10.2.0.2", 7001);
  EXPECT_EQ(*(*kernel)->cut_flows(is_to_7001), 1U);
}

}  // namespace
}  // namespace drawbridge
