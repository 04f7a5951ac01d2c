// What is relayed, shown by clients and a container that are addresses of one namespace.
#include "ports/socket_ports.h"
#include "tests/support/dial.h"
#include "tests/support/expect_ok.h"
#include "tests/support/netns.h"
#include "tests/support/sockets.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t port = 8080;
constexpr char const* container4 = "10.1.0.2";
constexpr char const* container6 = "fd01::2";

std::string pattern(std::size_t size, unsigned seed) {
  std::string text(size, '\0');
  for (char& each : text) {
    seed = seed * 1664525 + 1013904223;
    each = static_cast<char>(seed >> 24);
  }
  return text;
}

class PortRelayTest : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    for (char const* address :
         {"10.1.0.2", "10.1.0.3", "192.0.2.1", "fd01::2", "2001:db8::1", "2001:db8::2"}) {
      add_loopback_address(address);
    }
    open({});
  }

  void open(RelayLimits limits) { ports_ = SocketPorts::open(limits).value(); }

  static PortHold hold_of(std::uint8_t protocol, std::vector<char const*> const& relayed) {
    PortHold hold{{protocol, {}, {port, port}, 80},
                  IpAddress::parse(container4).value(),
                  IpAddress::parse(container6).value(),
                  {}};
    for (char const* each : relayed) {
      hold.relayed.push_back(IpPrefix::parse(each).value());
    }
    return hold;
  }

  /// returns  true when one word gets to the server and another one back
  static bool carries(FileDescriptor const& client, FileDescriptor const& served) {
    say(client, "ping");
    say(served, "pong");
    return hear(served, 4) == "ping" && hear(client, 4) == "pong";
  }

  /// Opens connections from one address, all at once, to the port at 2001:db8::1.
  ///
  /// returns  how many get to the server
  static int carried(int count, FileDescriptor const& server, char const* from) {
    std::vector<FileDescriptor> clients;
    sockaddr_in6 const source = socket_address(from, 0);
    sockaddr_in6 const target = socket_address("2001:db8::1", port);
    for (int i = 0; i < count; ++i) {
      clients.emplace_back(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
      int const client = clients.back().get();
      EXPECT_EQ(::bind(client, reinterpret_cast<sockaddr const*>(&source), sizeof source), 0);
      // Fails where the refusal is faster than it returns.
      ::connect(client, reinterpret_cast<sockaddr const*>(&target), sizeof target);
    }
    int carried = 0;
    while (carried < count && becomes_readable(server, carried == 0 ? 5000 : 200)) {
      carried += accept_from(server).is_open() ? 1 : 0;
    }
    return carried;
  }

  std::unique_ptr<SocketPorts> ports_;
};

TEST_F(PortRelayTest, CarriesAConnectionThatTheKernelCannotTranslate) {
  FileDescriptor const server = serve(SOCK_STREAM, container6, 80);
  ASSERT_OK(ports_->hold(hold_of(IPPROTO_TCP, {"::1/128"})));
  FileDescriptor const client = dial(SOCK_STREAM, "::1", port);
  ASSERT_TRUE(client.is_open());
  EXPECT_TRUE(carries(client, accept_from(server)));
}

TEST_F(PortRelayTest, TakesTheOtherFamilyWhereTheContainerHasNoSuchAddress) {
  FileDescriptor const server = serve(SOCK_STREAM, container4, 80);
  PortHold hold = hold_of(IPPROTO_TCP, {"::1/128", "127.0.0.0/8"});
  hold.ipv6.reset();
  ASSERT_OK(ports_->hold(hold));
  for (char const* address : {"::1", "127.0.0.1"}) {
    FileDescriptor const client = dial(SOCK_STREAM, address, port);
    ASSERT_TRUE(client.is_open());
    EXPECT_TRUE(carries(client, accept_from(server)));
  }
}

TEST_F(PortRelayTest, APortOfARangeLeadsToItsOwn) {
  FileDescriptor const server = serve(SOCK_STREAM, container6, 82);
  PortHold hold = hold_of(IPPROTO_TCP, {"::1/128"});
  hold.port.host_ports = {port, port + 2};
  ASSERT_OK(ports_->hold(hold));
  FileDescriptor const client = dial(SOCK_STREAM, "::1", port + 2);
  EXPECT_TRUE(carries(client, accept_from(server)));
}

TEST_F(PortRelayTest, WhoIsNotNamedGetsNoAnswer) {
  FileDescriptor const server = serve(SOCK_STREAM, container6, 80);
  ASSERT_OK(ports_->hold(hold_of(IPPROTO_TCP, {"::1/128"})));
  EXPECT_TRUE(is_unanswered("127.0.0.1", port));
  EXPECT_TRUE(is_unanswered("2001:db8::1", port));
  EXPECT_FALSE(is_unanswered("::1", port));
}

