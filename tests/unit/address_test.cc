#include "model/address.h"

#include "tests/support/expect_ok.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

IpPrefix prefix(std::string_view text) {
  return IpPrefix::parse(text).value();
}
IpAddress address(std::string_view text) {
  return IpAddress::parse(text).value();
}

TEST(IpAddress, PrintsWhatItParsed) {
  for (char const* const text :
       {"0.0.0.0", "10.249.1.2", "255.255.255.255", "::", "::1", "fd00:1::a", "2001:db8::1:0:0:1",
        "fe80::1ff:fe23:4567:890a", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}) {
    Result<IpAddress> const parsed = IpAddress::parse(text);
    ASSERT_OK(parsed);
    EXPECT_EQ(parsed->to_string(), text);
  }
}

TEST(IpAddress, PrintsIpv6InTheShortestForm) {
  EXPECT_EQ(address("FD00:0001:0:0:0:0:0:000A").to_string(), "fd00:1::a");
  EXPECT_EQ(address("::ffff:10.0.0.1").to_string(), "::ffff:10.0.0.1");
}

TEST(IpAddress, RefusesWhatIsNone) {
  for (char const* const text : {"",
                                 " ",
                                 "10",
                                 "10.0.0",
                                 "10.0.0.1.2",
                                 "10.0.0.256",
                                 "010.0.0.1",
                                 "10.0.0.1 ",
                                 " 10.0.0.1",
                                 "10.0.0.-1",
                                 "0x0a.0.0.1",
                                 "10.0.0.1/24",
                                 "localhost",
                                 ":",
                                 ":::",
                                 "1::2::3",
                                 "fd00::g",
                                 "1:2:3:4:5:6:7",
                                 "1:2:3:4:5:6:7:8:9",
                                 "fd00::1%eth0",
                                 "[fd00::1]",
                                 "12345::"}) {
    EXPECT_TRUE(fails_with(IpAddress::parse(text), Errc::invalid_argument, "is not an IP address"))
        << text;
  }
}

TEST(IpAddress, NeverEqualsOneOfTheOtherFamily) {
  EXPECT_NE(address("0.0.0.1"), address("::1"));
  EXPECT_LT(address("10.0.0.9"), address("10.0.0.10"));
}

TEST(IpPrefix, PrintsWhatItParsedHostBitsAndAll) {
  for (char const* const text : {"10.249.0.0/16", "10.249.1.2/24", "0.0.0.0/0", "10.0.0.1/32",
                                 "::/0", "fd00::/48", "fd00::1/128"}) {
    Result<IpPrefix> const parsed = IpPrefix::parse(text);
    ASSERT_OK(parsed);
    EXPECT_EQ(parsed->to_string(), text);
  }
}

TEST(IpPrefix, RefusesWhatIsNone) {
  for (char const* const text :
       {"", "/", "10.0.0.0", "10.0.0.0/", "/24", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8",
        "10.0.0.0/8 ", "10.0.0.0/8/8", "10.0.0.0/255.0.0.0", "10.0.0.0/99999999999999999999",
        "10.0.0.0/0x8", "fd00::/129", "fd00::", "10.0.0/8"}) {
    EXPECT_FALSE(IpPrefix::parse(text).has_value()) << text;
  }
  EXPECT_TRUE(
      fails_with(IpPrefix::parse("10.0.0.0/33"), Errc::invalid_argument, "between 0 and 32"));
}

TEST(IpPrefix, KnowsItsFirstAndLastAddress) {
  EXPECT_EQ(prefix("10.249.1.7/24").first().to_string(), "10.249.1.0");
  EXPECT_EQ(prefix("10.249.1.7/24").last().to_string(), "10.249.1.255");
  EXPECT_EQ(prefix("10.249.1.7/24").network().to_string(), "10.249.1.0/24");
  EXPECT_TRUE(prefix("10.249.1.7/24").has_host_bits());
  EXPECT_FALSE(prefix("10.249.1.0/24").has_host_bits());
  EXPECT_EQ(prefix("0.0.0.0/0").last().to_string(), "255.255.255.255");
  EXPECT_EQ(prefix("::/0").last().to_string(), "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  EXPECT_EQ(prefix("fd00::1/64").last().to_string(), "fd00::ffff:ffff:ffff:ffff");
  EXPECT_EQ(prefix("10.0.0.1/32").first(), prefix("10.0.0.1/32").last());
}

TEST(IpPrefix, ContainsAddressesAndNarrowerPrefixes) {
  EXPECT_TRUE(prefix("10.249.0.0/16").contains(address("10.249.255.255")));
  EXPECT_FALSE(prefix("10.249.0.0/16").contains(address("10.250.0.0")));
  EXPECT_FALSE(prefix("0.0.0.0/0").contains(address("::1")));
  EXPECT_TRUE(prefix("10.249.0.0/16").contains(prefix("10.249.0.0/16")));
  EXPECT_TRUE(prefix("10.249.0.0/16").contains(prefix("10.249.3.0/24")));
  EXPECT_FALSE(prefix("10.249.3.0/24").contains(prefix("10.249.0.0/16")));
}

TEST(IpPrefix, OverlapsInBothDirections) {
  EXPECT_TRUE(prefix("10.249.3.0/24").overlaps(prefix("10.0.0.0/8")));
  EXPECT_TRUE(prefix("10.0.0.0/8").overlaps(prefix("10.249.3.0/24")));
  EXPECT_FALSE(prefix("10.249.3.0/24").overlaps(prefix("10.249.4.0/24")));
  EXPECT_FALSE(prefix("0.0.0.0/0").overlaps(prefix("::/0")));
}

TEST(IsPublic, IsFalseForPrivateSpace) {
  for (char const* const text :
       {"10.249.1.0/24", "172.16.0.0/12", "172.31.0.0/16", "192.168.5.0/24", "100.64.0.0/10",
        "169.254.0.0/16", "192.0.2.0/24", "198.18.0.0/15", "fd00::/48", "fe80::/64"}) {
    EXPECT_FALSE(is_public(prefix(text))) << text;
  }
}

TEST(IsPublic, IsTrueForWhatSomebodyMayOwn) {
  for (char const* const text : {"172.32.0.0/16", "172.33.0.0/16", "172.34.0.0/16", "8.8.8.0/24",
                                 "172.0.0.0/8", "100.0.0.0/8", "2a00::/48", "fc00::/6"}) {
    EXPECT_TRUE(is_public(prefix(text))) << text;
  }
}

TEST(MacAddress, PrintsWhatItParsed) {
  for (char const* const text : {"02:42:ac:11:00:02", "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00"}) {
    Result<MacAddress> const parsed = MacAddress::parse(text);
    ASSERT_OK(parsed);
    EXPECT_EQ(parsed->to_string(), text);
  }
  EXPECT_EQ(MacAddress::parse("02:42:AC:11:00:02")->to_string(), "02:42:ac:11:00:02");
}

TEST(MacAddress, RefusesWhatIsNone) {
  for (char const* const text :
       {"", "02:42:ac:11:00", "02:42:ac:11:00:02:03", "02-42-ac-11-00-02", "0242ac110002",
        "02:42:ac:11:00:0g", "02:42:ac:11:00:2", "2:42:ac:11:00:02", "02:42:ac:11:00:02 ",
        "02:42:ac:11:00:-2", "02:42:ac:11:00.02"}) {
    EXPECT_TRUE(fails_with(MacAddress::parse(text), Errc::invalid_argument, "MAC")) << text;
  }
}

}  // namespace
}  // namespace drawbridge
