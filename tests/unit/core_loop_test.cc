#include "plugin/core_loop.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace drawbridge