TEST_F(PortRelayTest, WhoIsNotNamedIsRefusedWhereTheFilterCannotTell) {
  FileDescriptor const server = serve(SOCK_STREAM, container6, 80);
  PortHold hold = hold_of(IPPROTO_TCP, {});
  for (int count = 0; count < 200; ++count) {
    hold.relayed.push_back(IpPrefix::parse("fd02::" + std::to_string(count) + "/128").value());
  }
  hold.relayed.push_back(IpPrefix::parse("::1/128").value());
  ASSERT_OK(ports_->hold(hold));
  FileDescriptor const client = dial(SOCK_STREAM, "::1", port);
  EXPECT_TRUE(carries(client, accept_from(server)));
  FileDescriptor const stranger = dial(SOCK_STREAM, "2001:db8::1", port);
  EXPECT_TRUE(!stranger.is_open() || ends(stranger, ECONNRESET));
  EXPECT_FALSE(becomes_readable(server, 100));
}

TEST_F(PortRelayTest, OfASourceComeNoMoreConnectionsThanTheNetworkTakes) {
  FileDescriptor const server = serve(SOCK_STREAM, container4, 80);
  PortHold hold = hold_of(IPPROTO_TCP, {"::/0"});
  hold.ipv6.reset();
  hold.limit = RelayLimit{"db-a", {1, 3}, {}};
  ASSERT_OK(ports_->hold(hold));
  int const first = carried(20, server, "2001:db8::2");
  EXPECT_GE(first, 3);
  EXPECT_LE(first, 6);
  EXPECT_EQ(carried(5, server, "2001:db8::1"), 5) << "the address that it asks is this host's";
  hold.limit->uncounted = {IpPrefix::parse("2001:db8::2/128").value()};
  ASSERT_OK(ports_->hold(hold));
  EXPECT_EQ(carried(5, server, "2001:db8::2"), 5);
}

TEST_F(PortRelayTest, FiftyMegabytesArriveWholeBothWaysAtOnce) {
  constexpr std::size_t size = 50'000'000;
  FileDescriptor const server = serve(SOCK_STREAM, container6, 80);
  ASSERT_OK(ports_->hold(hold_of(IPPROTO_TCP, {"::1/128"})));
  FileDescriptor const client = dial(SOCK_STREAM, "::1", port);
  FileDescriptor const served = accept_from(server);
  ASSERT_TRUE(client.is_open() && served.is_open());
  std::string const there = pattern(size, 1);
  std::string const back = pattern(size, 2);

  auto const send_there = std::async(std::launch::async, [&] { say(client, there); });
  auto const send_back = std::async(std::launch::async, [&] { say(served, back); });
  auto heard = std::async(std::launch::async, [&] { return hear(served, size); });

  EXPECT_TRUE(hear(client, size) == back);
  EXPECT_TRUE(heard.get() == there);
}

TEST_F(PortRelayTest, WhoReadsNothingHoldsTheSenderUp) {
  FileDescriptor const server = serve(SOCK_STREAM, container6, 80);
  ASSERT_OK(ports_->hold(hold_of(IPPROTO_TCP, {"::1/128"})));
  FileDescriptor const client = dial(SOCK_STREAM, "::1", port);
  FileDescriptor const served = accept_from(server);
  constexpr std::size_t size = 60'000'000;  // more than all buffers on the way
  std::string const words = pattern(size, 3);
  auto sent = std::async(std::launch::async, [&] { say(client, words); });
  EXPECT_EQ(sent.wait_for(500ms), std::future_status::timeout);
  EXPECT_TRUE(hear(served, size) == words);
}

TEST_F(PortRelayTest, AnEndOfOneWayLeavesTheOther) {
  FileDescriptor const server = serve(SOCK_STREAM, container6, 80);
  ASSERT_OK(ports_->hold(hold_of(IPPROTO_TCP, {"::1/128"})));
  FileDescriptor const client = dial(SOCK_STREAM, "::1", port);
  FileDescriptor served = accept_from(server);
  say(client, "question");
  ::shutdown(client.get(), SHUT_WR);
  EXPECT_EQ(hear(served, 100), "question");
  say(served, "answer");
  EXPECT_EQ(hear(client, 6), "answer");
  served = FileDescriptor();
  EXPECT_TRUE(ends(client));
}

TEST_F(PortRelayTest, AContainerThatDoesNotListenRefuses) {
  ASSERT_OK(ports_->hold(hold_of(IPPROTO_TCP, {"::1/128"})));
  FileDescriptor const client = dial(SOCK_STREAM, "::1", port);
  EXPECT_TRUE(!client.is_open() || ends(client, ECONNRESET));
}

