// docs/firewall.md shows the tables as the kernel tests see them listed, and what networks put in.
#include "driver/desired_state.h"
#include "netlink/plan.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

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

std::set<Element> elements_of(Network const& network) {
  KernelState state;
  add_network(state, network);
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

TEST(FirewallDoc, ShowsWhatAnInternalNetworkPutsIn) {
  Network network = a_network();
  network.request.internal = true;

  expect_shown("### An internal network", elements_of(network));
}

TEST(FirewallDoc, ShowsWhatAMemberPutsIn) {
  KernelState state;
  add_endpoint(state, a_network(), a_member());

  expect_shown("### A member", state.elements);
}

}  // namespace
}  // namespace drawbridge
