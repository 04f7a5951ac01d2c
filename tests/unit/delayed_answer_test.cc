// Answers that wait although everything is done: what is handled meanwhile, and what comes of them.
#include "plugin/router.h"
#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {
namespace {

/// A router on which "wait" and "wait_in_group" answer when the test says so, "fail" would.
class DelayedAnswerTest : public testing::Test {
 protected:
  DelayedAnswerTest() {
    add("/wait", Commit::by_itself, [this](Call& call) {
      call.subject = "network=n";
      return delayed(call, "done");
    });
    add("/wait_in_group", Commit::in_group, [this](Call& call) {
      Result<void> const saved = store_.save(Pool{{"p"}, "local", {}, {}});
      return saved ? delayed(call, "saved") : fail(saved.error());
    });
    add("/fail", Commit::by_itself, [this](Call& call) {
      Result<std::string> const ignored = delayed(call, "");
      return fail(Errc::not_found, "no such thing");
    });
    add("/now", Commit::by_itself, [](Call&) { return Result<std::string>("now"); });
    add("/now_in_group", Commit::in_group, [](Call&) { return Result<std::string>("grouped"); });
  }

  void add(std::string const& path, Commit commit,
           std::function<Result<std::string>(Call&)> handle) {
    router_.add(path, {ErrorKey::err, LogAs::info, std::move(handle), commit});
  }

  Result<std::string> delayed(Call& call, std::string reply) {
    call.delay = {[this](std::function<void()> go_on) { waiting_.push_back(std::move(go_on)); },
                  "proxies"};
    return reply;
  }

  void post(std::string const& path) {
    requests_.push_back(std::make_unique<HttpRequest>(HttpRequest{"POST", path, "", true}));
    router_.handle(*requests_.back(),
                   [this](HttpReply const& reply) { answers_ += reply.body + " "; });
  }

  FakeStore store_;
  CommitGroup group_{store_, [] {}};
  Router router_{group_};
  std::vector<std::unique_ptr<HttpRequest>> requests_;
  std::vector<std::function<void()>> waiting_;
  std::string answers_;
};

TEST_F(DelayedAnswerTest, LeavesWhenItMayGoOn) {
  post("/wait");
  EXPECT_EQ(answers_, "");
  ASSERT_EQ(waiting_.size(), 1U);
  waiting_[0]();
  EXPECT_EQ(answers_, "done ");
}

TEST_F(DelayedAnswerTest, OthersAreAnsweredMeanwhile) {
  post("/wait");
  post("/now");
  post("/now_in_group");
  group_.finish();
  post("/wait");
  EXPECT_EQ(answers_, "now grouped ");
  waiting_.at(1)();
  waiting_.at(0)();
  EXPECT_EQ(answers_, "now grouped done done ");
}

TEST_F(DelayedAnswerTest, BeginsToWaitWhenWhatWasDoneIsStored) {
  post("/wait_in_group");
  EXPECT_TRUE(waiting_.empty()) << "the group is open";
  group_.finish();
  EXPECT_EQ(store_.contents.pools.size(), 1U);
  EXPECT_EQ(answers_, "");
  waiting_.at(0)();
  EXPECT_EQ(answers_, "saved ");
}

TEST_F(DelayedAnswerTest, AGroupThatIsLostIsAnsweredAtOnce) {
  post("/wait_in_group");
  store_.fail_at(1);
  group_.finish();
  EXPECT_TRUE(waiting_.empty());
  EXPECT_EQ(answers_, "{\"Err\":\"disk full, says the test\"} ");
}

TEST_F(DelayedAnswerTest, AFailureIsAnsweredAtOnce) {
  post("/fail");
  EXPECT_TRUE(waiting_.empty());
  EXPECT_EQ(answers_, "{\"Err\":\"no such thing\"} ");
}

TEST_F(DelayedAnswerTest, LeavesOnceHoweverOftenItMay) {
  post("/wait");
  std::function<void()> const go_on = waiting_.at(0);
  go_on();
  requests_.clear();
  go_on();
  EXPECT_EQ(answers_, "done ");
}

TEST_F(DelayedAnswerTest, IsReviewedBeforeItWaits) {
  std::string reviewed;
  router_.review_with([&](std::string_view path, std::string_view, Result<std::string> outcome) {
    reviewed += std::string(path) + " ";
    return outcome;
  });
  post("/wait");
  EXPECT_EQ(reviewed, "/wait ");
  waiting_.at(0)();
  EXPECT_EQ(reviewed, "/wait ");
}

TEST_F(DelayedAnswerTest, WhatIsRunOnceMoreTellsWhoWouldDelayItAndDoesNotWait) {
  EXPECT_EQ(router_.run("/wait", "").value(), "done");
  EXPECT_EQ(router_.run("/wait_in_group", "").value(), "saved");
  EXPECT_EQ(waiting_.size(), 2U);
  EXPECT_FALSE(router_.run("/fail", "").has_value());
  EXPECT_EQ(waiting_.size(), 2U);
}

TEST_F(DelayedAnswerTest, TheLogTellsHowLongItWaited) {
  testing::internal::CaptureStderr();
  post("/wait");
  waiting_.at(0)();
  std::string const waited = testing::internal::GetCapturedStderr();
  EXPECT_NE(waited.find("wait network=n ok in "), std::string::npos) << waited;
  EXPECT_NE(waited.find(" ms for proxies)"), std::string::npos) << waited;

  testing::internal::CaptureStderr();
  post("/now");
  std::string const at_once = testing::internal::GetCapturedStderr();
  EXPECT_NE(at_once.find("now ok in "), std::string::npos) << at_once;
  EXPECT_EQ(at_once.find("waited"), std::string::npos) << at_once;
}

}  // namespace
}  // namespace drawbridge
