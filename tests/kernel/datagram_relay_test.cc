// Datagrams that are relayed, and where their answers come from.
#include "ports/socket_ports.h"
#include "tests/support/dial.h"
#include "tests/support/expect_ok.h"
#include "tests/support/netns.h"
#include "tests/support/sockets.h"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include <netinet/in.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

using namespace std::chrono_literals;

constexpr std::uint16_t port = 8053;

/// A client's socket only hears answers that come from the address and port that it asked.
class DatagramRelayTest : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    for (char const* address : {"10.1.0.2", "10.1.0.3", "192.0.2.1", "2001:db8::1"}) {
      add_loopback_address(address);
    }
    open({});
  }

  void open(RelayLimits limits) { ports_ = SocketPorts::open(limits).value(); }

  static PortHold to(char const* container, std::vector<char const*> const& relayed) {
    PortHold hold{{IPPROTO_UDP, {}, {port, port}, 53}, IpAddress::parse(container).value(), {}, {}};
    for (char const* each : relayed) {
      hold.relayed.push_back(IpPrefix::parse(each).value());
    }
    return hold;
  }

  /// Sends back one datagram. returns  what it was
  static std::string echo(FileDescriptor const& server) {
    sockaddr_storage client{};
    socklen_t size = sizeof client;
    auto* const address = reinterpret_cast<sockaddr*>(&client);
    std::string words(65536, '\0');
    if (!becomes_readable(server, 5000)) {
      return "nothing";
    }
    ssize_t const count = ::recvfrom(server.get(), words.data(), words.size(), 0, address, &size);
    words.resize(count < 0 ? 0 : static_cast<std::size_t>(count));
    ::sendto(server.get(), words.data(), words.size(), 0, address, size);
    return words;
  }

  static bool is_echoed(FileDescriptor const& client, FileDescriptor const& server,
                        std::string const& words) {
    ::send(client.get(), words.data(), words.size(), 0);
    return echo(server) == words && hear(client, words.size()) == words;
  }

  std::unique_ptr<SocketPorts> ports_;
};

TEST_F(DatagramRelayTest, AnswersComeFromTheAddressThatWasAsked) {
  FileDescriptor const server = serve(SOCK_DGRAM, "10.1.0.2", 53);
  ASSERT_OK(ports_->hold(to("10.1.0.2", {"::/0", "0.0.0.0/0"})));
  for (char const* address : {"::1", "2001:db8::1", "127.0.0.1", "127.0.0.7", "192.0.2.1"}) {
    FileDescriptor const client = dial(SOCK_DGRAM, address, port);
    EXPECT_TRUE(is_echoed(client, server, "ping")) << address;
    EXPECT_TRUE(is_echoed(client, server, "pong")) << address;
  }
}

TEST_F(DatagramRelayTest, AnswersOfAnIpv4PortAlike) {
  FileDescriptor const server = serve(SOCK_DGRAM, "10.1.0.2", 53);
  PortHold hold = to("10.1.0.2", {"127.0.0.0/8"});
  hold.port.host = IpAddress{};
  ASSERT_OK(ports_->hold(hold));
  EXPECT_TRUE(is_echoed(dial(SOCK_DGRAM, "127.0.0.7", port), server, "ping"));
}

TEST_F(DatagramRelayTest, OfASourceComeNoMoreClientsThanTheNetworkTakes) {
  FileDescriptor const server = serve(SOCK_DGRAM, "10.1.0.2", 53);
  PortHold hold = to("10.1.0.2", {"127.0.0.0/8"});
  hold.limit = RelayLimit{"db-a", {1, 1}, {}};
  ASSERT_OK(ports_->hold(hold));
  FileDescriptor const first = dial(SOCK_DGRAM, "127.0.0.7", port);
  EXPECT_TRUE(is_echoed(first, server, "ping"));
  std::vector<FileDescriptor> others;
  for (int count = 0; count < 10; ++count) {
    others.push_back(dial(SOCK_DGRAM, "127.0.0.7", port));
    say(others.back(), "ping");
  }
  int arrived = 0;
  while (arrived < 10 && becomes_readable(server, 200)) {
    arrived += hear(server, 4) == "ping" ? 1 : 0;
  }
  EXPECT_LE(arrived, 3);
  EXPECT_TRUE(is_echoed(first, server, "pong")) << "it is no new one";
}

