// What people and programs read of published ports: the table, the log, and the JSON between.
#include "plugin/port_listing.h"

#include "cli/port_table.h"
#include "plugin/port_brief.h"
#include "tests/support/expect_ok.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace drawbridge {
namespace {

IpAddress address(std::string_view text) {
  return *IpAddress::parse(text);
}

/// Port 8080 of every address to port 80 of `web`, a container of network `shop`.
ListedPort web() {
  ListedPort port;
  port.network_name = "shop";
  port.listing.network = {"8f3a000000000000"};
  port.listing.endpoint = {"b200000000000000"};
  port.listing.container = "web";
  port.listing.port = {6, {}, {8080, 8080}, 80};
  port.listing.ipv4 = address("10.249.1.2");
  return port;
}

ListedPort web_on(PublishedPort const& port) {
  ListedPort listed = web();
  listed.listing.port = port;
  return listed;
}

TEST(PortTable, HasAColumnForWhoWhereAndForWhom) {
  ListedPort listed = web_on({6, address("127.0.0.1"), {8000, 8010}, 80});
  listed.listing.publish = Publish::listed;
  listed.listing.publish_list = {*IpPrefix::parse("10.0.0.0/8"), *IpPrefix::parse("fd00::/8")};
  ListedPort udp = web_on({17, address("::1"), {53, 53}, 5353});
  udp.listing.ipv6 = address("fd00:1::2");
  udp.listing.publish = Publish::host;
  EXPECT_EQ(port_table({web(), listed, udp}),
            "CONTAINER   NETWORK   PUBLISHED                TO                     REACHED BY\n"
            "web         shop      [::1]:53                 [fd00:1::2]:5353/udp   host\n"
            "web         shop      127.0.0.1:8000-8010      10.249.1.2:80-90/tcp   "
            "10.0.0.0/8,fd00::/8\n"
            "web         shop      0.0.0.0:8080,[::]:8080   10.249.1.2:80/tcp      all\n");
}

TEST(PortTable, IsJustTitlesWhereNothingIsPublished) {
  EXPECT_EQ(port_table({}), "CONTAINER   NETWORK   PUBLISHED   TO   REACHED BY\n");
}

TEST(PortTable, ShowsTheBeginningOfAnIdWhereANameIsNotKnown) {
  ListedPort nameless = web();
  nameless.network_name.clear();
  nameless.listing.container.clear();
  std::string const table = port_table({nameless});
  EXPECT_NE(table.find("b20000000000   8f3a00000000   0.0.0.0:8080"), std::string::npos) << table;
}

TEST(PortTable, HasNothingInItThatATerminalActsOn) {
  ListedPort hostile = web();
  hostile.network_name = "shop\x1b[2J\n";
  std::string const table = port_table({hostile});
  EXPECT_NE(table.find("shop?[2J?"), std::string::npos) << table;
  EXPECT_EQ(table.find('\x1b'), std::string::npos);
}

TEST(PortTable, SaysBelowWhichPortsAreNotHeld) {
  ListedPort lost = web_on({6, address("0.0.0.0"), {8080, 8081}, 80});
  lost.listing.publish = Publish::none;
  lost.listing.trouble = "tcp port 0.0.0.0:8080 is taken by nginx (pid 4711)";
  std::string const table = port_table({lost, web_on({6, {}, {9090, 9090}, 90})});
  EXPECT_NE(table.find("10.249.1.2:80-81/tcp   none\n"), std::string::npos) << table;
  EXPECT_TRUE(
      table.ends_with("0.0.0.0:8080-8081/tcp is not held: "
                      "tcp port 0.0.0.0:8080 is taken by nginx (pid 4711)\n"))
      << table;
}

TEST(PortTable, LeadsIpv6ToAContainerThatHasOnlyIpv4) {
  std::string const table = port_table({web_on({6, address("::"), {8080, 8080}, 80})});
  EXPECT_NE(table.find("[::]:8080   10.249.1.2:80/tcp"), std::string::npos) << table;
}

TEST(PortTable, HasPortsThatAreReachedAtTheContainersAddress) {
  PublishedPort const routed{6, {}, {0, 0}, 80};
  std::string const table = port_table({web_on(routed)});
  EXPECT_NE(table.find("shop      -           10.249.1.2:80/tcp   all\n"), std::string::npos)
      << table;
  EXPECT_EQ(brief_text({routed}), "80/tcp");
}

TEST(PortText, OfTheLogIsShort) {
  std::vector<PublishedPort> ports = {{6, {}, {30000, 30000}, 80},
                                      {17, address("::1"), {53, 54}, 5353}};
  EXPECT_EQ(brief_text(ports), "0.0.0.0:30000->80/tcp,[::1]:53-54->5353-5354/udp");
  for (std::uint16_t port = 1; port <= 100; ++port) {
    ports.push_back({132, {}, {port, port}, port});
  }
  EXPECT_EQ(brief_text(ports),
            "0.0.0.0:30000->80/tcp,[::1]:53-54->5353-5354/udp,0.0.0.0:1->1/sctp,"
            "0.0.0.0:2->2/sctp,...+98");
  EXPECT_EQ(brief_text({}), "");
}

TEST(PortListing, IsAnObjectForEachPort) {
  ListedPort port = web();
  port.listing.ipv6 = address("fd00:1::2");
  EXPECT_EQ(encode_ports({port}),
            R"([{"network":"8f3a000000000000","network_name":"shop",)"
            R"("endpoint":"b200000000000000","container":"web","protocol":"tcp",)"
            R"("host_address":"","host_port":8080,"host_port_last":8080,)"
            R"("container_addresses":["10.249.1.2","fd00:1::2"],"container_port":80,)"
            R"("reach":"all","held":true,"trouble":""}])");
  EXPECT_EQ(encode_ports({}), "[]");
}

TEST(PortListing, IsReadAsItWasWritten) {
  ListedPort listed = web_on({17, address("192.0.2.9"), {8000, 8010}, 80});
  listed.listing.publish = Publish::listed;
  listed.listing.publish_list = {*IpPrefix::parse("10.0.0.0/8")};
  ListedPort lost = web_on({132, address("::"), {1, 1}, 65535});
  lost.listing.publish = Publish::none;
  lost.listing.ipv4.reset();
  lost.listing.ipv6 = address("fd00:1::2");
  lost.listing.trouble = "taken";
  std::string const written = encode_ports({web(), listed, lost});
  EXPECT_NE(written.find(R"("reach":["10.0.0.0/8"],"held":true)"), std::string::npos) << written;
  EXPECT_NE(written.find(R"("reach":"none","held":false)"), std::string::npos) << written;
  Result<std::vector<ListedPort>> const read = decode_ports(written);
  ASSERT_OK(read);
  EXPECT_EQ(encode_ports(*read), written);
  EXPECT_EQ(port_table(*read), port_table({web(), listed, lost}));
}

TEST(PortListing, MayBeLong) {
  std::vector<ListedPort> ports;
  for (int i = 1; i <= 10000; ++i) {
    auto const number = static_cast<std::uint16_t>(i);
    ports.push_back(web_on({6, {}, {number, number}, 80}));
  }
  Result<std::vector<ListedPort>> const read = decode_ports(encode_ports(ports));
  ASSERT_OK(read);
  EXPECT_EQ(read->size(), ports.size());
}

TEST(PortListing, OfAnotherProgramIsRefused) {
  std::string const good = encode_ports({web()});
  auto const with = [&good](std::string const& part, std::string const& other) {
    std::string text = good;
    return text.replace(text.find(part), part.size(), other);
  };
  std::pair<std::string, char const*> const bad[] = {
      {"", "not a list of ports"},
      {"oops", "not a list of ports"},
      {"{}", "not a list of ports: \"ports\" is not a list"},
      {"[5]", "\"ports\" is not a list of objects: 5"},
      {with("\"tcp\"", "\"icmp\""), "\"protocol\" is not one of tcp, udp and sctp"},
      {with("8080", "80800"), "\"host_port\" is 80800"},
      {with("\"all\"", "\"some\""), "\"reach\" is not all, host, none or a list"},
      {with("\"all\"", "[\"ten\"]"), "\"reach\": "},
      {with("10.249.1.2", "ten"), "\"container_addresses\": "},
  };
  for (auto const& [body, words] : bad) {
    EXPECT_TRUE(fails_with(decode_ports(body), Errc::malformed, words)) << body;
  }
}

}  // namespace
}  // namespace drawbridge
