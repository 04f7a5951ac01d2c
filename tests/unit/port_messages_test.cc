#include "plugin/port_messages.h"

#include "plugin/network_messages.h"
#include "tests/support/expect_ok.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace drawbridge {
namespace {

/// returns  the body of ProgramExternalConnectivity with this list, and more options behind it
std::string program(std::string const& port_map, std::string const& more = "") {
  return R"({"NetworkID":"n","EndpointID":"e","Options":{"com.docker.network.portmap":)" +
         port_map + more + "}}";
}

/// returns  what is asked for, a line each: "6 127.0.0.1 8443-8443 443", "any" for no address
std::vector<std::string> asked_for(std::string const& body) {
  Result<ProgramMessage> const message = decode_program(body);
  EXPECT_OK(message);
  std::vector<std::string> lines;
  for (PortRequest const& each : message ? message->ports : std::vector<PortRequest>()) {
    lines.push_back(fmt::format("{} {} {}-{} {}", each.protocol,
                                each.host ? each.host->to_string() : "any", each.host_ports.first,
                                each.host_ports.last, each.container_port));
  }
  return lines;
}

using Lines = std::vector<std::string>;

TEST(PortMessages, ReadsEveryFormInTheOrderOfTheMessage) {
  EXPECT_EQ(asked_for(program(R"([
      {"Proto":6,"IP":"","Port":80,"HostIP":"","HostPort":8080,"HostPortEnd":8080},
      {"Proto":6,"IP":"","Port":443,"HostIP":"127.0.0.1","HostPort":8443,"HostPortEnd":8443},
      {"Proto":6,"IP":"","Port":9,"HostIP":"0.0.0.0","HostPort":9000,"HostPortEnd":9002},
      {"Proto":17,"IP":"","Port":53,"HostIP":"::1","HostPort":53,"HostPortEnd":53},
      {"Proto":132,"IP":"","Port":90,"HostIP":"::","HostPort":0,"HostPortEnd":0}])")),
            (Lines{"6 any 8080-8080 80", "6 127.0.0.1 8443-8443 443", "6 0.0.0.0 9000-9002 9",
                   "17 ::1 53-53 53", "132 :: 0-0 90"}));
}

TEST(PortMessages, AnEndThatIsMissingIsTheBeginning) {
  EXPECT_EQ(asked_for(program(R"([{"Proto":6,"Port":80,"HostPort":8080,"HostPortEnd":0},
                                  {"Proto":6,"Port":81,"HostPort":8081},
                                  {"Proto":6,"Port":82}])")),
            (Lines{"6 any 8080-8080 80", "6 any 8081-8081 81", "6 any 0-0 82"}));
}

TEST(PortMessages, NoListIsAnEmptyOne) {
  EXPECT_EQ(asked_for(R"({"NetworkID":"n","EndpointID":"e","Options":null})"), Lines{});
  EXPECT_EQ(asked_for(R"({"NetworkID":"n","EndpointID":"e"})"), Lines{});
  EXPECT_EQ(asked_for(program("null")), Lines{});
  EXPECT_EQ(asked_for(program("[]")), Lines{});
}

TEST(PortMessages, SaysWhereAnotherEndpointIsTheWayOutByIpv6) {
  std::string const key = R"(,"com.docker.network.driver.private.no_proxy_6to4":)";
  EXPECT_TRUE(decode_program(program("[]", key + "true"))->only_ipv4);
  EXPECT_FALSE(decode_program(program("[]", key + "false"))->only_ipv4);
  EXPECT_FALSE(decode_program(program("[]"))->only_ipv4);
}

TEST(PortMessages, AJoinNamesItsSandbox) {
  Result<JoinMessage> const message = decode_join(
      R"({"NetworkID":"n","EndpointID":"e","SandboxKey":"/var/run/docker/netns/082068222b1d"})");
  ASSERT_OK(message);
  EXPECT_EQ(message->sandbox, "/var/run/docker/netns/082068222b1d");
  EXPECT_EQ(decode_join(R"({"NetworkID":"n","EndpointID":"e"})")->sandbox, "");
}

TEST(PortMessages, WhatCannotBeNamesKeyAndValue) {
  std::pair<char const*, char const*> const bad[] = {
      {R"({})", "\"com.docker.network.portmap\" is not a list"},
      {R"("80:80")", R"("com.docker.network.portmap" is not a list: "80:80")"},
      {R"([80])", "\"com.docker.network.portmap\" is not a list of objects: 80"},
      {R"([{"Proto":"tcp","Port":80}])", R"("Proto" is not a number: "tcp")"},
      {R"([{"Proto":1,"Port":80}])", "\"Proto\" is 1: known are 6 (tcp), 17 (udp) and 132 (sctp)"},
      {R"([{"Proto":262,"Port":80}])", "\"Proto\" is 262"},
      {R"([{"Port":80}])", "\"Proto\" is 0"},
      {R"([{"Proto":6,"Port":0}])", "\"Port\" is 0, which no container can listen on"},
      {R"([{"Proto":6}])", "\"Port\" is 0"},
      {R"([{"Proto":6,"Port":65536}])", "\"Port\" is 65536: ports go up to 65535"},
      {R"([{"Proto":6,"Port":-1}])", "\"Port\" is -1: ports go up to 65535"},
      {R"([{"Proto":6,"Port":80.5}])", "\"Port\" is not a number: 8.05E1"},
      {R"([{"Proto":6,"Port":80,"HostPort":"x"}])", R"("HostPort" is not a number: "x")"},
      {R"([{"Proto":6,"Port":80,"HostPort":70000}])", "\"HostPort\" is 70000"},
      {R"([{"Proto":6,"Port":80,"HostPort":8080,"HostPortEnd":70000}])",
       "\"HostPortEnd\" is 70000"},
      {R"([{"Proto":6,"Port":80,"HostPort":8080,"HostPortEnd":8079}])",
       "\"HostPortEnd\" is 8079, which does not go with \"HostPort\" 8080"},
      {R"([{"Proto":6,"Port":80,"HostPort":0,"HostPortEnd":8079}])",
       "\"HostPortEnd\" is 8079, which does not go with \"HostPort\" 0"},
      {R"([{"Proto":6,"Port":80,"HostIP":5}])", "\"HostIP\" is not a text: 5"},
      {R"([{"Proto":6,"Port":80,"HostIP":"localhost"}])", "\"HostIP\": "},
  };
  for (auto const& [list, words] : bad) {
    EXPECT_TRUE(fails_with(decode_program(program(list)), Errc::invalid_argument, words)) << list;
  }
  EXPECT_TRUE(fails_with(
      decode_program(program("[]", R"(,"com.docker.network.driver.private.no_proxy_6to4":"no")")),
      Errc::invalid_argument, R"("com.docker.network.driver.private.no_proxy_6to4" is not true)"));
}

TEST(PortMessages, ReadsEveryPortThatThereIs) {
  std::string list = "[";
  for (int port = 1; port <= 65535; ++port) {
    list += fmt::format(R"({}{{"Proto":6,"IP":"","Port":{},"HostIP":"","HostPort":{},)"
                        R"("HostPortEnd":{}}})",
                        port == 1 ? "" : ",", port, port, port);
  }
  Result<ProgramMessage> const message = decode_program(program(list + "]"));
  ASSERT_OK(message);
  ASSERT_EQ(message->ports.size(), 65535U);
  EXPECT_EQ(message->ports.back(), (PortRequest{6, {}, {65535, 65535}, 65535}));
}

TEST(PortMessages, AnEndpointTellsWhatIsPublishedOfItAsTheEnginesOwnDriverDoes) {
  Endpoint endpoint;
  endpoint.ipv4 = *IpPrefix::parse("10.249.1.2/24");
  endpoint.ipv6 = *IpPrefix::parse("fd00:1::2/64");
  endpoint.ports = {{6, {}, {8080, 8081}, 80}, {17, *IpAddress::parse("::1"), {53, 53}, 53}};
  EXPECT_EQ(encode_endpoint_info(endpoint),
            R"({"Value":{"com.docker.network.portmap":[)"
            R"({"Proto":6,"IP":"10.249.1.2","Port":80,"HostIP":"","HostPort":8080,)"
            R"("HostPortEnd":8080},)"
            R"({"Proto":6,"IP":"10.249.1.2","Port":81,"HostIP":"","HostPort":8081,)"
            R"("HostPortEnd":8081},)"
            R"({"Proto":17,"IP":"fd00:1::2","Port":53,"HostIP":"::1","HostPort":53,)"
            R"("HostPortEnd":53}],)"
            R"("com.docker.network.endpoint.exposedports":[{"Proto":6,"Port":80},)"
            R"({"Proto":6,"Port":81},{"Proto":17,"Port":53}]}})");
}

TEST(PortMessages, ExposedPortsAreToldOnce) {
  Endpoint endpoint;
  endpoint.ports = {{6, *IpAddress::parse("127.0.0.1"), {8080, 8080}, 80},
                    {6, {}, {9090, 9090}, 80}};
  EXPECT_TRUE(encode_endpoint_info(endpoint).ends_with(
      R"("com.docker.network.endpoint.exposedports":[{"Proto":6,"Port":80}]}})"));
}

TEST(PortMessages, AnEndpointWithoutPortsHasEmptyLists) {
  EXPECT_EQ(encode_endpoint_info(Endpoint{}), R"({"Value":{"com.docker.network.portmap":[],)"
                                              R"("com.docker.network.endpoint.exposedports":[]}})");
}

}  // namespace
}  // namespace drawbridge
