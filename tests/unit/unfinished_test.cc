#include "plugin/unfinished.h"

#include "tests/support/expect_ok.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace drawbridge {
namespace {

constexpr char const* delete_network = "/NetworkDriver.DeleteNetwork";
constexpr char const* leave = "/NetworkDriver.Leave";
constexpr char const* join = "/NetworkDriver.Join";
constexpr char const* e1 = R"({"NetworkID":"n1","EndpointID":"e1"})";
Result<std::string> const done = std::string("{}");
Result<std::string> const full = fail(Errc::store, "the disk is full");

class UnfinishedTest : public testing::Test {
 protected:
  /// Retries while each answer is `outcome`.
  std::vector<std::string> retry(Result<std::string> const& outcome) {
    runs_.clear();
    return unfinished_.retry([&](std::string_view path, std::string_view body) {
      runs_.push_back(std::string(path) + " " + std::string(body));
      return outcome;
    });
  }

  Unfinished unfinished_;
  std::vector<std::string> runs_;
};

TEST_F(UnfinishedTest, ARemovalThatTheDiskRefusedIsTriedUntilItIsDone) {
  unfinished_.note(delete_network, R"({"NetworkID":"n1"})", full);
  unfinished_.note(delete_network, R"({"NetworkID":"n1"})", full);
  unfinished_.note(delete_network, R"({"NetworkID":"n2"})", full);
  EXPECT_TRUE(retry(full).empty());
  EXPECT_EQ(runs_.size(), 1U) << "one refusal says enough";
  EXPECT_FALSE(unfinished_.is_empty());
  EXPECT_EQ(retry(done).size(), 2U);
  EXPECT_EQ(runs_,
            (std::vector<std::string>{R"(/NetworkDriver.DeleteNetwork {"NetworkID":"n1"})",
                                      R"(/NetworkDriver.DeleteNetwork {"NetworkID":"n2"})"}));
  EXPECT_TRUE(unfinished_.is_empty());
}

TEST_F(UnfinishedTest, WhatFailsForAnotherReasonIsGivenUp) {
  unfinished_.note(delete_network, R"({"NetworkID":"n1"})", full);
  std::vector<std::string> const lines = retry(fail(Errc::kernel, "no"));
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_EQ(lines[0], "NetworkDriver.DeleteNetwork is given up: no");
  EXPECT_TRUE(unfinished_.is_empty());
}

TEST_F(UnfinishedTest, OnlyRemovalsCountAndOnlyTheStateFilesRefusals) {
  unfinished_.note("/NetworkDriver.CreateNetwork", "{}", full);
  unfinished_.note(delete_network, R"({"NetworkID":"n1"})", fail(Errc::kernel, "no"));
  unfinished_.note(delete_network, R"({"NetworkID":"n1"})", done);
  unfinished_.note("/IpamDriver.ReleasePool", R"({"PoolID":"drawbridge-global/10.0.0.0/24"})",
                   full);
  EXPECT_TRUE(unfinished_.is_empty());
}

TEST_F(UnfinishedTest, PortsThatWerePublishedAgainStay) {
  unfinished_.note(leave, e1, full);
  unfinished_.note(leave, R"({"NetworkID":"n1","EndpointID":"e2"})", full);
  unfinished_.note(join, e1, full);
  unfinished_.note("/NetworkDriver.ProgramExternalConnectivity", e1, done);
  EXPECT_EQ(retry(done).size(), 1U);
  EXPECT_EQ(runs_, std::vector<std::string>{
                       R"(/NetworkDriver.Leave {"NetworkID":"n1","EndpointID":"e2"})"});
}

}  // namespace
}  // namespace drawbridge