TEST_F(PortRelayTest, AContainerThatDoesNotAnswerIsGivenUp) {
  shell(
      "ip link add gone type bridge && ip link set gone up && ip address add 10.9.0.1/24 dev gone");
  shell("ip neigh add 10.9.0.9 lladdr 02:00:00:00:00:09 dev gone");
  open({.connect = 200ms});
  PortHold hold = hold_of(IPPROTO_TCP, {"::1/128"});
  hold.ipv6.reset();
  hold.ipv4 = IpAddress::parse("10.9.0.9").value();
  ASSERT_OK(ports_->hold(hold));
  FileDescriptor const client = dial(SOCK_STREAM, "::1", port);
  EXPECT_TRUE(ends(client, ECONNRESET));
}

TEST_F(PortRelayTest, AReleasedPortEndsItsConnectionsAndNoOthers) {
  FileDescriptor const server = serve(SOCK_STREAM, container6, 80);
  PortHold other = hold_of(IPPROTO_TCP, {"::1/128"});
  other.port.host_ports = {port + 1, port + 1};
  ASSERT_OK(ports_->hold(hold_of(IPPROTO_TCP, {"::1/128"})));
  ASSERT_OK(ports_->hold(other));
  std::size_t const before = open_descriptors();
  {
    FileDescriptor const client = dial(SOCK_STREAM, "::1", port);
    FileDescriptor const served = accept_from(server);
    FileDescriptor const stays = dial(SOCK_STREAM, "::1", port + 1);
    FileDescriptor const stays_served = accept_from(server);
    EXPECT_TRUE(carries(client, served));
    ports_->release(hold_of(IPPROTO_TCP, {}).port);
    EXPECT_TRUE(ends(client, ECONNRESET));
    EXPECT_TRUE(ends(served, ECONNRESET));
    EXPECT_TRUE(carries(stays, stays_served));
    EXPECT_TRUE(serve(SOCK_STREAM, "::", port).is_open());
  }
  ports_->release(other.port);
  EXPECT_EQ(open_descriptors(), before - 2);
}

TEST_F(PortRelayTest, HeldAgainItLeadsElsewhere) {
  FileDescriptor const server = serve(SOCK_STREAM, container6, 80);
  FileDescriptor const next = serve(SOCK_STREAM, "10.1.0.3", 80);
  PortHold hold = hold_of(IPPROTO_TCP, {"::1/128"});
  ASSERT_OK(ports_->hold(hold));
  FileDescriptor const before = dial(SOCK_STREAM, "::1", port);
  FileDescriptor const before_served = accept_from(server);
  EXPECT_TRUE(carries(before, before_served));

  hold.ipv6.reset();
  hold.ipv4 = IpAddress::parse("10.1.0.3").value();
  hold.relayed.push_back(IpPrefix::parse("127.0.0.0/8").value());
  ASSERT_OK(ports_->hold(hold));

  EXPECT_TRUE(ends(before, ECONNRESET));
  EXPECT_TRUE(ends(before_served, ECONNRESET));
  for (char const* address : {"::1", "127.0.0.1"}) {
    FileDescriptor const client = dial(SOCK_STREAM, address, port);
    EXPECT_TRUE(carries(client, accept_from(next)));
  }
  hold.relayed.clear();
  ASSERT_OK(ports_->hold(hold));
  EXPECT_TRUE(is_unanswered("::1", port));
}

TEST_F(PortRelayTest, TwoHundredClientsAtOnce) {
  std::size_t const before = open_descriptors();
  {
    FileDescriptor const server = serve(SOCK_STREAM, container6, 80);
    ASSERT_OK(ports_->hold(hold_of(IPPROTO_TCP, {"::1/128"})));
    std::vector<FileDescriptor> clients;
    std::vector<FileDescriptor> served;
    for (int count = 0; count < 200; ++count) {
      clients.push_back(dial(SOCK_STREAM, "::1", port));
      say(clients.back(), std::to_string(1000 + count));
    }
    for (int count = 0; count < 200; ++count) {
      served.push_back(accept_from(server));
      say(served.back(), hear(served.back(), 4));
    }
    for (int count = 0; count < 200; ++count) {
      EXPECT_EQ(hear(clients[static_cast<std::size_t>(count)], 4), std::to_string(1000 + count));
    }
  }
  ports_->release(hold_of(IPPROTO_TCP, {}).port);
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(PortRelayTest, WhoIsOneTooManyWaits) {
  open({.connections = 2});
  FileDescriptor const server = serve(SOCK_STREAM, container6, 80);
  ASSERT_OK(ports_->hold(hold_of(IPPROTO_TCP, {"::1/128"})));
  FileDescriptor first = dial(SOCK_STREAM, "::1", port);
  FileDescriptor served = accept_from(server);
  FileDescriptor const second = dial(SOCK_STREAM, "::1", port);
  FileDescriptor const second_served = accept_from(server);
  FileDescriptor const third = dial(SOCK_STREAM, "::1", port);
  EXPECT_FALSE(becomes_readable(server, 200));
  EXPECT_TRUE(carries(second, second_served));
  first = FileDescriptor();
  served = FileDescriptor();
  EXPECT_TRUE(carries(third, accept_from(server)));
}

}  // namespace
}  // namespace drawbridge
