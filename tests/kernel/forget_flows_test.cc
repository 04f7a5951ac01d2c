// Which connections patterns mean, shown by entries that conntrack(8) puts there.
#include "netlink/conntrack.h"
#include "netlink/linux_kernel.h"
#include "tests/support/expect_ok.h"
#include "tests/support/netns.h"
#include "tests/support/temp_directory.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

IpAddress ip(std::string const& text) {
  return *IpAddress::parse(text);
}

constexpr std::uint8_t tcp = 6;
constexpr std::uint8_t udp = 17;

/// Addresses of one family.
struct Places {
  std::string client;
  std::string host;
  std::string other_host;
  std::string container;
  std::string other_container;
};

Places const ipv4{"192.0.2.9", "192.0.2.1", "192.0.2.2", "10.1.0.2", "10.1.0.3"};
Places const ipv6{"2001:db8::9", "2001:db8::1", "2001:db8::2", "fd00::2", "fd00::3"};

/// A connection to `destination` that really goes to `end`.
struct Entry {
  std::uint8_t protocol;
  std::string source;
  std::string destination;
  std::uint16_t port;
  std::string end;
};

/// Each comes back from a port of its own, so that no two replies look alike.
void insert(Entry const& entry) {
  static int reply_port = 7000;
  char const* const protocol = entry.protocol == tcp ? "tcp --state ESTABLISHED" : "udp";
  shell(
      fmt::format("conntrack -I -p {} -s {} -d {} --sport 5000 --dport {} -r {} -q {} "
                  "--reply-port-src {} --reply-port-dst 5000 -t 600",
                  protocol, entry.source, entry.destination, entry.port, entry.end, entry.source,
                  ++reply_port));
}

std::string text_of(Flow const& flow) {
  return fmt::format("{} {} to {}:{} at {}", flow.protocol, flow.source.to_string(),
                     flow.destination.to_string(), flow.destination_port,
                     flow.translated_destination.to_string());
}

std::string text_of(Entry const& entry) {
  return fmt::format("{} {} to {}:{} at {}", entry.protocol, entry.source, entry.destination,
                     entry.port, entry.end);
}

std::vector<std::string> flows_that_are_there() {
  std::vector<std::string> flows;
  EXPECT_OK(cut_flows([&](Flow const& flow) {
    flows.push_back(text_of(flow));
    return false;
  }));
  std::sort(flows.begin(), flows.end());
  return flows;
}

FlowPattern party(std::string const& address) {
  return {ip(address), {}, {}, {}};
}

/// Among so many that mean nothing that every connection is looked at.
std::vector<FlowPattern> among_many(FlowPattern const& pattern) {
  std::vector<FlowPattern> patterns(5, party("203.0.113.77"));
  patterns[2] = pattern;
  return patterns;
}

class ForgetFlows : public NetnsTest {
 protected:
  /// Tries the pattern alone and among many others.
  static void expect(FlowPattern const& pattern, std::vector<Entry> const& meant,
                     std::vector<Entry> const& others) {
    for (std::vector<FlowPattern> const& patterns :
         {std::vector<FlowPattern>{pattern}, among_many(pattern)}) {
      std::for_each(meant.begin(), meant.end(), insert);
      std::for_each(others.begin(), others.end(), insert);
      ASSERT_EQ(flows_that_are_there().size(), meant.size() + others.size());
      EXPECT_EQ(forget_flows(patterns).value(), meant.size());
      expect_there(others);
      shell("conntrack -F");
    }
  }

  static void expect_there(std::vector<Entry> const& entries) {
    std::vector<std::string> expected;
    for (Entry const& entry : entries) {
      expected.push_back(text_of(entry));
    }
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(flows_that_are_there(), expected);
  }
};

TEST_F(ForgetFlows, OfAHostPortAndNoneThatDiffersInOneThing) {
  for (Places const& at : {ipv4, ipv6}) {
    FlowPattern const port53{{}, udp, ip(at.host), PortRange{53, 53}};
    expect(
        port53,
        {{udp, at.client, at.host, 53, at.container}, {udp, at.other_host, at.host, 53, at.host}},
        {{udp, at.client, at.other_host, 53, at.container},
         {udp, at.client, at.host, 54, at.container},
         {tcp, at.client, at.host, 53, at.container},
         {udp, at.client, at.container, 53, at.host}});
  }
}

TEST_F(ForgetFlows, OfARangeOfHostPorts) {
  for (Places const& at : {ipv4, ipv6}) {
    expect({{}, tcp, ip(at.host), PortRange{8080, 8082}},
           {{tcp, at.client, at.host, 8080, at.container},
            {tcp, at.client, at.host, 8082, at.container}},
           {{tcp, at.client, at.host, 8079, at.container},
            {tcp, at.client, at.host, 8083, at.container},
            {udp, at.client, at.host, 8081, at.container}});
  }
}

