// What looks say and count.
#include "plugin/looks.h"

#include "tests/support/expect_ok.h"
#include "tests/support/fake_host_ports.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <string_view>

namespace drawbridge {
namespace {

/// A network is there, and was looked at once.
class LooksTest : public ::testing::Test {
 protected:
  void SetUp() override {
    NetworkRequest request;
    request.id = {"n1"};
    request.subnets = {{*IpPrefix::parse("10.249.1.0/24"), *IpAddress::parse("10.249.1.1")}};
    ASSERT_OK(driver.create_network(request));
    ASSERT_TRUE(looks.look().empty());
  }

  void take_the_bridge_down() { kernel.state.bridges.begin()->second.up = false; }

  static std::string log_of(std::function<void()> const& work) {
    testing::internal::CaptureStderr();
    work();
    return testing::internal::GetCapturedStderr();
  }

  static bool says(std::string_view log, std::string_view words) {
    return log.find(words) != std::string_view::npos;
  }

  FakeKernel kernel;
  FakeStore store;
  FakeHostPorts ports;
  Driver driver{kernel, store, ports};
  Looks looks{driver};
};

TEST_F(LooksTest, WhatIsRepairedIsSaidAndCounted) {
  take_the_bridge_down();
  EXPECT_TRUE(says(log_of([this] { looks.look(); }), "repaired: bridge db-n1 was down"));
  EXPECT_EQ(looks.counters().repaired.at("bridge"), 1U);
  EXPECT_EQ(log_of([this] { looks.look(); }), "");
}

TEST_F(LooksTest, WhatCannotBeRepairedIsSaidOnceWhateverElseIsMended) {
  take_the_bridge_down();
  kernel.fail_always(true);
  EXPECT_TRUE(says(log_of([this] { looks.look(); }), "cannot repair: bridge db-n1 was down"));
  EXPECT_EQ(log_of([this] {
              looks.mend();  // between two requests
              looks.look();
            }),
            "");
  EXPECT_EQ(looks.counters().failed.at("bridge"), 2U);
}

TEST_F(LooksTest, WhatCannotBeRepairedAnewIsSaidAnew) {
  take_the_bridge_down();
  kernel.fail_always(true);
  looks.look();
  kernel.fail_always(false);
  looks.look();
  take_the_bridge_down();
  kernel.fail_always(true);
  EXPECT_TRUE(says(log_of([this] { looks.look(); }), "cannot repair: bridge db-n1 was down"));
}

}  // namespace
}  // namespace drawbridge
