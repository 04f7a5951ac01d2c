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
  EXPECT_TRUE(is_here("192.0.2.1"));
  EXPECT_TRUE(is_here("2001:db8::1"));
  EXPECT_FALSE(is_here("192.0.2.2"));
  shell("ip address del 192.0.2.1/32 dev lo");
  EXPECT_FALSE(is_here("192.0.2.1"));
}

}  // namespace
}  // namespace drawbridge
