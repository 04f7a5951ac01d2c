#include "driver/attach_options.h"

#include "tests/support/expect_ok.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

TEST(AttachOptions, ProxiesAreNamesOfContainers) {
  Result<std::vector<std::string>> const proxies = parse_proxies("http-proxy, other,http-proxy");
  ASSERT_OK(proxies);
  EXPECT_EQ(*proxies, (std::vector<std::string>{"http-proxy", "other"}));
  EXPECT_EQ(parse_proxies("a b").error().message,
            "\"a b\" is no container's name: give letters, digits, '_', '-' and '.'");
  EXPECT_FALSE(parse_proxies("").has_value());
}

TEST(AttachOptions, AModeIsRouteOrJoin) {
  EXPECT_EQ(parse_proxy_mode("route").value(), ProxyMode::route);
  EXPECT_EQ(parse_proxy_mode("join").value(), ProxyMode::join);
  EXPECT_EQ(parse_proxy_mode("Join").error().message, "is unknown: give route or join");
  EXPECT_EQ(parse_proxy_mode("").error().message, "is empty: give route or join");
}

TEST(AttachOptions, MatchesAreReadAndShownAsTheyAreTyped) {
  for (char const* text : {"routable", "label:role", "label:role=db", "label:role=", "name:*",
                           "name:bucket-?", "name:web"}) {
    Result<Match> const match = parse_match(text);
    ASSERT_OK(match);
    EXPECT_EQ(to_text(*match), text);
  }
  EXPECT_EQ(parse_matches("routable,name:a*,routable").value().size(), 2U);
}

TEST(AttachOptions, WhatIsNoMatchIsRefused) {
  EXPECT_EQ(parse_match("web").error().message,
            "\"web\" is unknown: write routable, label:KEY, label:KEY=VALUE or name:PATTERN");
  EXPECT_EQ(parse_match("label:=x").error().message,
            "\"label:=x\" has no label: write label:KEY or label:KEY=VALUE");
  EXPECT_EQ(parse_match("name:").error().message,
            "\"name:\" is no pattern: write name: and a container's name, with '*' and '?' for any "
            "characters");
  EXPECT_FALSE(parse_match("name:a b*").has_value());
  EXPECT_FALSE(parse_match("routable:x").has_value());
}

}  // namespace
}  // namespace drawbridge
