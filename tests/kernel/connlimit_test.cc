// Limits of new connections, shown by connections between namespaces, and by nft(8).
#include "netlink/nft/skeleton.h"
#include "tests/support/expect_ok.h"
#include "tests/support/holds.h"
#include "tests/support/parties.h"
#include "tests/support/sockets.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

#include <poll.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

using Clock = std::chrono::steady_clock;
using Lines = std::vector<std::string>;

constexpr std::uint16_t port = 80;

Element limit_of(char const* bridge, std::uint32_t per_second, std::uint32_t burst) {
  Verdict const verdict{Verdict::Kind::jump, connlimit_chain({per_second, burst})};
  return {nft_set::connlimit, {bridge}, verdict};
}

sockaddr const* generic(sockaddr_in6 const& address) {
  return reinterpret_cast<sockaddr const*>(&address);
}

/// Answers to connections until it goes.
FileDescriptor serve(Party const& party) {
  FileDescriptor server;
  party.run([&] {
    server = FileDescriptor(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in6 const any = socket_address("::", port);
    EXPECT_EQ(::bind(server.get(), generic(any), sizeof any), 0);
    EXPECT_EQ(::listen(server.get(), 1000), 0);
  });
  return server;
}

/// Opens connections at once, and gives them less time than the kernel takes to try again (1 s).
///
/// returns  how many are there
int connections(int count, Party const& from, std::string const& address) {
  std::vector<FileDescriptor> sockets;
  std::vector<pollfd> waiting;
  from.run([&] {
    sockaddr_in6 const target = socket_address(address, port);
    for (int i = 0; i < count; ++i) {
      int const type = SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK;
      sockets.emplace_back(::socket(AF_INET6, type, 0));
      ::connect(sockets.back().get(), generic(target), sizeof target);
      waiting.push_back({sockets.back().get(), POLLOUT, 0});
    }
  });
  auto const end = Clock::now() + std::chrono::milliseconds(400);
  int open = 0;
  while (open < count && Clock::now() < end) {
    ::poll(waiting.data(), waiting.size(), 20);
    for (pollfd& each : waiting) {
      bool const is_open = (each.revents & POLLOUT) != 0;
      open += is_open ? 1 : 0;
      each.fd = is_open ? -1 : each.fd;  // which poll() passes over
    }
  }
  return open;
}

FileDescriptor datagram_socket() {
  return FileDescriptor(::socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

/// Sends datagrams that nobody answers to port 8080 of this host.
///
/// sockets  that take turns in sending
/// returns  how many arrive at `to`
int datagrams(int count, std::size_t sockets, Party const& from, Party const& to) {
  FileDescriptor server;
  to.run([&] {
    server = datagram_socket();
    sockaddr_in6 const any = socket_address("::", port);
    EXPECT_EQ(::bind(server.get(), generic(any), sizeof any), 0);
  });
  from.run([&] {
    std::vector<FileDescriptor> clients(sockets);
    sockaddr_in6 const target = socket_address("192.0.2.1", 8080);
    for (int i = 0; i < count; ++i) {
      FileDescriptor& client = clients[static_cast<std::size_t>(i) % sockets];
      client = client.is_open() ? std::move(client) : datagram_socket();
      EXPECT_EQ(::sendto(client.get(), "?", 1, 0, generic(target), sizeof target), 1);
    }
  });
  int arrived = 0;
  char byte = 0;
  while (arrived < count && becomes_readable(server, arrived == 0 ? passing_ms : refusal_ms)) {
    arrived += ::recv(server.get(), &byte, 1, 0) == 1 ? 1 : 0;
  }
  return arrived;
}

class ConnlimitTest : public PartiesTest {
 protected:
  void SetUp() override {
    PartiesTest::SetUp();
    other_ = member("br0", "192.0.2.3", "2001:db8::3");
    ASSERT_OK(write_tables(open_networks()));
  }

  /// What lets connections in from outside, so that the limits alone decide.
  static std::set<Element> open_networks() {
    return {{"open4", {"db-a"}}, {"open4", {"db-b"}}, {"open6", {"db-a"}}, {"open6", {"db-b"}}};
  }

  void limit(std::set<Element> const& add, std::set<Element> const& remove = {}) {
    ASSERT_OK(nft_.change(remove, add));
  }

  /// Sends new connections by the map, as chain `published` does. Nobody but this test: it counts
  /// as somebody else's change.
  static void lead_to_the_limits() {
    shell("nft insert rule inet drawbridge forward ct state new oifname vmap @connlimit");
  }

  Lines mend() {
    Result<Lines> repairs = nft_.mend();
    EXPECT_OK(repairs);
    return repairs.value_or(Lines{});
  }

  Party other_;
};

TEST_F(ConnlimitTest, OfManyConnectionsAtOnceTheBurstGetsThroughAndMoreALittleLater) {
  FileDescriptor const server = serve(a1_);
  limit({limit_of("db-a", 10, 5)});
  EXPECT_EQ(connections(30, outside_, a1_.address), 30);
  lead_to_the_limits();
  int const first = connections(30, outside_, a1_.address);
  EXPECT_GE(first, 5);
  EXPECT_LE(first, 9);
  EXPECT_EQ(connections(5, other_, a1_.address), 5);
  // What was refused has waited for 400 ms meanwhile, four connections' worth.
  int const later = connections(30, outside_, a1_.address);
  EXPECT_GE(later, 4);
  EXPECT_LE(later, 9);
}

TEST_F(ConnlimitTest, NetworksHaveLimitsOfTheirOwn) {
  FileDescriptor const server_a = serve(a1_);
  FileDescriptor const server_b = serve(b1_);
  limit({limit_of("db-a", 1, 3), limit_of("db-b", 1, 20)});
  lead_to_the_limits();
  int const into_a = connections(30, outside_, a1_.address);
  int const into_b = connections(30, outside_, b1_.address);
  EXPECT_GE(into_a, 3);
  EXPECT_LE(into_a, 5);
  EXPECT_GE(into_b, 20);
  EXPECT_LE(into_b, 22);
}

TEST_F(ConnlimitTest, AddressesOfIPv6AreCountedToo) {
  FileDescriptor const server = serve(a1_);
  limit({limit_of("db-a", 1, 3)});
  lead_to_the_limits();
  int const first = connections(30, outside_, a1_.address6);
  EXPECT_GE(first, 3);
  EXPECT_LE(first, 5);
  EXPECT_EQ(connections(3, other_, a1_.address6), 3);
}

TEST_F(ConnlimitTest, DatagramsThatNobodyAnswersAreOneConnection) {
  ProtocolRange const udp{17, 17};
  Target const target{IpAddress::parse(a1_.address).value(), port};
  limit({limit_of("db-a", 1, 3), {"ports_any4", {udp, PortRange{8080, 8080}}, target}});
  EXPECT_EQ(datagrams(30, 1, outside_, a1_), 30);
  int const of_many = datagrams(30, 30, outside_, a1_);
  EXPECT_GE(of_many, 1);
  EXPECT_LE(of_many, 4);
}

TEST_F(ConnlimitTest, AnotherLimitHoldsForThoseThatWereCountedToo) {
  FileDescriptor const server = serve(a1_);
  limit({limit_of("db-a", 1, 3)});
  lead_to_the_limits();
  EXPECT_LE(connections(30, outside_, a1_.address), 5);
  limit({limit_of("db-a", 1, 20)}, {limit_of("db-a", 1, 3)});
  lead_to_the_limits();
  EXPECT_GE(connections(30, outside_, a1_.address), 20);
  limit({}, {limit_of("db-a", 1, 20)});
  lead_to_the_limits();
  EXPECT_EQ(connections(30, outside_, a1_.address), 30);
}

TEST_F(ConnlimitTest, AChainIsMadeOnceForEachLimitAndIsNobodyElsesChange) {
  limit({limit_of("db-a", 10, 7)});
  std::string const chain = shell("nft list chain inet drawbridge connlimit_10_7");
  EXPECT_TRUE(holds(chain,
                    "update @openers4 { oifname . ip saddr limit rate over 10/second burst 7 "
                    "packets } counter packets 0 bytes 0 drop"));
  EXPECT_TRUE(holds(chain,
                    "update @openers6 { oifname . ip6 saddr limit rate over 10/second burst 7 "
                    "packets } counter packets 0 bytes 0 drop"));
  EXPECT_EQ(mend(), Lines{});
  std::string const as_made = shell("nft -s -a list chain inet drawbridge connlimit_10_7");
  limit({limit_of("db-b", 10, 7)});
  EXPECT_EQ(shell("nft -s -a list chain inet drawbridge connlimit_10_7"), as_made);
  shell("nft add table inet somebody");  // so that mend() looks
  EXPECT_EQ(mend(), Lines{});
}

TEST_F(ConnlimitTest, AChangeOfTheChainIsNoticedAndPutRight) {
  limit({limit_of("db-a", 10, 5)});
  shell("nft flush chain inet drawbridge connlimit_10_5");
  EXPECT_EQ(mend(), Lines{"rules of table inet drawbridge were changed"});
  EXPECT_TRUE(holds(shell("nft list chain inet drawbridge connlimit_10_5"), "@openers6"));
  EXPECT_TRUE(
      holds(shell("nft list map inet drawbridge connlimit"), "\"db-a\" : jump connlimit_10_5"));
}

TEST_F(ConnlimitTest, WhatOthersChangedBeforeIsNotTakenForOurs) {
  shell("nft flush chain inet drawbridge input");
  limit({limit_of("db-a", 10, 5)});
  EXPECT_TRUE(holds(shell("nft list chain inet drawbridge input"), "@to_host"));
  EXPECT_EQ(mend(), Lines{});
}

TEST_F(ConnlimitTest, ANewDaemonKeepsTheChainsAndMakesThoseThatAreMissing) {
  limit({limit_of("db-a", 10, 5)});
  std::string const as_made = shell("nft -s -a list chain inet drawbridge connlimit_10_5");
  std::string const rules = shell("nft -s -a list chain inet drawbridge forward");
  nft_ = NftTable::open().value();
  std::set<Element> elements = open_networks();
  elements.insert({limit_of("db-a", 10, 5), limit_of("db-b", 7, 8)});

  ASSERT_OK(write_tables(elements));

  EXPECT_EQ(shell("nft -s -a list chain inet drawbridge connlimit_10_5"), as_made);
  EXPECT_EQ(shell("nft -s -a list chain inet drawbridge forward"), rules);
  EXPECT_TRUE(holds(shell("nft list chain inet drawbridge connlimit_7_8"), "rate over 7/second"));
  EXPECT_EQ(mend(), Lines{});
  nft_ = NftTable::open().value();
  ASSERT_OK(write_tables(elements));
  EXPECT_EQ(shell("nft -s -a list chain inet drawbridge forward"), rules);
}

TEST_F(ConnlimitTest, AnAddressThatNobodyExpectedIsNoReasonToWriteTheTablesAnew) {
  FileDescriptor const server = serve(a1_);
  std::set<Element> elements = open_networks();
  elements.insert(limit_of("db-a", 10, 5));
  limit({limit_of("db-a", 10, 5)});
  std::string const rules = shell("nft -s -a list chain inet drawbridge input");
  shell("nft add element inet drawbridge openers4 { \"db-a\" . 192.0.2.2 }");
  ASSERT_TRUE(holds(shell("nft list set inet drawbridge openers4"), "192.0.2.2"));
  nft_ = NftTable::open().value();
  ASSERT_OK(write_tables(elements));
  EXPECT_EQ(shell("nft -s -a list chain inet drawbridge input"), rules);
  EXPECT_FALSE(holds(shell("nft list set inet drawbridge openers4"), "192.0.2.2"));
}

}  // namespace
}  // namespace drawbridge
