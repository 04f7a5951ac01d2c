#include "plugin/core_loop.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>

namespace drawbridge {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds at_once{0};
constexpr milliseconds soon{1};
constexpr milliseconds never_in_a_test{60'000};

TEST(CoreLoop, RunsTasksInTheirOrderAndReturnsWhenFinished) {
  CoreLoop loop;
  std::string done;
  loop.post([&] { done += "a"; });
  loop.post([&] { done += "b"; });
  loop.finish();
  loop.run(never_in_a_test, {});
  EXPECT_EQ(done, "ab");
}

TEST(CoreLoop, RunsTasksOfOtherThreadsOnItsOwn) {
  CoreLoop loop;
  std::thread::id ran_on;
  std::thread other([&] {
    loop.post([&] { ran_on = std::this_thread::get_id(); });
    loop.finish();
  });
  loop.run(never_in_a_test, {});
  other.join();
  EXPECT_EQ(ran_on, std::this_thread::get_id());
}

TEST(CoreLoop, RunsWhatATaskPosts) {
  CoreLoop loop;
  bool done = false;
  loop.post([&] {
    loop.post([&] { done = true; });
    loop.finish();
  });
  loop.run(never_in_a_test, {});
  EXPECT_TRUE(done);
}

TEST(CoreLoop, IsIdleAgainWhileThereIsMoreToDo) {
  CoreLoop loop;
  int calls = 0;
  loop.run(at_once, [&] {
    if (++calls == 3) {
      loop.finish();
    }
    return true;
  });
  EXPECT_EQ(calls, 3);
}

TEST(CoreLoop, IsIdleOnceUntilTheNextTask) {
  CoreLoop loop;
  std::string done;
  std::thread other;
  loop.run(soon, [&] {
    done += "i";
    if (done == "i") {
      other = std::thread([&] { loop.post([&] { done += "t"; }); });
    } else {
      loop.finish();
    }
    return false;
  });
  other.join();
  EXPECT_EQ(done, "iti");
}

TEST(CoreLoop, RunsTasksAsideInTheirTurn) {
  CoreLoop loop;
  std::string done;
  loop.post([&] { done += "a"; });
  loop.post_aside([&] { done += "b"; });
  loop.post([&] { done += "c"; });
  loop.finish();
  loop.run(never_in_a_test, {});
  EXPECT_EQ(done, "abc");
}

TEST(CoreLoop, IsIdleHoweverManyTasksAsideThereAre) {
  CoreLoop loop;
  bool idle = false;
  std::function<void()> const again = [&] {
    if (!idle) {
      loop.post_aside(again);
    }
  };
  loop.post_aside(again);
  loop.run(soon, [&] {
    idle = true;
    loop.finish();
    return false;
  });
  EXPECT_TRUE(idle);
}

TEST(CoreLoop, IsNotIdleAgainForTasksAside) {
  CoreLoop loop;
  int calls = 0;
  int left = 100;
  std::function<void()> const again = [&] {
    if (--left > 0) {
      loop.post_aside(again);
    } else {
      loop.finish();
    }
  };
  loop.run(at_once, [&] {
    ++calls;
    loop.post_aside(again);
    return false;
  });
  EXPECT_EQ(calls, 1);
}

}  // namespace
}  // namespace drawbridge
