#include "driver/policy_options.h"

#include "tests/support/expect_ok.h"
#include "tests/support/permission_text.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace drawbridge {
namespace {

struct Refusal {
  std::string text;
  std::string reason;
};

template <class Parse>
void expect_refused(Parse parse, std::vector<Refusal> const& refusals) {
  for (auto const& [text, reason] : refusals) {
    auto const result = parse(text);
    ASSERT_FALSE(result.has_value()) << text;
    EXPECT_EQ(result.error().code, Errc::invalid_argument);
    EXPECT_EQ(result.error().message, reason) << text;
  }
}

/// returns  "a0,a1,a2": as many entries
std::string list_of(std::size_t entries) {
  std::string list;
  for (std::size_t i = 0; i < entries; ++i) {
    list += fmt::format("{}a{}", i == 0 ? "" : ",", i);
  }
  return list;
}

TEST(PolicyOptions, BooleansAreThoseOfDocker) {
  for (char const* text : {"1", "t", "T", "true", "TRUE", "True"}) {
    EXPECT_EQ(parse_docker_bool(text).value(), true) << text;
  }
  for (char const* text : {"0", "f", "F", "false", "FALSE", "False"}) {
    EXPECT_EQ(parse_docker_bool(text).value(), false) << text;
  }
  expect_refused(parse_docker_bool, {{"", "is empty: give true or false"},
                                     {"yes", "is unknown: give true or false"},
                                     {"tRUE", "is unknown: give true or false"},
                                     {" true", "is unknown: give true or false"},
                                     {"2", "is unknown: give true or false"}});
}

TEST(PolicyOptions, WordsAreReadAsTheyAreWritten) {
  EXPECT_EQ(parse_isolation("network").value(), Isolation::network);
  EXPECT_EQ(parse_isolation("members").value(), Isolation::members);
  EXPECT_EQ(parse_isolation("project").value(), Isolation::project);
  expect_refused(parse_isolation, {{"", "is empty: give network, members or project"},
                                   {"Members", "is unknown: give network, members or project"},
                                   {"members ", "is unknown: give network, members or project"}});
  EXPECT_EQ(parse_gateway("auto").value(), true);
  EXPECT_EQ(parse_gateway("none").value(), false);
  expect_refused(parse_gateway, {{"", "is empty: give auto or none"},
                                 {"10.0.0.1", "is unknown: give auto or none"}});
  EXPECT_EQ(parse_gateway_mode("nat").value(), GatewayMode::nat);
  EXPECT_EQ(parse_gateway_mode("nat-unprotected").value(), GatewayMode::nat_unprotected);
  EXPECT_EQ(parse_gateway_mode("routed").value(), GatewayMode::routed);
  EXPECT_EQ(parse_gateway_mode("isolated").value(), GatewayMode::isolated);
  expect_refused(parse_gateway_mode,
                 {{"", "is empty: give nat, nat-unprotected, routed or isolated"},
                  {"bridge", "is unknown: give nat, nat-unprotected, routed or isolated"}});
}

TEST(PolicyOptions, ATeamIsOneName) {
  for (std::string const& text :
       {std::string("a"), std::string("Blue_team-7.x"), std::string(64, 'x'), std::string("..")}) {
    EXPECT_EQ(parse_team(text).value(), text);
  }
  char const* const reason = "is no team: give a name of 1 to 64 letters, digits, '_', '-' and '.'";
  expect_refused(parse_team, {{"", reason},
                              {"a b", reason},
                              {"a,b", reason},
                              {"a\n", reason},
                              {std::string("a\0b", 3), reason},
                              {"r\xc3\xb6t", reason},
                              {std::string(65, 'x'), reason},
                              {std::string(1'000'000, 'x'), reason}});
}

TEST(PolicyOptions, HostAddressesAreOfTheirFamily) {
  EXPECT_EQ(parse_host_address("192.0.2.7", Family::ipv4)->to_string(), "192.0.2.7");
  EXPECT_EQ(parse_host_address("2001:DB8::7", Family::ipv6)->to_string(), "2001:db8::7");
  auto const ipv4 = [](std::string_view text) { return parse_host_address(text, Family::ipv4); };
  auto const ipv6 = [](std::string_view text) { return parse_host_address(text, Family::ipv6); };
  char const* const need_ipv4 = "give an IPv4 address of this host";
  char const* const need_ipv6 = "give an IPv6 address of this host";
  expect_refused(ipv4, {{"", need_ipv4},
                        {"2001:db8::7", need_ipv4},
                        {"0.0.0.0", need_ipv4},
                        {"192.0.2.7/24", need_ipv4},
                        {"eth0", need_ipv4},
                        {std::string("192.0.2.7\0", 10), need_ipv4}});
  expect_refused(ipv6, {{"192.0.2.7", need_ipv6}, {"::", need_ipv6}, {"fe80::1%eth0", need_ipv6}});
}

TEST(PolicyOptions, HubsAreContainersProjectsAndLabels) {
  EXPECT_EQ(parse_hubs("db").value(), (std::vector<Hub>{{Hub::Kind::container, "db", {}}}));
  EXPECT_EQ(parse_hubs("project:shop").value(),
            (std::vector<Hub>{{Hub::Kind::project, "shop", {}}}));
  EXPECT_EQ(parse_hubs("label:hub").value(), (std::vector<Hub>{{Hub::Kind::label, "hub", {}}}));
  EXPECT_EQ(parse_hubs("label:com.example.role=a:b=c d").value(),
            (std::vector<Hub>{{Hub::Kind::label, "com.example.role", "a:b=c d"}}));
  EXPECT_EQ(parse_hubs("label:hub=").value(), (std::vector<Hub>{{Hub::Kind::label, "hub", ""}}));
  EXPECT_EQ(parse_hubs("label:a:b").value(), (std::vector<Hub>{{Hub::Kind::label, "a:b", {}}}));
}

TEST(PolicyOptions, EachHubIsThereOnce) {
  std::vector<Hub> const hubs =
      parse_hubs(" web , db,web,label:a=1,project:p, label:a=1,label:a").value();
  std::vector<std::string> texts;
  for (Hub const& hub : hubs) {
    texts.push_back(to_text(hub));
  }
  EXPECT_EQ(texts, (std::vector<std::string>{"db", "web", "project:p", "label:a", "label:a=1"}));
}

TEST(PolicyOptions, BadHubsSayWhatToWrite) {
  expect_refused(
      parse_hubs,
      {{"", "is empty: name something, or leave the option out"},
       {"  ", "is empty: name something, or leave the option out"},
       {",", "entry 1 is empty: write entries with one comma between them"},
       {"a,,b", "entry 2 is empty: write entries with one comma between them"},
       {"a,", "entry 2 is empty: write entries with one comma between them"},
       {"a,b\nc", "entry 2 has control characters: leave them out"},
       {"a/b", "\"a/b\" is no container's name: give letters, digits, '_', '-' and '.'"},
       {"/web", "\"/web\" is no container's name: give letters, digits, '_', '-' and '.'"},
       {"project:", "\"project:\" is no project: give letters, digits, '_', '-' and '.'"},
       {"project:a:b", "\"project:a:b\" is no project: give letters, digits, '_', '-' and '.'"},
       {"label:", "\"label:\" has no label: write label:KEY or label:KEY=VALUE"},
       {"label:=x", "\"label:=x\" has no label: write label:KEY or label:KEY=VALUE"},
       {"lable:x",
        "\"lable:x\" is unknown: write a container's name, project:NAME, label:KEY or "
        "label:KEY=VALUE"},
       {":::",
        "\":::\" is unknown: write a container's name, project:NAME, label:KEY or "
        "label:KEY=VALUE"},
       {"label:" + std::string(250, 'x'), "entry 1 has 256 characters: at most 255 can be"},
       {list_of(65), "has 65 entries: at most 64 can be"}});
  EXPECT_EQ(parse_hubs(list_of(64))->size(), 64u);
  EXPECT_OK(parse_hubs("label:" + std::string(249, 'x')));
}

TEST(PolicyOptions, PeersAreNetworksAddressesAndPrefixes) {
  std::pair<char const*, char const*> const good[] = {
      {"web", "web"},
      {"shop_default", "shop_default"},
      {"0123456789ab", "0123456789ab"},
      {"172", "172"},
      {"tcp", "tcp"},
      {"10.0.0.0/8", "10.0.0.0/8"},
      {"10.1.2.3", "10.1.2.3/32"},
      {"0.0.0.0/0", "0.0.0.0/0"},
      {"fd00::/8", "fd00::/8"},
      {"FD00::1", "fd00::1/128"},
      {"::", "::/128"},
      {"web:tcp", "web:tcp"},
      {"web:tcp/80", "web:tcp/80"},
      {"web:udp/1-65535", "web:udp/1-65535"},
      {"web:sctp/9-9", "web:sctp/9"},
      {"tcp:tcp/1", "tcp:tcp/1"},
      {"10.0.0.0/8:udp/53", "10.0.0.0/8:udp/53"},
      {"fd00::/8:tcp/80", "fd00::/8:tcp/80"},
      {"fd00::/8:tcp", "fd00::/8:tcp"},
      {"fd00::1:tcp/80", "fd00::1/128:tcp/80"},
      {"fd00:::tcp/80", "fd00::/128:tcp/80"},
      {":::udp", "::/128:udp"},
      {"::ffff:10.0.0.1:tcp/80", "::ffff:10.0.0.1/128:tcp/80"},
      {" web:tcp/80 ,  db ", "db, web:tcp/80"},
  };
  for (auto const& [text, expected] : good) {
    Result<std::vector<Permission>> const permissions = parse_permissions(text);
    ASSERT_OK(permissions) << text;
    EXPECT_EQ(text_of(*permissions), expected) << text;
  }
}

TEST(PolicyOptions, BadPeersSayWhatToWrite) {
  char const* const no_peer =
      "an entry has no peer: write PEER:tcp/80 with a network, an address or a CIDR";
  expect_refused(
      parse_permissions,
      {{"", "is empty: name something, or leave the option out"},
       {"web,,db", "entry 2 is empty: write entries with one comma between them"},
       {"web,\x01", "entry 2 has control characters: leave them out"},
       {std::string("web\0x", 5), "entry 1 has control characters: leave them out"},
       {list_of(65), "has 65 entries: at most 64 can be"},
       {std::string(1'000'000, ','), "has 1000001 entries: at most 64 can be"},
       {std::string(1'000'000, 'a'), "entry 1 has 1000000 characters: at most 255 can be"},
       {":tcp/80", no_peer},
       {":", no_peer},
       {":80", no_peer},
       {"web:80", "\"80\" in \"web:80\" is no protocol: write web:tcp/80, with tcp, udp or sctp"},
       {"web:", "\"\" in \"web:\" is no protocol: write web:tcp/80, with tcp, udp or sctp"},
       {"web:TCP/80",
        "\"TCP/80\" in \"web:TCP/80\" is no protocol: write web:tcp/80, with tcp, udp or sctp"},
       {"10.0.0.0/8:icmp",
        "\"icmp\" in \"10.0.0.0/8:icmp\" is no protocol: write 10.0.0.0/8:tcp/80, with tcp, udp or "
        "sctp"},
       {"fd00::/8:80",
        "\"80\" in \"fd00::/8:80\" is no protocol: write fd00::/8:tcp/80, with tcp, udp or sctp"},
       {"web:tcp/80:udp/80",
        "\"tcp/80\" in \"web:tcp/80\" is no protocol: write web:tcp/80, with tcp, udp or sctp"}});
}

TEST(PolicyOptions, MistypedAddressesAreNoNames) {
  auto const no_address = [](char const* text) {
    return fmt::format(
        "\"{}\" is no address: write one such as 10.0.0.1 or fd00::1, or a CIDR such as 10.0.0.0/8",
        text);
  };
  for (char const* text : {"10.0.0.300", "10.0.0", "10.0.0.1.2", "1.", "a:b:c", "fd00::1%eth0",
                           "fd00:::1", "::::::::::::::::", "010.0.0.1"}) {
    expect_refused(parse_permissions, {{text, no_address(text)}});
  }
  auto const no_cidr = [](char const* text) {
    return fmt::format("\"{}\" is no CIDR: write one such as 10.0.0.0/8 or fd00::/8", text);
  };
  for (char const* text : {"10.0.0.0/33", "10.0.0.0/", "/8", "web/8", "fd00::/129", "10.0.0.0/8/8",
                           "10.0.0.0/-1", "10.0.0.0/99999999999", "10.0.0.0/8-tcp", "fd00::/8x"}) {
    expect_refused(parse_permissions, {{text, no_cidr(text)}});
  }
  expect_refused(
      parse_permissions,
      {{"10.1.2.3/8",
        "\"10.1.2.3/8\" has host bits set: write 10.0.0.0/8, or 10.1.2.3 for the one address"},
       {"fd00::1/8:tcp/80",
        "\"fd00::1/8\" has host bits set: write fd00::/8, or fd00::1 for the one address"},
       {"my network",
        "\"my network\" is no network: give a name of letters, digits, '_', '-' and '.', or the "
        "network's id"},
       {"a;b",
        "\"a;b\" is no network: give a name of letters, digits, '_', '-' and '.', or the "
        "network's id"}});
}

TEST(PolicyOptions, PortsAreChecked) {
  for (char const* ports :
       {"", "0", "65536", "99999999999999999999", "-1", "+1", "80-", "-", "80-0", "0-80",
        "80-65536", "80-90-100", "8 0", "0x50", "http", "8_0"}) {
    std::string const reason = fmt::format(
        "\"{}\" is no port: write 80 or 8000-8010, with numbers from 1 to 65535", ports);
    expect_refused(parse_permissions, {{std::string("web:tcp/") + ports, reason}});
  }
  expect_refused(parse_permissions, {{"web:udp/90-80", "\"90-80\" goes backwards: write 80-90"}});
}

TEST(PolicyOptions, EgressIsAWordOrAListOfAddresses) {
  EXPECT_EQ(parse_egress("all").value(), (EgressRule{Egress::all, {}}));
  EXPECT_EQ(parse_egress("internet").value(), (EgressRule{Egress::internet, {}}));
  EXPECT_EQ(parse_egress("none").value(), (EgressRule{Egress::none, {}}));
  EgressRule const rule = parse_egress("10.9.0.0/16:tcp/443,192.0.2.1,10.9.0.0/16:tcp/442").value();
  EXPECT_EQ(rule.egress, Egress::listed);
  EXPECT_EQ(rule.list,
            (std::vector<Destination>{{*IpPrefix::parse("10.9.0.0/16"), {{6, 6}, {442, 443}}},
                                      {*IpPrefix::parse("192.0.2.1/32"), {}}}));
}

TEST(PolicyOptions, BadEgressSaysWhatToWrite) {
  char const* const hint =
      "is no address: give all, internet, none, or a list of addresses and CIDRs; for networks "
      "there is allow_from of the other one";
  expect_refused(parse_egress, {{"", "is empty: name something, or leave the option out"},
                                {"intrenet", fmt::format("\"intrenet\" {}", hint)},
                                {"10.0.0.0/8,web", fmt::format("\"web\" {}", hint)}});
}

TEST(PolicyOptions, WordsOfEgressStandAlone) {
  expect_refused(
      parse_egress,
      {{"internet,10.0.0.0/8", "\"internet\" stands alone: leave it or the other entries out"},
       {"10.0.0.0/8,none", "\"none\" stands alone: leave it or the other entries out"},
       {"all,all", "\"all\" stands alone: leave it or the other entries out"},
       {"all:tcp/80", "\"all\" stands alone: leave it or the other entries out"}});
}

}  // namespace
}  // namespace drawbridge
