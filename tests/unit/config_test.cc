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
  EXPECT_TRUE(config->defaults.empty());
  EXPECT_EQ(config->docker_socket, "");
}

TEST(Config, EveryKeyIsRead) {
  Result<Config> const config = parse_config(R"({
    "pools": {
      "small": {"prefixes": ["10.1.0.0/16", "10.9.0.0/16"], "prefix": 28, "overflow": "mixed",
                "on_host_route": "warn"},
      "mixed": {"prefixes": ["10.2.0.0/16", "fd00:2::/48"], "prefix": 25, "prefix6": 72},
      "ula": {"prefixes": ["fd00:3::/48"], "prefix": 56, "on_host_route": "trust"}},
    "default_pool": "small", "refuse_public": true, "reuse_delay_s": 86400,
    "defaults": {"isolation": "members", "egress": "internet", "publish": "all", "team": null},
    "docker_socket": "/run/docker.sock", "log_level": "debug", "log_format": "json"})");
  ASSERT_OK(config);
  ASSERT_EQ(config->pools.sources.size(), 3u);
  PoolSource const& small = config->pools.sources[0];
  EXPECT_EQ(small.prefixes[1].to_string(), "10.9.0.0/16");
  EXPECT_EQ(small.carve_length_ipv4, 28);
  EXPECT_EQ(small.overflow, "mixed");
  EXPECT_EQ(small.on_host_route, HostRoutePolicy::warn);
  EXPECT_EQ(config->pools.sources[1].carve_length_ipv4, 25);
  EXPECT_EQ(config->pools.sources[1].carve_length_ipv6, 72);
  EXPECT_EQ(config->pools.sources[2].carve_length_ipv6, 56);
  EXPECT_EQ(config->pools.sources[2].on_host_route, HostRoutePolicy::trust);
  EXPECT_EQ(config->pools.default_source, "small");
  EXPECT_TRUE(config->pools.refuse_public);
  EXPECT_EQ(config->pools.reuse_delay, std::chrono::hours(24));
  EXPECT_EQ(config->defaults,
            (std::map<std::string, std::string>{
                {"egress", "internet"}, {"isolation", "members"}, {"publish", "all"}}));
  EXPECT_EQ(config->docker_socket, "/run/docker.sock");
  EXPECT_EQ(config->log_level, log::Level::debug);
  EXPECT_EQ(config->log_format, log::Format::json);
}

TEST(Config, TheSocketOfDockerMayBeWrittenAsDockerHostHasIt) {
  EXPECT_EQ(parse_docker_socket("unix:///run/docker.sock").value(), "/run/docker.sock");
  EXPECT_EQ(parse_docker_socket("").value(), "");
}

TEST(Config, KeysThatAreNullSayNothing) {
  Result<Config> const config = parse_config(R"({"pools": null, "default_pool": null,
    "refuse_public": null, "reuse_delay_s": null, "defaults": null, "log_level": null})");
  ASSERT_OK(config);
  EXPECT_EQ(config->pools, default_pool_config());
}

TEST(Config, LengthsHaveDefaults) {
  Result<Config> const config = parse_config(R"({"pools": {
    "pods": {"prefixes": ["10.1.0.0/16"]},
    "six": {"prefixes": ["fd00::/48"]},
    "mixed": {"prefixes": ["10.2.0.0/16", "fd00:2::/48"], "prefix": 31}}})");
  ASSERT_OK(config);
  EXPECT_EQ(config->pools.sources[0].carve_length_ipv4, 24);
  EXPECT_EQ(config->pools.sources[1].carve_length_ipv6, 64);
  EXPECT_EQ(config->pools.sources[2].carve_length_ipv4, 31);
  EXPECT_EQ(config->pools.sources[2].carve_length_ipv6, 64);
}

