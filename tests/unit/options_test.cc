#include "cli/options.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

Command parse(std::vector<char const*> words) {
  words.insert(words.begin(), "drawbridge");
  return parse_command_line(static_cast<int>(words.size()), words.data());
}

TEST(Options, NameTheFileOfTheNameServers) {
  EXPECT_EQ(
      std::get<ServeCommand>(parse({"serve", "--resolv-conf", "/run/resolv.conf"})).resolv_conf,
      "/run/resolv.conf");
  EXPECT_EQ(std::get<ServeCommand>(parse({"serve"})).resolv_conf, "/etc/resolv.conf");
}

template <class Verb>
void expect_asking(char const* name) {
  Verb const plain = std::get<Verb>(parse({name}));
  EXPECT_EQ(plain.control_socket, "/run/drawbridge/control.sock") << name;
  EXPECT_FALSE(plain.as_json) << name;
  Verb const full = std::get<Verb>(parse({name, "--json", "--control-socket", "/run/c.sock"}));
  EXPECT_EQ(full.control_socket, "/run/c.sock") << name;
  EXPECT_TRUE(full.as_json) << name;
}

TEST(Options, OfEveryVerbThatAsksAreTheSame) {
  expect_asking<StatusCommand>("status");
  expect_asking<NetworksCommand>("networks");
  expect_asking<EndpointsCommand>("endpoints");
  expect_asking<PoolsCommand>("pools");
  expect_asking<PortsCommand>("ports");
  expect_asking<ReconcileCommand>("reconcile");
  expect_asking<UninstallCommand>("uninstall");
}

TEST(Options, OfSingleVerbs) {
  EXPECT_EQ(std::get<EndpointsCommand>(parse({"endpoints", "shop"})).network, "shop");
  EXPECT_TRUE(std::get<ReconcileCommand>(parse({"reconcile", "--dry-run"})).dry_run);
  EXPECT_FALSE(std::get<ReconcileCommand>(parse({"reconcile"})).dry_run);
  EXPECT_EQ(std::get<BackupCommand>(parse({"backup", "-"})).file, "-");
  EXPECT_TRUE(std::get<UninstallCommand>(parse({"uninstall", "--state"})).with_state);
  EXPECT_FALSE(std::get<UninstallCommand>(parse({"uninstall"})).with_state);
  EXPECT_TRUE(std::get<CheckCommand>(parse({"check", "--json", "x.json"})).as_json);
}

TEST(Options, OfPoolsExplainMayStandBeforeIt) {
  EXPECT_EQ(std::get<ExplainCommand>(parse({"pools", "explain", "pods"})).pool, "pods");
  for (std::vector<char const*> const& words : std::vector<std::vector<char const*>>{
           {"pools", "--json", "--control-socket", "/run/c.sock", "explain"},
           {"pools", "explain", "--json", "--control-socket", "/run/c.sock"}}) {
    ExplainCommand const explain = std::get<ExplainCommand>(parse(words));
    EXPECT_EQ(explain.control_socket, "/run/c.sock");
    EXPECT_TRUE(explain.as_json);
  }
}

TEST(Options, OutrankTheirVariables) {
  ::setenv("DRAWBRIDGE_CONTROL_SOCKET", "/run/env.sock", 1);
  EXPECT_EQ(std::get<PoolsCommand>(parse({"pools"})).control_socket, "/run/env.sock");
  EXPECT_EQ(std::get<ExplainCommand>(parse({"pools", "explain"})).control_socket, "/run/env.sock");
  char const* const usual = "/run/drawbridge/control.sock";
  for (std::vector<char const*> const& words :
       std::vector<std::vector<char const*>>{{"pools", "--control-socket", usual, "explain"},
                                             {"pools", "explain", "--control-socket", usual}}) {
    EXPECT_EQ(std::get<ExplainCommand>(parse(words)).control_socket, usual);
  }
  ::unsetenv("DRAWBRIDGE_CONTROL_SOCKET");
}

TEST(Options, SayWhichVerbIsNone) {
  testing::internal::CaptureStderr();
  parse({"stauts"});
  EXPECT_NE(testing::internal::GetCapturedStderr().find("stauts"), std::string::npos);
  testing::internal::CaptureStderr();
  parse({});
  EXPECT_NE(testing::internal::GetCapturedStderr().find("reconcile"), std::string::npos)
      << "what there is";
}

TEST(Options, ThatAreWrongEndWithTwo) {
  std::vector<char const*> const wrong[] = {
      {},        {"teleport"},       {"ports", "--yaml"},        {"backup"},
      {"check"}, {"status", "shop"}, {"endpoints", "one", "two"}};
  for (std::vector<char const*> const& words : wrong) {
    EXPECT_EQ(std::get<ExitCommand>(parse(words)).code, 2);
  }
  EXPECT_EQ(std::get<ExitCommand>(parse({"--help"})).code, 0);
}

}  // namespace
}  // namespace drawbridge
