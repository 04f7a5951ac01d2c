#include "plugin/ipam_messages.h"
#include "plugin/network_messages.h"
#include "tests/support/expect_ok.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

TEST(NetworkMessages, CreateNetworkKeepsEverythingThatIsSaidOnce) {
  Result<NetworkRequest> const request = decode_create_network(R"({
    "NetworkID": "b77d1f", "Options": {
      "com.docker.network.enable_ipv6": true, "com.docker.network.internal": true,
      "com.docker.network.generic": {"com.example.x": "a\u003cb\u003e", "foo": "bar"}},
    "IPv4Data": [{"AddressSpace": "LocalDefault", "Gateway": "10.77.0.1/24",
                  "Pool": "10.77.0.0/24", "AuxAddresses": {}}],
    "IPv6Data": [{"AddressSpace": "LocalDefault", "Gateway": "fd00:77::1/64",
                  "Pool": "fd00:77::/64"}]})");
  ASSERT_OK(request);
  EXPECT_EQ(request->id.value, "b77d1f");
  EXPECT_TRUE(request->internal);
  EXPECT_EQ(request->options.at("com.example.x"), "a<b>");
  ASSERT_EQ(request->subnets.size(), 2u);
  EXPECT_EQ(request->subnets[0].prefix.to_string(), "10.77.0.0/24");
  EXPECT_EQ(request->subnets[1].gateway->to_string(), "fd00:77::1");
}

TEST(NetworkMessages, TheNullIpamGivesANetworkWithoutSubnets) {
  Result<NetworkRequest> const request = decode_create_network(
      R"({"NetworkID":"a","Options":null,"IPv4Data":[{"AddressSpace":"null","Pool":"0.0.0.0/0"}],
          "IPv6Data":null})");
  ASSERT_OK(request);
  EXPECT_TRUE(request->subnets.empty());
}

TEST(NetworkMessages, ASubnetMayHaveNoGateway) {
  Result<NetworkRequest> const request =
      decode_create_network(R"({"NetworkID":"a","IPv4Data":[{"Pool":"10.1.0.0/16"}]})");
  ASSERT_OK(request);
  EXPECT_EQ(request->subnets.at(0).gateway, std::nullopt);
}

TEST(NetworkMessages, BadCreateNetworksNameTheKey) {
  std::pair<char const*, char const*> const bad[] = {
      {R"({})", "\"NetworkID\" is not an id"},
      {R"({"NetworkID":5})", "\"NetworkID\" is not a text"},
      {R"({"NetworkID":"a/b"})", "\"NetworkID\" is not an id"},
      {R"({"NetworkID":"a","Options":[]})", "\"Options\" is not an object"},
      {R"({"NetworkID":"a","Options":{"com.docker.network.internal":"yes"}})",
       "\"com.docker.network.internal\" is not true or false"},
      {R"({"NetworkID":"a","Options":{"com.docker.network.generic":{"mtu":1500}}})",
       "\"mtu\" is not a text"},
      {R"({"NetworkID":"a","IPv4Data":{}})", "\"IPv4Data\" is not a list"},
      {R"({"NetworkID":"a","IPv4Data":[5]})", "\"IPv4Data\" is not a list of objects"},
      {R"({"NetworkID":"a","IPv4Data":[{"Pool":"10.1.0.0"}]})", "\"Pool\""},
      {R"({"NetworkID":"a","IPv4Data":[{"Pool":"10.1.0.0/24","Gateway":"10.2.0.1/24"}]})",
       "gateway 10.2.0.1 is outside of 10.1.0.0/24"},
  };
  for (auto const& [body, words] : bad) {
    EXPECT_TRUE(fails_with(decode_create_network(body), Errc::invalid_argument, words)) << body;
  }
}

