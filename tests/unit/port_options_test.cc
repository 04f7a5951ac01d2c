#include "driver/port_options.h"

#include "driver/network_options.h"
#include "tests/support/expect_ok.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include <netinet/in.h>

namespace drawbridge {
namespace {

using Options = std::map<std::string, std::string>;

constexpr char const* host_binding = "com.docker.network.bridge.host_binding_ipv4";

IpPrefix prefix(std::string const& text) {
  return *IpPrefix::parse(text);
}

NetworkRequest with_options(Options options, bool internal = false) {
  NetworkRequest request;
  request.id = {"abcdef0123456789"};
  request.options = std::move(options);
  request.internal = internal;
  request.subnets = {{prefix("10.249.1.0/24"), *IpAddress::parse("10.249.1.1")}};
  return request;
}

Policy policy_of(Options options) {
  return parse_network_options(with_options(std::move(options))).value().policy;
}

TEST(PortOptions, PublishSaysWhoReachesPorts) {
  EXPECT_EQ(policy_of({}).publish, Publish::all);
  EXPECT_EQ(policy_of({{"publish", "host"}}).publish, Publish::host);
  EXPECT_EQ(policy_of({{"publish", "none"}}).publish, Publish::none);
  Policy const listed = policy_of({{"publish", "192.0.2.7, 10.0.0.0/8,fd00::/8"}});
  EXPECT_EQ(listed.publish, Publish::listed);
  EXPECT_EQ(
      listed.publish_list,
      (std::vector<IpPrefix>{prefix("10.0.0.0/8"), prefix("192.0.2.7/32"), prefix("fd00::/8")}));
}

TEST(PortOptions, AnEntryInsideOfAnotherSaysNothingMore) {
  EXPECT_EQ(parse_publish("10.1.0.0/16,10.0.0.0/8,10.1.2.3")->list,
            (std::vector<IpPrefix>{prefix("10.0.0.0/8")}));
}

TEST(PortOptions, ARangeIsOfTcpUnlessItSaysSo) {
  EXPECT_EQ(policy_of({{"ports", "30000-39999:80"}}).ports,
            (PortPool{{30000, 39999}, 80, IPPROTO_TCP}));
  EXPECT_EQ(policy_of({{"ports", "5000-5009:53/udp"}}).ports,
            (PortPool{{5000, 5009}, 53, IPPROTO_UDP}));
  EXPECT_EQ(parse_port_pool("1-65535:65535/sctp").value(),
            (PortPool{{1, 65535}, 65535, IPPROTO_SCTP}));
  EXPECT_EQ(policy_of({}).ports, std::nullopt);
}

TEST(PortOptions, TheBindingIsAnAddressOrAll) {
  EXPECT_EQ(policy_of({{host_binding, "192.0.2.7"}}).host_binding_ipv4,
            *IpAddress::parse("192.0.2.7"));
  EXPECT_EQ(policy_of({{host_binding, "0.0.0.0"}}).host_binding_ipv4, std::nullopt);
}

TEST(PortOptions, LimitsAreRead) {
  EXPECT_EQ(policy_of({{"connlimit", "10/s:20"}}).connlimit, (ConnLimit{10, 20}));
  EXPECT_EQ(policy_of({{"rate", "8mbit"}}).rate_bits_per_second, 8'000'000u);
  EXPECT_EQ(policy_of({}).connlimit, std::nullopt);
  EXPECT_EQ(policy_of({}).rate_bits_per_second, 0u);
}

TEST(PortOptions, BadValuesNameKeyAndReason) {
  std::pair<std::pair<char const*, char const*>, char const*> const bad[] = {
      {{"publish", ""}, "is empty: name something, or leave the option out"},
      {{"publish", "lan"},
       "\"lan\" is no address: give all, host, none, or a list of addresses and CIDRs"},
      {{"publish", "host,10.0.0.0/8"}, "\"host\" stands alone: leave it or the other entries out"},
      {{"publish", "10.0.0.0/8:tcp/80"},
       "10.0.0.0/8 is given with a protocol: published ports are meant all alike, write the "
       "address or CIDR alone"},
      {{"publish", "10.1.2.3/8"},
       "\"10.1.2.3/8\" has host bits set: write 10.0.0.0/8, or 10.1.2.3 for the one address"},
      {{"ports", "30000-39999"},
       "has no container port: write LOW-HIGH:PORT, such as 30000-39999:80"},
      {{"ports", "39999-30000:80"}, "\"39999-30000\" goes backwards: write 30000-39999"},
      {{"ports", "0-100:80"},
       "\"0-100\" is no port: write 80 or 8000-8010, with numbers from 1 to 65535"},
      {{"ports", "1-65536:80"},
       "\"1-65536\" is no port: write 80 or 8000-8010, with numbers from 1 to 65535"},
      {{"ports", "30000-39999:0"}, "\"0\" is no port: write a number from 1 to 65535"},
      {{"ports", "30000-39999:"}, "\"\" is no port: write a number from 1 to 65535"},
      {{"ports", "30000-39999:80/icmp"}, "\"icmp\" is no protocol: give tcp, udp or sctp"},
      {{host_binding, "::1"}, "give an IPv4 address of this host, or 0.0.0.0 for all"},
      {{host_binding, "localhost"}, "give an IPv4 address of this host, or 0.0.0.0 for all"},
  };
  for (auto const& [option, reason] : bad) {
    auto const& [key, value] = option;
    Result<NetworkSpec> const spec = parse_network_options(with_options({{key, value}}));
    ASSERT_TRUE(fails_with(spec, Errc::invalid_argument, "")) << key << "=" << value;
    EXPECT_EQ(spec.error().message, std::string("option \"") + key + "=" + value + "\": " + reason);
  }
}

TEST(PortOptions, ARangeNeedsANetworkThatIsAWayOut) {
  Options const ports{{"ports", "30000-30009:80"}};
  Options without_gateway = ports;
  without_gateway["gateway"] = "none";
  Options routed = ports;
  routed["com.docker.network.bridge.gateway_mode_ipv4"] = "routed";
  std::pair<NetworkRequest, char const*> const bad[] = {
      {with_options(ports, true),
       "option \"ports=30000-30009:80\": contradicts --internal, which leaves no gateway that "
       "ports could lead through: leave one of them out"},
      {with_options(without_gateway),
       "option \"ports=30000-30009:80\": needs the network to be a way out: leave ports out, or "
       "give gateway=auto"},
      {with_options(routed),
       "option \"ports=30000-30009:80\": contradicts gateway mode routed, in which no port of this "
       "host is used: leave one of them out"},
  };
  for (auto const& [request, text] : bad) {
    Result<NetworkSpec> const spec = parse_network_options(request);
    ASSERT_TRUE(fails_with(spec, Errc::invalid_argument, "")) << text;
    EXPECT_EQ(spec.error().message, text);
  }
  EXPECT_OK(parse_network_options(with_options(ports)));
  NetworkRequest half_routed = with_options(routed);
  half_routed.subnets.push_back({prefix("fd00:1::/64"), std::nullopt});
  EXPECT_OK(parse_network_options(half_routed)) << "IPv6 has ports of this host";
}

TEST(PortOptions, PublishAndLimitsCanBeDefaults) {
  Options const defaults{{"publish", "host"}, {"connlimit", "5/s"}, {"rate", "8mbit"}};
  Policy const quiet = parse_network_options(with_options({}), defaults).value().policy;
  EXPECT_EQ(quiet.publish, Publish::host);
  EXPECT_EQ(quiet.connlimit, (ConnLimit{5, 5}));
  EXPECT_EQ(quiet.rate_bits_per_second, 8'000'000u);
  EXPECT_EQ(parse_network_options(with_options({{"publish", "all"}}), defaults)->policy.publish,
            Publish::all);
  EXPECT_TRUE(fails_with(check_default("ports", "1-2:80"), Errc::invalid_argument,
                         "\"ports\" can have no default"));
}

}  // namespace
}  // namespace drawbridge