TEST(Config, BadTextsNameLineAndReason) {
  std::pair<char const*, char const*> const bad[] = {
      {"", "line 1: not JSON"},
      {"{\n\"log_level\": \"info\",\n}", "line 3: not JSON"},
      {"{}\n\n{}", "line 3: not JSON"},
      {"[]", "line 1: not a JSON object"},
      {"{\n  \"log_levle\": \"info\"\n}",
       "line 2: \"log_levle\" is not a known key: did you mean \"log_level\""},
      {"{\n\n  \"balances\": []\n}", "line 3: \"balances\" is not a known key in this version"},
      {"{\"log_level\": 5}", "line 1: \"log_level\" is not a text"},
      {"{\"log_level\": \"loud\"}", "use debug, info, warn or error"},
      {"{\n\"docker_socket\": \"docker.sock\"}",
       "line 2: \"docker_socket\": docker.sock is not an absolute path"},
      {"{\"docker_socket\": \"tcp://127.0.0.1:2375\"}", "is not an absolute path"},
      {"{\"default_pool\": \"none\"}",
       "line 1: \"default_pool\" is none, which is not among the pools: pods, services"},
      {"{\"default_pool\": 7}", "\"default_pool\" is not a text"},
      {"{\"pools\": {}}", "line 1: \"default_pool\" is pods, which is not among the pools"},
      {"{\"pools\": []}", "\"pools\" is not an object"},
      {"{\n\"refuse_public\": \"yes\"}", "line 2: \"refuse_public\" is not true or false"},
      {"{\n\"reuse_delay_s\": -1}", "line 2: \"reuse_delay_s\" is -1: use 0 to 86400"},
      {"{\"reuse_delay_s\": 86401}", "\"reuse_delay_s\" is 86401: use 0 to 86400"},
      {"{\"reuse_delay_s\": 0.5}", "\"reuse_delay_s\" is not a number"},
      {"{\"reuse_delay_s\": \"60\"}", "\"reuse_delay_s\" is not a number"},
  };
  for (auto const& [text, words] : bad) {
    EXPECT_TRUE(fails_with(parse_config(text), Errc::invalid_argument, words)) << text;
  }
}

