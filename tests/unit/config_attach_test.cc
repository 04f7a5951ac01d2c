#include "plugin/config.h"
#include "tests/support/expect_ok.h"

#include <gtest/gtest.h>

#include <string>

namespace drawbridge {
namespace {

TEST(AttachConfig, ProxiesAreReadWithTheirDefaults) {
  Result<Config> const config = parse_config(R"({"proxies": [
    {"container": "http-proxy"},
    {"container": "old", "mode": "join"},
    {"container": "both", "mode": "join", "drivers": ["drawbridge", "bridge"],
     "routable": ["label:web", "name:app-*"]}]})");
  ASSERT_OK(config);
  std::vector<Match> const listed = {{Match::Kind::label, "web", {}},
                                     {Match::Kind::name, "app-*", {}}};
  EXPECT_EQ(config->attach.proxies,
            (std::vector<ProxyRule>{{"http-proxy"},
                                    {"old", ProxyMode::join, {"bridge"}},
                                    {"both", ProxyMode::join, {"drawbridge", "bridge"}, listed}}));
}

TEST(AttachConfig, AttachmentsAndNetworksAreRead) {
  Result<Config> const config = parse_config(R"({
    "attachments": [{"match": "routable", "network": "traefik-proxy"}],
    "ensure_networks": [
      {"name": "damp-network", "options": {"isolation": "network"}, "ipam_options": {"pool": "pods"}},
      {"name": "plain", "driver": "bridge", "subnets": ["172.20.0.0/16"], "internal": true}]})");
  ASSERT_OK(config);
  EXPECT_EQ(config->attach.attachments, (std::vector<AttachRule>{{{}, "traefik-proxy"}}));
  ASSERT_EQ(config->attach.networks.size(), 2U);
  NetworkSettings const& damp = config->attach.networks[0].settings;
  EXPECT_EQ(damp.driver, "drawbridge");
  EXPECT_EQ(damp.ipam_driver, "drawbridge");
  EXPECT_EQ(damp.options.at("isolation"), "network");
  EXPECT_EQ(damp.ipam_options.at("pool"), "pods");
  NetworkSettings const& plain = config->attach.networks[1].settings;
  EXPECT_EQ(plain.ipam_driver, "default");
  EXPECT_EQ(plain.subnets.front().to_string(), "172.20.0.0/16");
  EXPECT_TRUE(plain.internal);
}

struct BadConfig {
  std::string text;
  std::string reason;
};

TEST(AttachConfig, WhatCannotBeIsRefusedWithItsLine) {
  for (
      auto const& [text, reason] : std::vector<BadConfig>{
          {R"({"proxies": [{"mode": "join"}]})",
           R"(line 1: "proxies": an entry without "container")"},
          {R"({"proxies": [{"container": "p", "mode": "joint"}]})",
           R"(line 1: "mode": is unknown: give route or join)"},
          {R"({"proxies": [{"container": "p", "drivers": ["overlay"]}]})",
           R"(line 1: "drivers": overlay is unknown: use drawbridge or bridge)"},
          {R"({"attachments": [{"match": "web", "network": "n"}]})",
           R"(line 1: "match": "web" is unknown: write routable, label:KEY, label:KEY=VALUE or name:PATTERN)"},
          {R"({"ensure_networks": [{"name": "n", "options": {"isolaton": "members"}}]})",
           R"(line 1: "ensure_networks": unknown option "isolaton": did you mean "isolation")"},
          {R"({"ensure_networks": [{"nam": "n"}]})",
           R"(line 1: "nam" is not a known key: did you mean "name")"}}) {
    Result<Config> const config = parse_config(text);
    ASSERT_FALSE(config.has_value()) << text;
    EXPECT_EQ(config.error().message, reason);
  }
}

}  // namespace
}  // namespace drawbridge