TEST_F(ForgetFlows, OfAPortOfEveryAddressOfBothFamilies) {
  expect({{}, udp, {}, PortRange{53, 53}},
         {{udp, ipv4.client, ipv4.host, 53, ipv4.container},
          {udp, ipv4.client, ipv4.other_host, 53, ipv4.container},
          {udp, ipv6.client, ipv6.host, 53, ipv6.container}},
         {{udp, ipv4.client, ipv4.host, 54, ipv4.container},
          {tcp, ipv6.client, ipv6.host, 53, ipv6.container}});
}

TEST_F(ForgetFlows, OfAPartyWhoeverOpenedThem) {
  for (Places const& at : {ipv4, ipv6}) {
    expect(party(at.container),
           {{udp, at.container, at.client, 53, at.client},
            {tcp, at.container, at.client, 443, at.client},
            {tcp, at.client, at.host, 80, at.container},
            {udp, at.client, at.container, 53, at.container},
            {tcp, at.container, at.host, 80, at.container}},
           {{udp, at.other_container, at.client, 53, at.client},
            {tcp, at.client, at.host, 81, at.other_container},
            {tcp, at.client, at.container, 82, at.other_container}});
  }
}

TEST_F(ForgetFlows, ByAPublishedPortAndNotThoseThatTheContainerOpensToThatNumber) {
  for (Places const& at : {ipv4, ipv6}) {
    FlowPattern pattern{{}, tcp, {}, PortRange{443, 443}};
    pattern.end = ip(at.container);
    expect(pattern, {{tcp, at.client, at.host, 443, at.container}},
           {{tcp, at.container, at.client, 443, at.client},
            {tcp, at.client, at.other_host, 443, at.other_container}});
  }
}

TEST_F(ForgetFlows, OfSeveralPatternsAtOnce) {
  Entry const other{udp, ipv4.client, ipv4.host, 54, ipv4.other_container};
  for (Entry const& entry : {Entry{udp, ipv4.client, ipv4.host, 53, ipv4.container},
                             Entry{tcp, ipv6.client, ipv6.host, 80, ipv6.container}, other}) {
    insert(entry);
  }
  EXPECT_EQ(forget_flows({party(ipv4.container),
                          party(ipv6.container),
                          {{}, udp, ip(ipv4.host), PortRange{53, 53}},
                          {{}, udp, ip(ipv6.host), PortRange{53, 53}}})
                .value(),
            2U);
  expect_there({other});
  EXPECT_EQ(forget_flows({}).value(), 0U);
  expect_there({other});
}

TEST_F(ForgetFlows, AsTheKernelOffersIt) {
  Result<std::unique_ptr<LinuxKernel>> const kernel = LinuxKernel::open();
  ASSERT_OK(kernel);
  insert({udp, ipv4.client, ipv4.host, 53, ipv4.container});
  insert({udp, ipv4.client, ipv4.host, 54, ipv4.other_container});
  EXPECT_EQ((*kernel)->forget_flows({party(ipv4.container)}).value(), 1U);
  EXPECT_EQ(flows_that_are_there().size(), 1U);
}

/// Connections of a hundred clients to a port of ten addresses, which leads to ten containers.
void insert_100000() {
  TempDirectory const directory;
  std::string const file = directory / "entries";
  std::ofstream entries(file);
  for (int i = 0; i < 100000; ++i) {
    entries << fmt::format(
        "-A -t 600 -s 10.1.0.{0} -d 192.0.2.{1} -r 10.2.0.{1} -q 10.1.0.{0} -p udp --sport {2} "
        "--dport 53 --reply-port-src 53 --reply-port-dst {2}\n",
        i % 100 + 1, i % 10 + 1, 1000 + i / 100);
  }
  entries.close();
  shell("conntrack -R " + file);
}

std::int64_t processor_us() {
  timespec now{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/// returns  the processor time that forgetting as many took; the test's report has it, too
std::int64_t cost_of(std::string const& what, std::vector<FlowPattern> const& patterns,
                     std::size_t expected) {
  std::int64_t const start = processor_us();
  EXPECT_EQ(forget_flows(patterns).value(), expected) << what;
  std::int64_t const cost = processor_us() - start;
  testing::Test::RecordProperty(what + "_us", std::to_string(cost));
  return cost;
}

TEST_F(ForgetFlows, AmongAHundredThousandTheKernelListsTheFewThatAreMeant) {
  insert_100000();
  ASSERT_EQ(flows_that_are_there().size(), 100000U);
  FlowPattern const nothing = party("10.9.0.1");
  std::int64_t const few = cost_of("one_that_means_nothing", {nothing}, 0);
  std::vector<FlowPattern> many;
  for (int i = 1; i <= 13; ++i) {
    many.push_back(party(fmt::format("10.9.0.{}", i)));
  }
  EXPECT_LT(2 * few, cost_of("a_look_at_all", many, 0));
  cost_of("one_client", {party("10.1.0.7")}, 1000);
  cost_of("one_server", {party("10.2.0.3")}, 10000);
  cost_of("one_port", {{{}, udp, ip("192.0.2.4"), PortRange{53, 53}}}, 10000);
  EXPECT_EQ(flows_that_are_there().size(), 79000U);
}

}  // namespace
}  // namespace drawbridge