TEST(Config, BadPoolsNameLinePoolAndReason) {
  // Line 2 has a pool that is good; line 3 has the bad one.
  std::string const start =
      "{\"pools\": {\n\"pods\": {\"prefixes\": [\"10.1.0.0/16\"], \"prefix\": 24, "
      "\"on_host_route\": \"avoid\"},\n";
  std::pair<char const*, char const*> const bad[] = {
      {R"("a": 5)", "pool \"a\": is not an object"},
      {R"("a": {})", "pool \"a\": has no prefixes"},
      {R"("a": {"prefixes": []})", "pool \"a\": has no prefixes"},
      {R"("a": {"prefixes": "10.2.0.0/16"})", "pool \"a\": \"prefixes\" is not a list"},
      {R"("a": {"prefixes": [5]})", "pool \"a\": \"prefixes\" is not a list of texts"},
      {R"("a": {"prefixes": ["ten"]})", "pool \"a\": \"ten\" is not a subnet"},
      {R"("a": {"prefixes": ["10.2.0.0/33"]})", "pool \"a\": \"10.2.0.0/33\" has no prefix length"},
      {R"("a": {"prefixes": ["10.2.0.1/16"]})",
       "\"10.2.0.1/16\" has host bits set: write 10.2.0.0"},
      {R"("a": {"prefixes": ["127.0.0.0/8"]})", "the loopback addresses"},
      {R"("a": {"prefixes": ["0.0.0.0/0"], "prefix": 8})", "\"this host\""},
      {R"("a": {"prefixes": ["fe80::/48"]})", "the link-local addresses"},
      {R"("a": {"prefixes": ["10.2.0.0/16"], "prefix": 15})",
       "pool \"a\": \"10.2.0.0/16\" is narrower than /15, the length to carve: set one between 16 "
       "and 31"},
      {R"("a": {"prefixes": ["10.2.0.0/26"]})", "is narrower than /24"},
      {R"("a": {"prefixes": ["10.2.0.0/16"], "prefix": 32})", "IPv4 subnets cannot be /32"},
      {R"("a": {"prefixes": ["10.2.0.0/16"], "prefix": 7})",
       "pool \"a\": \"prefix\": IPv4 subnets cannot be /7"},
      {R"("a": {"prefixes": ["10.2.0.0/16"], "prefix": -1})", "IPv4 subnets cannot be /-1"},
      {R"("a": {"prefixes": ["10.2.0.0/16"], "prefix": 64})", "they are /8 to /31"},
      {R"("a": {"prefixes": ["fd00::/48"], "prefix": 24})", "IPv6 subnets cannot be /24"},
      {R"("a": {"prefixes": ["fd00::/48"], "prefix": 128})", "they are /48 to /127"},
      {R"("a": {"prefixes": ["fd00::/72"]})", "\"fd00::/72\" is narrower than /64"},
      {R"("a": {"prefixes": ["10.2.0.0/16", "fd00::/48"], "prefix6": 47})",
       "pool \"a\": \"prefix6\": IPv6 subnets cannot be /47: they are /48 to /127"},
      {R"("a": {"prefixes": ["10.2.0.0/16"], "prefix6": 64})", "\"prefix6\" needs an IPv6 prefix"},
      {R"("a": {"prefixes": ["fd00::/48"], "prefix": 64, "prefix6": 64})", "leave one out"},
      {R"("a": {"prefixes": ["10.2.0.0/16"], "prefix": "24"})", "\"prefix\" is not a number"},
      {R"("a": {"prefixes": ["10.2.0.0/16"], "prefx": 24})",
       "pool \"a\": \"prefx\" is not a known key: did you mean \"prefix\""},
      {R"("a": {"prefixes": ["10.2.0.0/16"], "on_host_route": "ignore"})",
       "pool \"a\": \"on_host_route\": ignore is unknown: use avoid, warn or trust"},
      {R"("a": {"prefixes": ["10.2.0.0/16"], "on_host_route": true})", "is not a text"},
      {R"("a": {"prefixes": ["10.2.0.0/16"], "overflow": "pots"})",
       "pool \"a\": \"overflow\" names \"pots\", which is not among the pools: did you mean "
       "\"pods\""},
      {R"("a": {"prefixes": ["10.2.0.0/16"], "overflow": "a"})",
       "pool \"a\": \"overflow\" leads back to it: a -> a"},
      {R"("a": {"prefixes": ["10.2.0.0/24"], "overflow": "b"},
          "b": {"prefixes": ["10.3.0.0/24"], "overflow": "c"},
          "c": {"prefixes": ["10.4.0.0/24"], "overflow": "a"})",
       "pool \"a\": \"overflow\" leads back to it: a -> b -> c -> a"},
      {R"("a": {"prefixes": ["10.2.0.0/16", "10.1.7.0/24"]})",
       "pool \"a\": \"10.1.7.0/24\" overlaps 10.1.0.0/16 of pool \"pods\": an address has one "
       "pool"},
      {R"("a": {"prefixes": ["10.2.7.0/24", "10.2.0.0/16"]})",
       "pool \"a\": \"10.2.7.0/24\" overlaps 10.2.0.0/16 of the same pool"},
      {R"("a": {"prefixes": ["fd00::/48", "fd00::/48"]})", "overlaps fd00::/48 of the same pool"},
      {R"("ula": {"prefixes": ["10.2.0.0/16"]})",
       "pool \"ula\": \"10.2.0.0/16\" is not an IPv6 prefix"},
      {R"("a b": {"prefixes": ["10.2.0.0/16"]})", "a name has letters, digits, -, _ and . only"},
      {R"("": {"prefixes": ["10.2.0.0/16"]})", "a name has letters"},
  };
  for (auto const& [pool, words] : bad) {
    Result<Config> const config = parse_config(start + pool + "}}");
    EXPECT_TRUE(fails_with(config, Errc::invalid_argument, words)) << pool;
    EXPECT_TRUE(fails_with(config, Errc::invalid_argument, "line 3: pool ")) << pool;
  }
}

TEST(Config, BadDefaultsNameLineKeyAndReason) {
  std::pair<char const*, char const*> const bad[] = {
      {"{\n\"defaults\": []}", "line 2: \"defaults\" is not an object"},
      {"{\n\"defaults\": {\n\"team\": 5}}", "line 3: \"team\" is not a text: 5"},
      {"{\n\"defaults\": {\n\"mtu\": \"1400\"}}",
       "line 3: \"defaults\": \"mtu\" can have no default: those that can are isolation, hubs, "
       "team, allow_from, egress, gateway, publish, connlimit, rate, proxy, proxy_mode"},
      {"{\"defaults\": {\n\"team\": \"a\",\n\"isolatoin\": \"members\"}}",
       "line 3: \"defaults\": \"isolatoin\" can have no default: did you mean \"isolation\""},
      {"{\"defaults\":\n{\"isolation\":\n\"open\"}}",
       "line 2: \"defaults\": \"isolation\": \"open\": is unknown: give network, members or "
       "project"},
      {"{\"defaults\": {\"publish\": \"lan\"}}",
       "line 1: \"defaults\": \"publish\": \"lan\": \"lan\" is no address: give all, host, none, "
       "or a "
       "list of addresses and CIDRs"},
  };
  for (auto const& [text, words] : bad) {
    Result<Config> const config = parse_config(text);
    ASSERT_FALSE(config.has_value()) << text;
    EXPECT_EQ(config.error().message, words);
  }
}

