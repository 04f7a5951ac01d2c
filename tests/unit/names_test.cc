#include "driver/names.h"

#include <gtest/gtest.h>

#include <string>

namespace drawbridge {
namespace {

TEST(Names, AreShortEnoughForInterfaces) {
  std::string const id(64, 'f');
  EXPECT_EQ(bridge_name({id}), "db-ffffffffffff");
  EXPECT_EQ(host_end_name({id}), "dv-ffffffffffff");
  EXPECT_EQ(container_end_name({id}), "dc-ffffffffffff");
  EXPECT_EQ(bridge_name({"abc"}), "db-abc");
}

TEST(Names, MacsAreLocalUnicastAndFollowTheAddress) {
  EXPECT_EQ(mac_for(*IpAddress::parse("10.249.1.2")).to_string(), "02:db:0a:f9:01:02");
  MacAddress const ipv6 = mac_for(*IpAddress::parse("fd00::2"));
  EXPECT_EQ(ipv6.bytes[0], 0x02);
  EXPECT_EQ(ipv6, mac_for(*IpAddress::parse("fd00:0::2")));
  EXPECT_NE(ipv6, mac_for(*IpAddress::parse("fd00::3")));
}

TEST(Names, IdsAreLettersAndDigits) {
  EXPECT_TRUE(is_object_id(std::string(64, 'a')));
  EXPECT_TRUE(is_object_id("w9z1k6ih2q9wlz1mvmbmx0mlm"));
  for (char const* bad : {"", "../../etc", "a b", "a\n", "a\"b", "ab-cd"}) {
    EXPECT_FALSE(is_object_id(bad)) << bad;
  }
  EXPECT_FALSE(is_object_id(std::string(129, 'a')));
}

TEST(Names, IdsOfNetworksAreHexadecimal) {
  for (std::string const& id :
       {std::string("0123456789ab"), std::string(64, 'f'), std::string("abcdefabcdefa")}) {
    EXPECT_TRUE(is_network_id(id)) << id;
  }
  for (std::string const& name :
       {std::string(), std::string("0123456789a"), std::string(65, 'f'),
        std::string("0123456789ag"), std::string("0123456789AB"), std::string("db-abcdefabcdef")}) {
    EXPECT_FALSE(is_network_id(name)) << name;
  }
}

}  // namespace
}  // namespace drawbridge
