#include "driver/network_options.h"

#include "tests/support/expect_ok.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

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

TEST(NetworkOptions, NothingSaidRestrictsNobody) {
  NetworkRequest request;
  request.id = {"abcdef0123456789"};
  NetworkSpec const spec = parse_network_options(request).value();
  EXPECT_EQ(spec.policy, Policy{});
  EXPECT_TRUE(spec.is_default_route);
  EXPECT_FALSE(spec.inhibit_ipv4);
}

TEST(NetworkOptions, EachPolicyKeyIsRead) {
  auto const spec = [](std::string const& key, std::string const& value) {
    return parse_network_options(with_option(key, value)).value();
  };
  auto const policy = [&](std::string const& key, std::string const& value) {
    return spec(key, value).policy;
  };
  EXPECT_EQ(policy("isolation", "project").isolation, Isolation::project);
  EXPECT_EQ(policy("hubs", "db,label:hub").hubs.size(), 2u);
  EXPECT_EQ(policy("team", "blue").team, "blue");
  EXPECT_EQ(policy("allow_from", "fd00::/8:tcp/80").allow_from,
            (std::vector<Permission>{{*IpPrefix::parse("fd00::/8"), {{6, 6}, {80, 80}}}}));
  EXPECT_EQ(policy("egress", "none").egress, Egress::none);
  EXPECT_EQ(policy("egress", "10.0.0.0/8").egress, Egress::listed);
  EXPECT_EQ(policy("egress", "10.0.0.0/8").egress_list,
            (std::vector<Destination>{{*IpPrefix::parse("10.0.0.0/8"), {}}}));
  EXPECT_FALSE(spec("gateway", "none").is_default_route);
  EXPECT_TRUE(spec("gateway", "auto").is_default_route);
}

TEST(NetworkOptions, EachKeyOfDockersBridgeIsRead) {
  auto const spec = [](std::string const& key, std::string const& value) {
    return parse_network_options(with_option("com.docker.network." + key, value)).value();
  };
  EXPECT_EQ(spec("bridge.enable_icc", "F").policy.isolation, Isolation::members);
  EXPECT_EQ(spec("bridge.enable_icc", "1").policy.isolation, Isolation::network);
  EXPECT_FALSE(spec("bridge.enable_ip_masquerade", "false").policy.masquerade);
  EXPECT_TRUE(spec("bridge.enable_ip_masquerade", "t").policy.masquerade);
  EXPECT_EQ(spec("bridge.gateway_mode_ipv4", "routed").policy.mode_ipv4, GatewayMode::routed);
  EXPECT_EQ(spec("bridge.gateway_mode_ipv6", "nat-unprotected").policy.mode_ipv6,
            GatewayMode::nat_unprotected);
  EXPECT_TRUE(spec("bridge.inhibit_ipv4", "True").inhibit_ipv4);
  EXPECT_FALSE(spec("bridge.inhibit_ipv4", "0").inhibit_ipv4);
  EXPECT_EQ(spec("host_ipv4", "192.0.2.7").policy.host_ipv4, *IpAddress::parse("192.0.2.7"));
  EXPECT_EQ(spec("host_ipv6", "2001:db8::7").policy.host_ipv6, *IpAddress::parse("2001:db8::7"));
}

TEST(NetworkOptions, AskingForWhatHappensAnywayIsFine) {
  std::pair<char const*, char const*> const good[] = {
      {"isolation", "network"},
      {"egress", "all"},
      {"gateway", "auto"},
      {"publish", "all"},
      {"com.docker.network.bridge.enable_icc", "true"},
      {"com.docker.network.bridge.enable_ip_masquerade", "1"},
      {"com.docker.network.bridge.inhibit_ipv4", "false"},
      {"com.docker.network.bridge.gateway_mode_ipv4", "nat"},
      {"com.docker.network.bridge.host_binding_ipv4", "0.0.0.0"},
  };
  NetworkRequest nothing;
  nothing.id = {"abcdef0123456789"};
  for (auto const& [key, value] : good) {
    Result<NetworkSpec> const spec = parse_network_options(with_option(key, value));
    ASSERT_OK(spec) << key;
    EXPECT_EQ(*spec, *parse_network_options(nothing)) << key;
  }
  EXPECT_OK(parse_network_options(with_option("com.docker.network.advertise_addr_nmsgs", "2")));
}