TEST(NetworkMessages, WhatIsNoRequestAtAllIsMalformed) {
  for (char const* body : {"", "\n", "{", "null", "[]", "{}}", "\xff\xfe"}) {
    EXPECT_TRUE(fails_with(decode_create_network(body), Errc::malformed, "request body")) << body;
  }
  std::string const deep = std::string(100, '[') + std::string(100, ']');
  EXPECT_TRUE(fails_with(decode_network_id("{\"a\":" + deep + "}"), Errc::malformed, "not JSON"));
}

TEST(NetworkMessages, CreateEndpointReadsAddressesAndTheUsersMac) {
  Result<CreateEndpointMessage> const message = decode_create_endpoint(
      R"({"NetworkID":"n","EndpointID":"e","Interface":{"Address":"10.90.0.50/24",
          "AddressIPv6":"fd00:97::2/64","MacAddress":"02:42:ac:11:00:02"},
          "Options":{"com.docker.network.endpoint.macaddress":"AkKsEQAC","ep1":"v1"}})");
  ASSERT_OK(message);
  EXPECT_EQ(message->endpoint.ipv4->to_string(), "10.90.0.50/24");
  EXPECT_EQ(message->endpoint.ipv6->to_string(), "fd00:97::2/64");
  EXPECT_EQ(message->mac->to_string(), "02:42:ac:11:00:02");
}

Result<CreateEndpointMessage> endpoint_with(std::string const& options) {
  return decode_create_endpoint(R"({"NetworkID":"n","EndpointID":"e","Options":)" + options + "}");
}

TEST(NetworkMessages, AnEndpointIsAWayOutUnlessItsOptionSaysNone) {
  for (char const* options : {"null", "{}", R"({"ep1":"v1","com.example.gateway":"none"})",
                              R"({"com.docker.network.portmap":[],"gateway":5})"}) {
    Result<CreateEndpointMessage> const message = endpoint_with(options);
    ASSERT_OK(message) << options;
    EXPECT_TRUE(message->endpoint.is_default_route) << options;
  }
  Result<CreateEndpointMessage> const message =
      endpoint_with(R"({"drawbridge.gateway":"none","ep1":"v1"})");
  ASSERT_OK(message);
  EXPECT_FALSE(message->endpoint.is_default_route);
}

TEST(NetworkMessages, BadOptionsOfAnEndpointAreRefusedInOneLine) {
  std::pair<char const*, char const*> const bad[] = {
      {R"({"drawbridge.gateway":"auto"})",
       "option \"drawbridge.gateway\": \"auto\" is unknown: use none"},
      {R"({"drawbridge.gateway":""})", "option \"drawbridge.gateway\": \"\" is unknown: use none"},
      {R"({"drawbridge.gateway":null})",
       "option \"drawbridge.gateway\": \"\" is unknown: use none"},
      {R"({"drawbridge.gateway":false})", "\"drawbridge.gateway\" is not a text"},
      {R"({"drawbridge.gatewai":"none"})",
       "unknown option \"drawbridge.gatewai\": a connection knows \"drawbridge.gateway\" alone"},
  };
  for (auto const& [options, words] : bad) {
    EXPECT_TRUE(fails_with(endpoint_with(options), Errc::invalid_argument, words)) << options;
  }
}

TEST(NetworkMessages, AnEndpointMayHaveNoAddressAtAll) {
  Result<CreateEndpointMessage> const message = decode_create_endpoint(
      R"({"NetworkID":"n","EndpointID":"e","Interface":{"Address":"","AddressIPv6":"",
          "MacAddress":""},"Options":{}})");
  ASSERT_OK(message);
  EXPECT_EQ(message->endpoint.ipv4, std::nullopt);
  EXPECT_EQ(message->mac, std::nullopt);
}

TEST(NetworkMessages, AMacIsAnsweredOnlyWhereNoneWasGiven) {
  EXPECT_EQ(encode_mac(std::nullopt), R"({"Interface":{}})");
  EXPECT_EQ(encode_mac(MacAddress::parse("02:db:0a:f9:01:02").value()),
            R"({"Interface":{"MacAddress":"02:db:0a:f9:01:02"}})");
}