TEST(Config, TheLineIsThatOfTheKeyNotOfItsName) {
  EXPECT_TRUE(fails_with(parse_config("{\"default_pool\": \"dense\", \"pools\": {\n"
                                      "\"pods\": {\"prefixes\": [\"10.1.0.0/16\"], \"prefix\": 24,"
                                      " \"overflow\": \"dense\"},\n"
                                      "\"dense\":\n"
                                      "{\"prefixes\": [\"10.2.0.0/16\"],\n\"prefix\": true}}}"),
                         Errc::invalid_argument,
                         "line 5: pool \"dense\": \"prefix\" is not a num"));
}

TEST(Config, PoolsAreLimited) {
  std::string pools;
  for (int i = 0; i < 257; ++i) {
    pools += (pools.empty() ? "" : ",") + std::string("\"p") + std::to_string(i) +
             "\": {\"prefixes\": [\"10." + std::to_string(i % 256) + "." + std::to_string(i / 256) +
             ".0/24\"]}";
  }
  EXPECT_TRUE(fails_with(parse_config("{\"pools\": {" + pools + "}}"), Errc::invalid_argument,
                         "\"pools\" has 257 pools: at most 256 can be"));
}

TEST(Config, TheExamplesOfTheManualAreGood) {
  std::ifstream page(fs::path(DRAWBRIDGE_SOURCE_DIR) / "docs/configuration.md");
  std::string example;
  int examples = 0;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (inside && line == "```") {
      EXPECT_OK(parse_config(example));
      ++examples;
      example.clear();
      inside = false;
    } else if (inside) {
      example += line + '\n';
    } else {
      inside = line == "```json";
    }
  }
  EXPECT_GE(examples, 2);
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

TEST_F(ConfigFiles, LaterDefaultsReplaceAllEarlierOnes) {
  write("drawbridge.json", R"({"defaults": {"isolation": "members", "team": "blue"}})");
  write("conf.d/10.json", R"({"defaults": {"team": "red"}})");
  Result<Config> const config = read_config(folder / "drawbridge.json");
  ASSERT_OK(config);
  EXPECT_EQ(config->defaults, (std::map<std::string, std::string>{{"team", "red"}}));
}

TEST_F(ConfigFiles, OneFileMayNameWhatAnotherHas) {
  write("drawbridge.json", R"({"default_pool": "dense"})");
  write("conf.d/10.json", R"({"pools": {"dense": {"prefixes": ["10.128.0.0/12"]}}})");
  Result<Config> const config = read_config(folder / "drawbridge.json");
  ASSERT_OK(config);
  EXPECT_EQ(config->pools.default_source, "dense");
  EXPECT_EQ(config->pools.sources.size(), 1u);
}

TEST_F(ConfigFiles, AnUnknownDefaultPoolIsOfTheFileThatNamedItLast) {
  write("drawbridge.json", R"({"default_pool": "pods"})");
  write("conf.d/10.json", "{\n\"default_pool\": \"dense\"}");
  write("conf.d/20.json", R"({"pools": {"small": {"prefixes": ["10.1.0.0/16"]}}})");
  EXPECT_TRUE(fails_with(read_config(folder / "drawbridge.json"), Errc::invalid_argument,
                         "conf.d/10.json: line 2: \"default_pool\" is dense, which is not among "
                         "the pools: small"));
}

TEST_F(ConfigFiles, PoolsWithoutTheDefaultAreOfTheFileThatHasThem) {
  write("drawbridge.json", R"({"log_level": "warn"})");
  write("conf.d/20.json", "{\n\n\"pools\": {\"small\": {\"prefixes\": [\"10.1.0.0/16\"]}}}");
  EXPECT_TRUE(fails_with(read_config(folder / "drawbridge.json"), Errc::invalid_argument,
                         "conf.d/20.json: line 3: \"default_pool\" is pods"));
}

TEST_F(ConfigFiles, TheBadFileIsNamed) {
  write("conf.d/10.json", "{\n\"log_level\": \"loud\"}");
  EXPECT_TRUE(fails_with(read_config(folder / "drawbridge.json"), Errc::invalid_argument,
                         "conf.d/10.json: line 2:"));
}

}  // namespace
}  // namespace drawbridge
