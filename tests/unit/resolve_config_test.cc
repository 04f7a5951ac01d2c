// The configuration as flags and file give it together.
#include "plugin/options.h"
#include "tests/support/expect_ok.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace drawbridge {
namespace {

class ResolveConfigTest : public testing::Test {
 protected:
  Result<Config> resolve(std::string const& text) {
    command_.config = directory_ / "drawbridge.json";
    std::ofstream(command_.config) << text;
    return resolve_config(command_);
  }

  TempDirectory directory_;
  ServeCommand command_;
};

TEST_F(ResolveConfigTest, AFlagOutranksTheFile) {
  command_.docker_socket = "/run/flag.sock";
  EXPECT_EQ(resolve(R"({"docker_socket": "/run/file.sock"})")->docker_socket, "/run/flag.sock");
}

TEST_F(ResolveConfigTest, WhatOnlyTheDockerApiKnowsNeedsItsSocket) {
  std::pair<char const*, char const*> const wishes[] = {
      {"proxies", R"("proxies": [{"container": "http-proxy"}])"},
      {"attachments", R"("attachments": [{"match": "routable", "network": "traefik-proxy"}])"},
      {"ensure_networks", R"("ensure_networks": [{"name": "damp-network"}])"}};
  for (auto const& [key, wish] : wishes) {
    command_.docker_socket.reset();
    std::string const text = std::string("{") + wish + "}";
    Result<Config> const alone = resolve(text);
    ASSERT_FALSE(alone.has_value()) << text;
    EXPECT_EQ(alone.error().message, command_.config.string() + ": \"" + key +
                                         "\" needs the docker api: set docker_socket");
    EXPECT_OK(resolve(std::string("{") + wish + R"(, "docker_socket": "/run/docker.sock"})"));
    command_.docker_socket = "/run/docker.sock";
    EXPECT_OK(resolve(text));
  }
}

TEST_F(ResolveConfigTest, EmptyListsNeedNothing) {
  EXPECT_OK(resolve(R"({"proxies": [], "attachments": [], "ensure_networks": null})"));
}

}  // namespace
}  // namespace drawbridge
