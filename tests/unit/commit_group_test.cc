#include "plugin/commit_group.h"

#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

#include <string>

namespace drawbridge {
namespace {

class CommitGroupTest : public testing::Test {
 protected:
  /// Adds a member that saves a pool of this name, or fails in its own way.
  void add(std::string const& name, Errc failure = Errc::store) {
    group_.add(
        [&]() -> CommitGroup::Outcome {
          if (name == "refused") {
            return fail(failure, "refused");
          }
          Result<void> const saved = store_.save(Pool{{name}, "local", {}, {}});
          return saved ? CommitGroup::Outcome(name) : fail(saved.error());
        },
        [this](CommitGroup::Outcome const& outcome) {
          answers_ += outcome ? *outcome + " " : "(" + outcome.error().message + ") ";
        });
  }

  FakeStore store_;
  int lost_ = 0;
  CommitGroup group_{store_, [this] { ++lost_; }};
  std::string answers_;
};

TEST_F(CommitGroupTest, AnswersWhenAllIsStored) {
  add("a");
  add("b");
  EXPECT_EQ(answers_, "");
  group_.finish();
  EXPECT_EQ(answers_, "a b ");
  EXPECT_EQ(store_.contents.pools.size(), 2U);
  group_.finish();
  EXPECT_EQ(answers_, "a b ");
}

TEST_F(CommitGroupTest, KeepsNothingOfAGroupThatCannotBeStored) {
  add("before");
  group_.finish();
  add("a");
  add("refused", Errc::conflict);
  add("b");
  store_.fail_at(1);
  group_.finish();
  EXPECT_EQ(answers_, "before (disk full, says the test) (refused) (disk full, says the test) ");
  EXPECT_EQ(store_.contents.pools.size(), 1U);
  EXPECT_EQ(lost_, 1);
}

TEST_F(CommitGroupTest, KeepsNothingOfAGroupInWhichOneChangeFailed) {
  add("a");
  store_.fail_at(1);
  add("b");
  EXPECT_EQ(answers_, "(disk full, says the test) (disk full, says the test) ");
  EXPECT_TRUE(store_.contents.pools.empty());
  EXPECT_EQ(lost_, 1);
  add("c");
  group_.finish();
  EXPECT_EQ(store_.contents.pools.size(), 1U);
}

TEST_F(CommitGroupTest, RefusesWhenNoGroupCanBegin) {
  store_.fail_at(1);
  add("a");
  EXPECT_EQ(answers_, "(disk full, says the test) ");
  EXPECT_EQ(lost_, 0);
}

TEST_F(CommitGroupTest, DoesNotGrowWithoutEnd) {
  for (int i = 0; i < 64; ++i) {
    add(std::to_string(i));
  }
  EXPECT_EQ(store_.contents.pools.size(), 64U);
  EXPECT_TRUE(answers_.ends_with("63 "));
}

TEST_F(CommitGroupTest, SurvivesAHandlerThatThrows) {
  EXPECT_THROW(group_.add([]() -> CommitGroup::Outcome { throw std::runtime_error("a bug"); },
                          [](CommitGroup::Outcome const&) { FAIL(); }),
               std::runtime_error);
  add("a");
  group_.finish();
  EXPECT_EQ(answers_, "a ");
}

}  // namespace
}  // namespace drawbridge