TEST(NetworkMessages, JoinNamesInterfaceAndGateways) {
  JoinReply reply;
  reply.interface_name = "dc-abc";
  reply.interface_prefix = "eth";
  reply.gateway_ipv4 = *IpAddress::parse("10.249.1.1");
  reply.gateway_ipv6 = *IpAddress::parse("fd00:1::1");
  EXPECT_EQ(encode_join(reply),
            R"({"InterfaceName":{"SrcName":"dc-abc","DstPrefix":"eth"},"Gateway":"10.249.1.1",)"
            R"("GatewayIPv6":"fd00:1::1","DisableGatewayService":false})");
}

TEST(NetworkMessages, JoinWithoutAGatewayInvitesNoSecondInterface) {
  JoinReply reply;
  reply.interface_name = "dc-abc";
  reply.interface_prefix = "eth";
  reply.no_gateway_service = true;
  EXPECT_EQ(encode_join(reply),
            R"({"InterfaceName":{"SrcName":"dc-abc","DstPrefix":"eth"},"Gateway":"",)"
            R"("GatewayIPv6":"","DisableGatewayService":true})");
}

TEST(IpamMessages, RequestPoolReadsSubnetRangeAndOptions) {
  Result<PoolRequest> const request = decode_request_pool(
      R"({"AddressSpace":"drawbridge-local","Pool":"10.90.0.0/16","SubPool":"10.90.8.0/24",
          "Options":{"pool":"pods"},"V6":false})");
  ASSERT_OK(request);
  EXPECT_EQ(request->prefix->to_string(), "10.90.0.0/16");
  EXPECT_EQ(request->sub_pool->to_string(), "10.90.8.0/24");
  EXPECT_EQ(request->options.at("pool"), "pods");
  EXPECT_EQ(request->family, Family::ipv4);
}

TEST(IpamMessages, NullOptionsAreNone) {
  Result<AddressRequest> const request =
      decode_request_address(R"({"PoolID":"p","Address":"","Options":null})");
  ASSERT_OK(request);
  EXPECT_EQ(request->address, std::nullopt);
  EXPECT_EQ(request->kind, AddressKind::endpoint);
}

TEST(IpamMessages, TheGatewayIsToldFromAnEndpoint) {
  Result<AddressRequest> const request = decode_request_address(
      R"({"PoolID":"p","Address":"10.1.0.9",
          "Options":{"RequestAddressType":"com.docker.network.gateway"}})");
  ASSERT_OK(request);
  EXPECT_EQ(request->address->to_string(), "10.1.0.9");
  EXPECT_EQ(request->kind, AddressKind::gateway);
}

TEST(IpamMessages, BadRequestsNameTheKey) {
  EXPECT_TRUE(fails_with(decode_request_address(R"({"PoolID":""})"), Errc::invalid_argument,
                         "\"PoolID\" is empty"));
  EXPECT_TRUE(fails_with(decode_request_address(R"({"PoolID":"p","Address":"10.1.0.9/24"})"),
                         Errc::invalid_argument, "\"Address\""));
  EXPECT_TRUE(fails_with(decode_release_address(R"({"PoolID":"p"})"), Errc::invalid_argument,
                         "\"Address\" is empty"));
  EXPECT_TRUE(
      fails_with(decode_request_pool(R"({"Pool":"ten"})"), Errc::invalid_argument, "\"Pool\""));
  EXPECT_TRUE(fails_with(decode_pool_id(""), Errc::malformed, "empty request body"));
}

TEST(IpamMessages, TheTwoAddressSpacesDiffer) {
  EXPECT_EQ(encode_address_spaces(), R"({"LocalDefaultAddressSpace":"drawbridge-local",)"
                                     R"("GlobalDefaultAddressSpace":"drawbridge-global"})");
}

}  // namespace
}  // namespace drawbridge
