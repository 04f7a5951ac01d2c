#include "plugin/config.h"

#include "tests/support/expect_ok.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace drawbridge {
namespace {

namespace fs = std::filesystem;

TEST(Config, AnEmptyObjectGivesTheDefaults) {
  Result<Config> const config = parse_config("{}");
  ASSERT_OK(config);
  EXPECT_EQ(config->pools, default_pool_config());
  EXPECT_EQ(config->docker_socket, "");
}

TEST(Config, EveryKeyIsRead) {
  Result<Config> const config = parse_config(R"({
    "pools": {"small": {"prefixes": ["10.1.0.0/16", "10.9.0.0/16"], "prefix": 28}},
    "default_pool": "small", "docker_socket": "/run/docker.sock",
    "log_level": "debug", "log_format": "json"})");
  ASSERT_OK(config);
  ASSERT_EQ(config->pools.sources.size(), 1u);
  EXPECT_EQ(config->pools.sources[0].prefixes[1].to_string(), "10.9.0.0/16");
  EXPECT_EQ(config->pools.sources[0].carve_length_ipv4, 28);
  EXPECT_EQ(config->pools.default_source, "small");
  EXPECT_EQ(config->docker_socket, "/run/docker.sock");
  EXPECT_EQ(config->log_level, log::Level::debug);
  EXPECT_EQ(config->log_format, log::Format::json);
}

TEST(Config, BadTextsNameLineAndReason) {
  std::pair<char const*, char const*> const bad[] = {
      {"", "line 1: not JSON"},
      {"{\n\"log_level\": \"info\",\n}", "line 3: not JSON"},
      {"{}\n\n{}", "line 3: not JSON"},
      {"[]", "line 1: not a JSON object"},
      {"{\n  \"log_levle\": \"info\"\n}",
       "line 2: \"log_levle\" is not a known key: did you mean \"log_level\""},
      {"{\n\n  \"proxies\": []\n}", "line 3: \"proxies\" is not a known key in this version"},
      {"{\"log_level\": 5}", "line 1: \"log_level\" is not a text"},
      {"{\"log_level\": \"loud\"}", "use debug, info, warn or error"},
      {"{\"default_pool\": \"none\"}", "\"default_pool\" names none"},
      {"{\"pools\": {\"pods\": {\"prefixes\": []}}}", "\"pods\" has no prefixes"},
      {"{\"pools\": {\"pods\": {\"prefixes\": [\"10.1.0.0/16\"], \"prefix\": 8}}}",
       "\"pods\" cannot carve /8 from 10.1.0.0/16"},
      {"{\"pools\": {\"pods\": {\"prefixes\": [\"10.1.0.1/16\"], \"prefix\": 24}}}",
       "\"pods\" cannot carve"},
      {"{\"pools\": {\"pods\": {\"prefixes\": [\"ten\"]}}}", "\"ten\""},
      {"{\"pools\": {\"pods\": {\"prefix\": \"24\"}}}", "\"prefix\" is not a number"},
      {"{\"pools\": []}", "\"pools\" is not an object"},
  };
  for (auto const& [text, words] : bad) {
    EXPECT_TRUE(fails_with(parse_config(text), Errc::invalid_argument, words)) << text;
  }
}

class ConfigFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string form = (fs::temp_directory_path() / "drawbridge-config-XXXXXX").string();
    folder = mkdtemp(form.data());
    fs::create_directory(folder / "conf.d");
  }
  void TearDown() override { fs::remove_all(folder); }

  void write(std::string const& name, std::string const& text) {
    std::ofstream(folder / name) << text;
  }

  fs::path folder;
};

TEST_F(ConfigFiles, NoFileAtAllIsFine) {
  EXPECT_OK(read_config(folder / "drawbridge.json"));
}

TEST_F(ConfigFiles, LaterFilesReplaceWholeKeys) {
  write("drawbridge.json", R"({"log_level": "warn", "docker_socket": "/a"})");
  write("conf.d/10.json", R"({"log_level": "error"})");
  write("conf.d/20.json", R"({"log_level": "debug"})");
  write("conf.d/30.conf", "not read");
  Result<Config> const config = read_config(folder / "drawbridge.json");
  ASSERT_OK(config);
  EXPECT_EQ(config->log_level, log::Level::debug);
  EXPECT_EQ(config->docker_socket, "/a");
}

TEST_F(ConfigFiles, TheBadFileIsNamed) {
  write("conf.d/10.json", "{\n\"log_level\": \"loud\"}");
  EXPECT_TRUE(fails_with(read_config(folder / "drawbridge.json"), Errc::invalid_argument,
                         "conf.d/10.json: line 2:"));
}

}  // namespace
}  // namespace drawbridge
