// docs/firewall.md shows the tables as the kernel tests see them listed, and what networks put in.
#include "driver/desired_state.h"
#include "driver/port_elements.h"
#include "driver/route_elements.h"
#include "netlink/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <string>
#include <vector>

#include <netinet/in.h>

namespace drawbridge {
namespace {

std::string read(std::string const& path) {
  std::ifstream file(std::string(DRAWBRIDGE_SOURCE_DIR "/") + path);
  return {std::istreambuf_iterator<char>(file), {}};
}

/// returns  the first fenced block below the heading; empty when there is none before the next
std::string block_under(std::string const& page, std::string const& heading) {
  std::string const fence = "```text\n";
  std::size_t const section = page.find("\n" + heading + "\n");
  if (section == std::string::npos) {
    return {};
  }
  std::size_t const begin = page.find(fence, section);
  std::size_t const next = page.find("\n#", section + 1);
  std::size_t const end = page.find("```", begin + fence.size());
  return begin < next ? page.substr(begin + fence.size(), end - begin - fence.size())
                      : std::string();
}

std::string lines_of(std::set<Element> const& elements) {
  std::string out;
  for (Element const& element : elements) {
    out.append(describe(element)).append("\n");
  }
  return out;
}

void expect_shown(std::string const& heading, std::set<Element> const& elements) {
  EXPECT_EQ(block_under(read("docs/firewall.md"), heading), lines_of(elements)) << heading;
}

std::set<Element> minus(std::set<Element> const& from, std::set<Element> const& what) {
  std::set<Element> out;
  std::set_difference(from.begin(), from.end(), what.begin(), what.end(),
                      std::inserter(out, out.end()));
  return out;
}

std::string without(std::set<Element> const& elements) {
  std::string lines;
  for (Element const& element : elements) {
    lines.append("without ").append(describe(element)).append("\n");
  }
  return lines;
}

Network a_network() {
  Network network;
  network.request.id = {"0123456789abcdef"};
  network.request.subnets = {
      {IpPrefix::parse("10.249.1.0/24").value(), IpAddress::parse("10.249.1.1").value()},
      {IpPrefix::parse("fd00:1::/64").value(), IpAddress::parse("fd00:1::1").value()}};
  network.spec.bridge = "db-0123456789ab";
  return network;
}

Endpoint a_member() {
  Endpoint endpoint;
  endpoint.id = {"fedcba9876543210"};
  endpoint.ipv4 = IpPrefix::parse("10.249.1.2/24").value();
  endpoint.ipv6 = IpPrefix::parse("fd00:1::2/64").value();
  endpoint.mac = MacAddress::parse("02:db:0a:f9:01:02").value();
  endpoint.joined = true;
  return endpoint;
}

NetworkDirectory the_peers() {
  NetworkDirectory directory;
  directory.learn(KnownNetwork{{"89abcdef01234567"}, "web", "br-89abcdef0123", {}});
  return directory;
}

std::set<Element> elements_of(Network const& network) {
  KernelState state;
  add_network(state, network, the_peers());
  return state.elements;
}

TEST(FirewallDoc, ShowsTheGoldenTables) {
  std::string const golden = read("tests/golden/skeleton.nft");
  ASSERT_FALSE(golden.empty());

  EXPECT_EQ(block_under(read("docs/firewall.md"), "## The tables"), golden);
}

TEST(FirewallDoc, ShowsWhatANetworkPutsIn) {
  expect_shown("### A network", elements_of(a_network()));
}

/// A feature, and what it makes of a plain network.
struct Feature {
  char const* heading;
  std::function<void(Network&)> make;
};

std::vector<Feature> features() {
  Service const postgres{{IPPROTO_TCP, IPPROTO_TCP}, {5432, 5432}};
  auto const cidr = [](char const* text) { return IpPrefix::parse(text).value(); };
  return {
      {"### An internal network", [](Network& it) { it.request.internal = true; }},
      {"### Members apart, or by project",
       [](Network& it) { it.spec.policy.isolation = Isolation::members; }},
      {"### team=red", [](Network& it) { it.spec.policy.team = "red"; }},
      {"### allow_from=web",
       [](Network& it) { it.spec.policy.allow_from = {{NetworkPeer{"web"}, {}}}; }},
      {"### allow_from=web:tcp/5432",
       [=](Network& it) { it.spec.policy.allow_from = {{NetworkPeer{"web"}, postgres}}; }},
      {"### allow_from=192.0.2.0/24",
       [=](Network& it) { it.spec.policy.allow_from = {{cidr("192.0.2.0/24"), {}}}; }},
      {"### egress=none", [](Network& it) { it.spec.policy.egress = Egress::none; }},
      {"### egress=internet", [](Network& it) { it.spec.policy.egress = Egress::internet; }},
      {"### egress=192.0.2.0/24:tcp/5432",
       [=](Network& it) {
         it.spec.policy.egress = Egress::listed;
         it.spec.policy.egress_list = {{cidr("192.0.2.0/24"), postgres}};
       }},
      {"### gateway_mode_ipv4=routed",
       [](Network& it) { it.spec.policy.mode_ipv4 = GatewayMode::routed; }},
      {"### gateway_mode_ipv4=nat-unprotected",
       [](Network& it) { it.spec.policy.mode_ipv4 = GatewayMode::nat_unprotected; }},
      {"### host_ipv4=198.51.100.7",
       [](Network& it) { it.spec.policy.host_ipv4 = IpAddress::parse("198.51.100.7").value(); }},
      {"### publish=host", [](Network& it) { it.spec.policy.publish = Publish::host; }},
      {"### publish=192.0.2.0/24",
       [=](Network& it) {
         it.spec.policy.publish = Publish::listed;
         it.spec.policy.publish_list = {cidr("192.0.2.0/24")};
       }},
      {"### connlimit=10/s:20", [](Network& it) { it.spec.policy.connlimit = ConnLimit{10, 20}; }},
  };
}

/// Features show what they add to a plain network, and with "without" what they leave out of it.
TEST(FirewallDoc, ShowsWhatEachFeaturePutsIn) {
  std::string const page = read("docs/firewall.md");
  std::set<Element> const plain = elements_of(a_network());
  for (Feature const& feature : features()) {
    Network network = a_network();
    feature.make(network);
    std::set<Element> const has = elements_of(network);
    EXPECT_EQ(block_under(page, feature.heading),
              lines_of(minus(has, plain)) + without(minus(plain, has)))
        << feature.heading;
  }
}

/// A feature of a network, the ports of its member, and what these put in.
struct PortFeature {
  char const* heading;
  std::vector<PublishedPort> ports;
  std::function<void(Network&)> make = [](Network&) {};
};

std::vector<PortFeature> port_features() {
  IpAddress const one_address = IpAddress::parse("198.51.100.7").value();
  PublishedPort const web{IPPROTO_TCP, {}, {8080, 8080}, 80};
  return {
      {"### -p 8080:80", {web}},
      {"### -p 198.51.100.7:53:53/udp", {{IPPROTO_UDP, one_address, {53, 53}, 53}}},
      {"### -p 5000-5999:5000-5999", {{IPPROTO_TCP, {}, {5000, 5999}, 5000}}},
      {"### -p 8080-8081:80-81", {{IPPROTO_TCP, {}, {8080, 8081}, 80}}},
      {"### -p 8080:80, members apart",
       {web},
       [](Network& it) { it.spec.policy.isolation = Isolation::members; }},
      {"### -p 8080:80, gateway_mode_ipv4=routed",
       {{IPPROTO_TCP, IpAddress{Family::ipv6, 0}, {8080, 8080}, 80},
        {IPPROTO_TCP, IpAddress{Family::ipv4, 0}, {0, 0}, 80}},
       [](Network& it) { it.spec.policy.mode_ipv4 = GatewayMode::routed; }},
  };
}

std::set<Element> elements_of(Network const& network, Endpoint const& member) {
  KernelState state;
  add_endpoint(state, network, member);
  add_relayed_elements(state.elements, network, {&member});
  return state.elements;
}

TEST(FirewallDoc, ShowsWhatPublishedPortsPutIn) {
  for (PortFeature const& feature : port_features()) {
    Network network = a_network();
    feature.make(network);
    Endpoint member = a_member();
    std::set<Element> const plain = elements_of(network, member);
    member.ports = feature.ports;
    expect_shown(feature.heading, minus(elements_of(network, member), plain));
  }
}

TEST(FirewallDoc, ShowsWhatAProxyOfAMemberPutsIn) {
  Endpoint const member = a_member();
  std::set<ProxyRoute> routes;
  for (char const* from : {"172.17.0.2", "fd00:17::2"}) {
    routes.insert({member.network, member.id, "docker0", IpAddress::parse(from).value()});
  }
  std::set<Element> elements;
  add_route_elements(elements, member, routes);

  expect_shown("### A proxy", elements);
}

TEST(FirewallDoc, ShowsWhatAMemberPutsIn) {
  KernelState state;
  add_endpoint(state, a_network(), a_member());

  expect_shown("### A member", state.elements);
}

}  // namespace
}  // namespace drawbridge
