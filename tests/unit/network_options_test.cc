#include "driver/network_options.h"

#include "driver/names.h"
#include "tests/support/expect_ok.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

NetworkRequest with_option(std::string const& key, std::string const& value) {
  NetworkRequest request;
  request.id = {"abcdef0123456789"};
  request.options[key] = value;
  return request;
}

TEST(NetworkOptions, NothingSaidGivesTheDefaults) {
  NetworkRequest request;
  request.id = {"abcdef0123456789"};
  request.default_mtu_bytes = 1450;
  Result<NetworkSpec> const spec = parse_network_options(request);
  ASSERT_OK(spec);
  EXPECT_EQ(spec->bridge, "db-abcdef012345");
  EXPECT_EQ(spec->mtu_bytes, 1450u);
  EXPECT_EQ(spec->container_interface_prefix, "eth");
}

TEST(NetworkOptions, EachKeyIsRead) {
  EXPECT_EQ(parse_network_options(with_option("mtu", "9000"))->mtu_bytes, 9000u);
  EXPECT_EQ(parse_network_options(with_option("com.docker.network.driver.mtu", "576"))->mtu_bytes,
            576u);
  EXPECT_EQ(parse_network_options(with_option("com.docker.network.bridge.name", "br0"))->bridge,
            "br0");
  EXPECT_EQ(parse_network_options(with_option("com.docker.network.container_iface_prefix", "net"))
                ->container_interface_prefix,
            "net");
}

TEST(NetworkOptions, AskingForWhatHappensAnywayIsFine) {
  std::pair<char const*, char const*> const good[] = {
      {"isolation", "network"},
      {"egress", "all"},
      {"gateway", "auto"},
      {"com.docker.network.bridge.enable_icc", "true"},
      {"com.docker.network.bridge.enable_ip_masquerade", "1"},
      {"com.docker.network.bridge.inhibit_ipv4", "false"},
      {"com.docker.network.bridge.gateway_mode_ipv4", "nat"},
      {"com.docker.network.advertise_addr_nmsgs", "2"},
  };
  for (auto const& [key, value] : good) {
    EXPECT_OK(parse_network_options(with_option(key, value))) << key;
  }
}

TEST(NetworkOptions, WhatThisVersionCannotDoIsRefusedNotIgnored) {
  std::pair<char const*, char const*> const later[] = {
      {"isolation", "members"}, {"team", "blue"},    {"egress", "none"},
      {"publish", "host"},      {"rate", "8mbit"},   {"com.docker.network.bridge.enable_icc", "0"},
      {"gateway", "none"},      {"allow_from", "a"}, {"ports", "30000-30010:80"},
  };
  for (auto const& [key, value] : later) {
    EXPECT_TRUE(fails_with(parse_network_options(with_option(key, value)), Errc::unsupported,
                           "is not supported by this version"))
        << key;
  }
}

TEST(NetworkOptions, AnUnknownKeyIsAnsweredWithTheNearestKnownOne) {
  EXPECT_TRUE(fails_with(parse_network_options(with_option("isolatoin", "members")),
                         Errc::invalid_argument,
                         "unknown option \"isolatoin\": did you mean \"isolation\""));
  EXPECT_TRUE(
      fails_with(parse_network_options(with_option("com.docker.network.driver.mtuu", "1500")),
                 Errc::invalid_argument, "did you mean \"com.docker.network.driver.mtu\""));
  EXPECT_TRUE(fails_with(parse_network_options(with_option("zzz", "1")), Errc::invalid_argument,
                         "unknown option \"zzz\": docs/options.md lists the known ones"));
}

TEST(NetworkOptions, BadValuesNameKeyAndReason) {
  std::pair<char const*, char const*> const bad[] = {
      {"mtu", ""},
      {"mtu", "abc"},
      {"mtu", "575"},
      {"mtu", "65536"},
      {"mtu", "1500x"},
      {"mtu", "-1"},
      {"mtu", " 1500"},
      {"com.docker.network.bridge.name", ""},
      {"com.docker.network.bridge.name", "a name"},
      {"com.docker.network.bridge.name", "a/b"},
      {"com.docker.network.bridge.name", ".."},
      {"com.docker.network.bridge.name", "sixteencharacter"},
      {"com.docker.network.container_iface_prefix", "thirteenchars"},
  };
  for (auto const& [key, value] : bad) {
    EXPECT_TRUE(fails_with(parse_network_options(with_option(key, value)), Errc::invalid_argument,
                           std::string("option \"") + key + "=" + value + "\": give"));
  }
}

TEST(NetworkOptions, Ipv6NeedsItsSmallestMtu) {
  NetworkRequest request = with_option("mtu", "1279");
  request.subnets.push_back({*IpPrefix::parse("fd00::/64"), std::nullopt});
  EXPECT_TRUE(fails_with(parse_network_options(request), Errc::invalid_argument, "1280 or more"));
  request.options["mtu"] = "1280";
  EXPECT_OK(parse_network_options(request));
}

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

}  // namespace
}  // namespace drawbridge
