#include "ports/port_lists.h"

#include "ports/port_socket.h"
#include "ports/relayed_port.h"

#include <gtest/gtest.h>

#include <string>

namespace drawbridge {
namespace {

using Ranges = std::vector<PortRange>;

IpAddress ip(char const* text) {
  return IpAddress::parse(text).value();
}

TEST(PortLists, ReadsWhatAnAdministratorReserved) {
  EXPECT_EQ(parse_reserved_ports("1,5-9,30000-39999\n"), (Ranges{{1, 1}, {5, 9}, {30000, 39999}}));
  EXPECT_EQ(parse_reserved_ports("65535"), (Ranges{{65535, 65535}}));
  EXPECT_EQ(parse_reserved_ports("\n"), Ranges{});
  EXPECT_EQ(parse_reserved_ports(""), Ranges{});
}

TEST(PortLists, SkipsWhatIsNoRange) {
  EXPECT_EQ(parse_reserved_ports("x,9-5,70000,-,7-,1-2"), (Ranges{{7, 7}, {1, 2}}));
}

TEST(PortLists, ReadsTheEphemeralRange) {
  EXPECT_EQ(parse_ephemeral_ports("32768\t60999\n"), (PortRange{32768, 60999}));
  for (char const* text : {"", "32768", "60999 32768", "a b", "1 70000"}) {
    EXPECT_EQ(parse_ephemeral_ports(text), std::nullopt) << text;
  }
}

constexpr char const* ipv4_list =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "4711 1 0000000000000000 100 0 0 10 0\n"
    "   1: 0200000A:1F90 0300000A:D431 01 00000000:00000000 00:00000000 00000000  1000        0 "
    "4712 1 0000000000000000 20 4 30 10 -1\n"
    "   2: 00000000:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 "
    "815 1 0000000000000000 100 0 0 10 0\n";

TEST(PortLists, FindsTheSocketsOfOnePort) {
  std::vector<ListedSocket> const expected{{ip("127.0.0.1"), 8080, true, 4711},
                                           {ip("10.0.0.2"), 8080, false, 4712}};
  EXPECT_EQ(parse_sockets(ipv4_list, 8080), expected);
  EXPECT_EQ(parse_sockets(ipv4_list, 80), std::vector<ListedSocket>{});
}

TEST(PortLists, ReadsIpv6AndIpv4WithinIt) {
  std::string const head = "   0: ";
  std::string const tail =
      ":0035 00000000000000000000000000000000:0000 07 00000000:00000000 00:00000000 00000000     0"
      "        0 99 2 0000000000000000 0\n";
  std::string const list = head + "B80D0120000000000000000001000000" + tail + head +
                           "0000000000000000FFFF0000010200C0" + tail;
  std::vector<ListedSocket> const expected{{ip("2001:db8::1"), 53, false, 99},
                                           {ip("192.0.2.1"), 53, false, 99}};
  EXPECT_EQ(parse_sockets(list, 53), expected);
}

TEST(PortLists, SkipsLinesThatAreCutShort) {
  std::string const whole(ipv4_list);
  std::size_t const inode = whole.find("4711");
  EXPECT_TRUE(parse_sockets(whole.substr(0, inode), 8080).empty());
  for (char const* text : {"", "\n", ":", "0: :1F90", "0: XX00007F:1F90 0:0 0A 0:0 0:0 0 0 0 1"}) {
    EXPECT_TRUE(parse_sockets(text, 8080).empty()) << text;
  }
}

TEST(HostPort, IsWrittenWithItsAddress) {
  EXPECT_EQ((HostPort{6, std::nullopt, 8080}).to_string(), "tcp port 0.0.0.0:8080");
  EXPECT_EQ((HostPort{17, ip("192.0.2.9"), 53}).to_string(), "udp port 192.0.2.9:53");
  EXPECT_EQ((HostPort{132, ip("::1"), 5060}).to_string(), "sctp port [::1]:5060");
}

PortHold both_families() {
  PublishedPort const port{6, std::nullopt, {8080, 8089}, 80};
  return {port,
          ip("10.1.0.2"),
          ip("fd01::2"),
          {IpPrefix::parse("::1/128").value(), IpPrefix::parse("10.1.0.0/16").value()}};
}

TEST(RelayTarget, IsOfTheClientsFamilyAndOfTheSamePlaceInTheRange) {
  EXPECT_EQ(target_of(both_families(), ip("::1"), 0), (RelayTarget{ip("fd01::2"), 80}));
  EXPECT_EQ(target_of(both_families(), ip("10.1.0.3"), 9), (RelayTarget{ip("10.1.0.2"), 89}));
}

TEST(RelayTarget, IsOfTheOtherFamilyWhereTheContainerHasNoSuchAddress) {
  PortHold hold = both_families();
  hold.ipv6.reset();
  EXPECT_EQ(target_of(hold, ip("::1"), 0), (RelayTarget{ip("10.1.0.2"), 80}));
  hold = both_families();
  hold.ipv4.reset();
  EXPECT_EQ(target_of(hold, ip("10.1.0.3"), 0), (RelayTarget{ip("fd01::2"), 80}));
}

TEST(RelayTarget, IsNoneForSourcesThatAreNotNamed) {
  EXPECT_EQ(target_of(both_families(), ip("::2"), 0), std::nullopt);
  EXPECT_EQ(target_of(both_families(), ip("10.2.0.1"), 0), std::nullopt);
}

}  // namespace
}  // namespace drawbridge