TEST(NetworkOptions, WhatThisVersionCannotDoIsRefusedNotIgnored) {
  std::pair<char const*, char const*> const later[] = {
      {"balance", "web:80"},
  };
  for (auto const& [key, value] : later) {
    Result<NetworkSpec> const spec = parse_network_options(with_option(key, value));
    ASSERT_TRUE(fails_with(spec, Errc::unsupported, "")) << key;
    EXPECT_EQ(spec.error().message,
              std::string("option \"") + key + "=" + value + "\" is not supported by this version");
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

TEST(NetworkOptions, BadPoliciesNameKeyAndReason) {
  std::pair<std::pair<char const*, char const*>, char const*> const bad[] = {
      {{"isolation", "all"}, "is unknown: give network, members or project"},
      {{"hubs", ""}, "is empty: name something, or leave the option out"},
      {{"team", "a team"}, "is no team: give a name of 1 to 64 letters, digits, '_', '-' and '.'"},
      {{"allow_from", "web:80"},
       "\"80\" in \"web:80\" is no protocol: write web:tcp/80, with tcp, udp or sctp"},
      {{"egress", "internet,10.0.0.0/8"},
       "\"internet\" stands alone: leave it or the other entries out"},
      {{"gateway", "always"}, "is unknown: give auto or none"},
      {{"com.docker.network.bridge.enable_icc", "no"}, "is unknown: give true or false"},
      {{"com.docker.network.bridge.enable_ip_masquerade", ""}, "is empty: give true or false"},
      {{"com.docker.network.bridge.gateway_mode_ipv4", "bridge"},
       "is unknown: give nat, nat-unprotected, routed or isolated"},
      {{"com.docker.network.bridge.gateway_mode_ipv6", ""},
       "is empty: give nat, nat-unprotected, routed or isolated"},
      {{"com.docker.network.bridge.inhibit_ipv4", "yes"}, "is unknown: give true or false"},
      {{"com.docker.network.host_ipv4", "2001:db8::7"}, "give an IPv4 address of this host"},
      {{"com.docker.network.host_ipv6", "192.0.2.7"}, "give an IPv6 address of this host"},
  };
  for (auto const& [option, reason] : bad) {
    auto const& [key, value] = option;
    Result<NetworkSpec> const spec = parse_network_options(with_option(key, value));
    ASSERT_TRUE(fails_with(spec, Errc::invalid_argument, "")) << key;
    EXPECT_EQ(spec.error().message, std::string("option \"") + key + "=" + value + "\": " + reason);
  }
}

TEST(NetworkOptions, WhateverIsTypedTheErrorIsOneLine) {
  std::string const hostile[] = {
      std::string(50'000, 'x'),
      std::string(50'000, ','),
      "a\nb\r\x1b[2J\x7f",
      std::string("a\0b", 3),
      "\"quoted\"",
      std::string(10'000, ':'),
      std::string(300, '\xc3'),
  };
  for (char const* key :
       {"isolation", "hubs", "team", "allow_from", "egress", "gateway", "mtu", "publish", "ports",
        "connlimit", "rate", "com.docker.network.bridge.host_binding_ipv4",
        "com.docker.network.bridge.enable_icc", "com.docker.network.bridge.gateway_mode_ipv4",
        "com.docker.network.host_ipv4"}) {
    for (std::string const& value : hostile) {
      Result<NetworkSpec> const spec = parse_network_options(with_option(key, value));
      ASSERT_FALSE(spec.has_value()) << key;
      std::string const& text = spec.error().message;
      EXPECT_LT(text.size(), 500u);
      EXPECT_TRUE(text.starts_with("option \"")) << text;
      EXPECT_TRUE(std::none_of(text.begin(), text.end(), [](unsigned char c) {
        return c < ' ' || c == 0x7f;
      })) << text;
    }
  }
  Result<NetworkSpec> const unknown = parse_network_options(with_option("no\nkey", "1"));
  EXPECT_TRUE(fails_with(unknown, Errc::invalid_argument, "unknown option \"no?key\": docs"));
}

/// Options as a user types them: {{"isolation", "members"}, ...}.
NetworkRequest with_options(std::map<std::string, std::string> options, bool internal = false) {
  NetworkRequest request;
  request.id = {"abcdef0123456789"};
  request.options = std::move(options);
  request.internal = internal;
  return request;
}

constexpr char const* icc = "com.docker.network.bridge.enable_icc";

TEST(NetworkOptions, DockersWordAndOursMayAgree) {
  EXPECT_EQ(
      parse_network_options(with_options({{icc, "0"}, {"isolation", "members"}}))->policy.isolation,
      Isolation::members);
  EXPECT_EQ(
      parse_network_options(with_options({{icc, "1"}, {"isolation", "network"}}))->policy.isolation,
      Isolation::network);
  EXPECT_EQ(parse_network_options(
                with_options({{"mtu", "1400"}, {"com.docker.network.driver.mtu", "1400"}}))
                ->mtu_bytes,
            1400u);
}

TEST(NetworkOptions, ContradictionsAreRefused) {
  std::pair<NetworkRequest, char const*> const bad[] = {
      {with_options({{icc, "true"}, {"isolation", "members"}}),
       "option \"isolation=members\": contradicts "
       "\"com.docker.network.bridge.enable_icc=true\": leave one of them out"},
      {with_options({{icc, "true"}, {"isolation", "project"}}),
       "option \"isolation=project\": contradicts "
       "\"com.docker.network.bridge.enable_icc=true\": leave one of them out"},
      {with_options({{icc, "0"}, {"isolation", "network"}}),
       "option \"isolation=network\": contradicts "
       "\"com.docker.network.bridge.enable_icc=0\": leave one of them out"},
      {with_options({{icc, "f"}, {"isolation", "project"}}),
       "option \"isolation=project\": contradicts "
       "\"com.docker.network.bridge.enable_icc=f\": leave one of them out"},
      {with_options({{"mtu", "1400"}, {"com.docker.network.driver.mtu", "1500"}}),
       "option \"mtu=1400\": contradicts \"com.docker.network.driver.mtu=1500\": leave one of "
       "them out"},
      {with_options({{"egress", "internet"}}, true),
       "option \"egress=internet\": contradicts --internal, which leaves no way out: leave one of "
       "them out"},
      {with_options({{"egress", "10.0.0.0/8"}}, true),
       "option \"egress=10.0.0.0/8\": contradicts --internal, which leaves no way out: leave one "
       "of them out"},
  };
  for (auto const& [request, text] : bad) {
    Result<NetworkSpec> const spec = parse_network_options(request);
    ASSERT_TRUE(fails_with(spec, Errc::invalid_argument, "")) << text;
    EXPECT_EQ(spec.error().message, text);
  }
  EXPECT_OK(parse_network_options(with_options({{"egress", "none"}}, true)));
  EXPECT_OK(parse_network_options(with_options({{"egress", "all"}}, true)));
}

TEST(NetworkOptions, TheModeIsolatedNeedsAnInternalNetwork) {
  for (std::string const key : {"com.docker.network.bridge.gateway_mode_ipv4",
                                "com.docker.network.bridge.gateway_mode_ipv6"}) {
    EXPECT_OK(parse_network_options(with_options({{key, "isolated"}}, true)));
    EXPECT_OK(parse_network_options(with_options({{key, "routed"}}, true)));
    Result<NetworkSpec> const spec = parse_network_options(with_options({{key, "isolated"}}));
    ASSERT_TRUE(fails_with(spec, Errc::invalid_argument, ""));
    EXPECT_EQ(spec.error().message,
              "option \"" + key +
                  "=isolated\": needs an internal network: add --internal, or give nat, "
                  "nat-unprotected or routed");
  }
}

TEST(NetworkOptions, ADefaultCountsWhereTheRequestSaysNothing) {
  std::map<std::string, std::string> const defaults = {{"isolation", "members"},
                                                       {"egress", "internet"},
                                                       {"team", "blue"},
                                                       {"publish", "all"},
                                                       {"gateway", "none"}};
  NetworkSpec const spec = parse_network_options(with_options({}), defaults).value();
  EXPECT_EQ(spec.policy.isolation, Isolation::members);
  EXPECT_EQ(spec.policy.egress, Egress::internet);
  EXPECT_EQ(spec.policy.team, "blue");
  EXPECT_FALSE(spec.is_default_route);
}

TEST(NetworkOptions, ADefaultGivesWayToWhatTheRequestSays) {
  std::map<std::string, std::string> const defaults = {{"isolation", "members"},
                                                       {"egress", "internet"}};
  auto const policy = [&](NetworkRequest const& request) {
    return parse_network_options(request, defaults).value().policy;
  };
  EXPECT_EQ(policy(with_options({{"isolation", "network"}})).isolation, Isolation::network);
  EXPECT_EQ(policy(with_options({{icc, "true"}})).isolation, Isolation::network);
  EXPECT_EQ(policy(with_options({{icc, "false"}})).isolation, Isolation::members);
  EXPECT_EQ(policy(with_options({{"egress", "192.0.2.0/24"}})).egress, Egress::listed);
  EXPECT_EQ(policy(with_options({{"egress", "all"}})).egress, Egress::all);
  EXPECT_EQ(policy(with_options({}, true)).egress, Egress::all);
}

TEST(NetworkOptions, DefaultsAreForPolicies) {
  std::pair<char const*, char const*> const good[] = {
      {"isolation", "members"}, {"hubs", "label:hub"},  {"team", "blue"},
      {"allow_from", "web"},    {"egress", "internet"}, {"gateway", "none"},
      {"publish", "host"},      {"connlimit", "10/s"},  {"rate", "8mbit"}};
  for (auto const& [key, value] : good) {
    EXPECT_OK(check_default(key, value)) << key;
  }
  std::pair<std::pair<char const*, char const*>, char const*> const bad[] = {
      {{"isolation", "all"},
       "\"isolation\": \"all\": is unknown: give network, members or project"},
      {{"team", ""},
       "\"team\": \"\": is no team: give a name of 1 to 64 letters, digits, '_', '-' and '.'"},
      {{"mtu", "1400"},
       "\"mtu\" can have no default: those that can are isolation, hubs, team, allow_from, "
       "egress, gateway, publish, connlimit, rate, proxy, proxy_mode"},
      {{"ports", "30000-30010:80"},
       "\"ports\" can have no default: those that can are isolation, hubs, team, allow_from, "
       "egress, gateway, publish, connlimit, rate, proxy, proxy_mode"},
      {{"publish", "some"},
       "\"publish\": \"some\": \"some\" is no address: give all, host, none, or a list of "
       "addresses "
       "and CIDRs"},
      {{"isolatoin", "members"}, "\"isolatoin\" can have no default: did you mean \"isolation\""},
  };
  for (auto const& [option, text] : bad) {
    Result<void> const checked = check_default(option.first, option.second);
    ASSERT_TRUE(fails_with(checked, Errc::invalid_argument, "")) << text;
    EXPECT_EQ(checked.error().message, text);
  }
  EXPECT_TRUE(
      fails_with(check_default(icc, "false"), Errc::invalid_argument, "can have no default"));
}

TEST(NetworkOptions, WhatNeedsTheDockerApiIsNamed) {
  using Options = std::map<std::string, std::string>;
  auto const needs = [](Options options) {
    return needs_docker_api(parse_network_options(with_options(std::move(options))).value());
  };
  EXPECT_EQ(needs({{"isolation", "project"}}), "isolation=project");
  EXPECT_EQ(needs({{"isolation", "members"}, {"hubs", "project:shop,label:a=1"}}),
            "hubs=project:shop");
  EXPECT_EQ(needs({{icc, "0"}, {"hubs", "label:a=1"}}), "hubs=label:a=1");
  EXPECT_EQ(needs({{"allow_from", "0123456789ab,10.0.0.0/8,web:tcp/80"}}), "allow_from=web");
  EXPECT_EQ(needs({{"proxy", "http-proxy,other"}, {"proxy_mode", "join"}}), "proxy=http-proxy");
  EXPECT_EQ(needs({{"attach", "label:role=db,routable"}}), "attach=label:role=db");
}

TEST(NetworkOptions, TheRestWorksWithoutTheDockerApi) {
  std::map<std::string, std::string> const options[] = {
      {},
      {{"isolation", "members"}},
      {{"hubs", "db"}},
      {{"isolation", "network"}, {"hubs", "db"}},
      {{"team", "blue"}, {"egress", "internet"}, {"gateway", "none"}},
      {{"allow_from", "0123456789ab:tcp/80,10.0.0.0/8,fd00::1:udp"}},
      {{"proxy_mode", "join"}},
  };
  for (auto const& each : options) {
    EXPECT_EQ(needs_docker_api(parse_network_options(with_options(each)).value()), std::nullopt);
  }
}

TEST(NetworkOptions, Ipv6NeedsItsSmallestMtu) {
  NetworkRequest request = with_option("mtu", "1279");
  request.subnets.push_back({*IpPrefix::parse("fd00::/64"), std::nullopt});
  EXPECT_TRUE(fails_with(parse_network_options(request), Errc::invalid_argument, "1280 or more"));
  request.options["mtu"] = "1280";
  EXPECT_OK(parse_network_options(request));
}

}  // namespace
}  // namespace drawbridge
