// Which addresses are this host's.
#include "netlink/local_address.h"

#include "tests/support/netns.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

class LocalAddressTest : public NetnsTest {
 protected:
  static bool is_here(std::string const& text) {
    return is_address_of_this_host(*IpAddress::parse(text));
  }
};

TEST_F(LocalAddressTest, LoopbackIsHereAndOthersComeAndGo) {
  EXPECT_TRUE(is_here("127.0.0.1"));
  EXPECT_TRUE(is_here("127.1.2.3"));
  EXPECT_TRUE(is_here("::1"));
  EXPECT_FALSE(is_here("192.0.2.1"));
  EXPECT_FALSE(is_here("2001:db8::1"));
  shell("ip address add 192.0.2.1/32 dev lo && ip address add 2001:db8::1/128 dev lo nodad");
  shell("until ip -6 route show table local | grep -q 2001:db8::1; do sleep 0.01; done");
  EXPECT_TRUE(is_here("192.0.2.1"));
  EXPECT_TRUE(is_here("2001:db8::1"));
  EXPECT_FALSE(is_here("192.0.2.2"));
  shell("ip address del 192.0.2.1/32 dev lo");
  EXPECT_FALSE(is_here("192.0.2.1"));
}

TEST_F(LocalAddressTest, ThatOthersMayBeBoundMakesThemNoAddressesOfThisHost) {
  shell("echo 1 > /proc/sys/net/ipv4/ip_nonlocal_bind");
  shell("echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind");
  shell("ip link add uplink type bridge && ip link set uplink up");
  shell("ip route add default dev uplink && ip -6 route add default dev uplink");
  EXPECT_FALSE(is_here("192.0.2.1"));
  EXPECT_FALSE(is_here("2001:db8::1"));
  EXPECT_FALSE(is_here("224.0.0.251"));
  EXPECT_TRUE(is_here("127.0.0.1"));
  EXPECT_TRUE(is_here("::1"));
}

}  // namespace
}  // namespace drawbridge
