#include "plugin/look_schedule.h"

#include <gtest/gtest.h>

#include <chrono>
#include <vector>

namespace drawbridge {
namespace {

using namespace std::chrono_literals;

class LookScheduleTest : public ::testing::Test {
 protected:
  /// returns  how long after the start the next look is due
  std::chrono::milliseconds due() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(schedule.due() - start);
  }

  LookSchedule::TimePoint const start{1h};
  LookSchedule schedule{start};
};

TEST_F(LookScheduleTest, ALookIsDueThirtySecondsAfterTheLast) {
  EXPECT_EQ(due(), 30s);
  schedule.looked(start + 12s, 1ms, false);
  EXPECT_EQ(due(), 42s);
}

TEST_F(LookScheduleTest, RequestsLongAgoDoNotMatter) {
  schedule.requested(start + 29s);
  EXPECT_EQ(due(), 30s);
}

TEST_F(LookScheduleTest, RequestsPutItOffForAMomentEach) {
  schedule.requested(start + 30s);
  EXPECT_EQ(due(), 30'100ms);
  schedule.requested(start + 30'050ms);
  EXPECT_EQ(due(), 30'150ms);
}

TEST_F(LookScheduleTest, RequestsWithoutEndPutItOffForThirtySecondsOnly) {
  schedule.requested(start + 70s);
  EXPECT_EQ(due(), 60s);
}

TEST_F(LookScheduleTest, ADisturbanceIsLookedAtAfterAMoment) {
  schedule.disturbed(start + 5s);
  EXPECT_EQ(due(), 5'100ms);
}

TEST_F(LookScheduleTest, MoreDisturbancesDoNotPutItOff) {
  schedule.disturbed(start + 5s);
  schedule.disturbed(start + 5'090ms);
  EXPECT_EQ(due(), 5'100ms);
}

TEST_F(LookScheduleTest, ADisturbanceAmongRequestsIsLookedAtAfterASecond) {
  schedule.disturbed(start + 5s);
  schedule.requested(start + 5'500ms);
  EXPECT_EQ(due(), 5'600ms);
  schedule.requested(start + 5'999ms);
  EXPECT_EQ(due(), 6s);
}

TEST_F(LookScheduleTest, ALookAnswersTheDisturbancesBeforeIt) {
  schedule.disturbed(start + 5s);
  schedule.looked(start + 6s, 1ms, false);
  EXPECT_EQ(due(), 36s);
}

TEST_F(LookScheduleTest, ALookRestsTwentyTimesItsCost) {
  schedule.looked(start + 1s, 50ms, false);
  schedule.disturbed(start + 1'010ms);
  EXPECT_EQ(due(), 2s);
}

TEST_F(LookScheduleTest, ALookThatCouldNotRepairAllIsNotRepeatedAtOnce) {
  schedule.looked(start + 1s, 1ms, true);
  schedule.disturbed(start + 1'010ms);
  EXPECT_EQ(due(), 3s);
}

TEST_F(LookScheduleTest, WhatCouldNotBeRepairedIsTriedAgainEverMoreSeldom) {
  std::vector<std::chrono::milliseconds> pauses;
  for (int looks = 0; looks < 6; ++looks) {
    std::chrono::milliseconds const last = looks == 0 ? 0ms : due();
    schedule.looked(start + last, 1ms, true);
    pauses.push_back(due() - last);
  }
  EXPECT_EQ(pauses, (std::vector<std::chrono::milliseconds>{2s, 4s, 8s, 16s, 30s, 30s}));
  schedule.looked(start, 1ms, false);
  EXPECT_EQ(due(), 30s);
  schedule.looked(start, 1ms, true);
  EXPECT_EQ(due(), 2s);
}

}  // namespace
}  // namespace drawbridge