TEST_F(DatagramRelayTest, CarriesTheLargestAndTheEmptyOne) {
  FileDescriptor const server = serve(SOCK_DGRAM, "10.1.0.2", 53);
  ASSERT_OK(ports_->hold(to("10.1.0.2", {"::1/128"})));
  FileDescriptor const client = dial(SOCK_DGRAM, "::1", port);
  EXPECT_TRUE(is_echoed(client, server, std::string(65507, 'x')));
  EXPECT_TRUE(is_echoed(client, server, ""));
  EXPECT_TRUE(becomes_readable(client, 5000));
  EXPECT_EQ(::recv(client.get(), nullptr, 0, MSG_DONTWAIT), 0);
  EXPECT_TRUE(is_echoed(client, server, "x"));
}

TEST_F(DatagramRelayTest, WhoIsNotNamedIsNotHeard) {
  FileDescriptor const server = serve(SOCK_DGRAM, "10.1.0.2", 53);
  ASSERT_OK(ports_->hold(to("10.1.0.2", {"::1/128"})));
  say(dial(SOCK_DGRAM, "127.0.0.1", port), "ping");
  EXPECT_FALSE(becomes_readable(server, 200));
  EXPECT_TRUE(is_echoed(dial(SOCK_DGRAM, "::1", port), server, "ping"));
}

TEST_F(DatagramRelayTest, ManyClientsGetTheirOwnAnswers) {
  FileDescriptor const server = serve(SOCK_DGRAM, "10.1.0.2", 53);
  ASSERT_OK(ports_->hold(to("10.1.0.2", {"::1/128"})));
  std::vector<FileDescriptor> clients;
  for (int count = 0; count < 200; ++count) {
    clients.push_back(dial(SOCK_DGRAM, "::1", port));
    say(clients.back(), std::to_string(1000 + count));
    echo(server);
  }
  for (int count = 0; count < 200; ++count) {
    EXPECT_EQ(hear(clients[static_cast<std::size_t>(count)], 4), std::to_string(1000 + count));
  }
}

TEST_F(DatagramRelayTest, AContainerThatRefusesMayAnswerLater) {
  ASSERT_OK(ports_->hold(to("10.1.0.2", {"::1/128"})));
  FileDescriptor const client = dial(SOCK_DGRAM, "::1", port);
  for (int count = 0; count < 10; ++count) {
    say(client, "ping");
  }
  EXPECT_FALSE(becomes_readable(client, 100));
  FileDescriptor const server = serve(SOCK_DGRAM, "10.1.0.2", 53);
  EXPECT_TRUE(is_echoed(client, server, "pong"));
}

TEST_F(DatagramRelayTest, HeldAgainItLeadsElsewhere) {
  FileDescriptor const server = serve(SOCK_DGRAM, "10.1.0.2", 53);
  FileDescriptor const next = serve(SOCK_DGRAM, "10.1.0.3", 53);
  ASSERT_OK(ports_->hold(to("10.1.0.2", {"::1/128"})));
  FileDescriptor const client = dial(SOCK_DGRAM, "::1", port);
  EXPECT_TRUE(is_echoed(client, server, "ping"));
  ASSERT_OK(ports_->hold(to("10.1.0.3", {"::1/128"})));
  EXPECT_TRUE(is_echoed(client, next, "pong"));
}

TEST_F(DatagramRelayTest, ForgetsClientsThatAreSilent) {
  open({.unanswered = 100ms, .idle = 200ms});
  FileDescriptor const server = serve(SOCK_DGRAM, "10.1.0.2", 53);
  ASSERT_OK(ports_->hold(to("10.1.0.2", {"::1/128"})));
  std::size_t const before = open_descriptors();
  {
    FileDescriptor const client = dial(SOCK_DGRAM, "::1", port);
    EXPECT_TRUE(is_echoed(client, server, "ping"));
    say(dial(SOCK_DGRAM, "::1", port), "ping");
    EXPECT_GT(open_descriptors(), before + 1);
  }
  auto const deadline = std::chrono::steady_clock::now() + 5s;
  while (open_descriptors() > before && std::chrono::steady_clock::now() < deadline) {
    becomes_readable(server, 10);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(DatagramRelayTest, WhoIsOneTooManyIsNotHeard) {
  open({.clients = 1});
  FileDescriptor const server = serve(SOCK_DGRAM, "10.1.0.2", 53);
  ASSERT_OK(ports_->hold(to("10.1.0.2", {"::1/128"})));
  FileDescriptor const first = dial(SOCK_DGRAM, "::1", port);
  EXPECT_TRUE(is_echoed(first, server, "ping"));
  say(dial(SOCK_DGRAM, "::1", port), "pong");
  EXPECT_FALSE(becomes_readable(server, 200));
  EXPECT_TRUE(is_echoed(first, server, "ping"));
}

}  // namespace
}  // namespace drawbridge
