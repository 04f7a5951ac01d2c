#include "netlink/rate.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

constexpr std::uint64_t mbit = 1'000'000;

TEST(Bucket, LetsTenMillisecondsGoAtOnceAndHundredWait) {
  EXPECT_EQ(bucket_for(100 * mbit, 1500), (Bucket{12'500'000, 125'000, 1'375'000}));
}

TEST(Bucket, HasRoomForTwoFramesAndTenMoreWait) {
  EXPECT_EQ(bucket_for(8'000, 1500), (Bucket{1'000, 2 * 1518, 12 * 1518}));
  EXPECT_EQ(bucket_for(8 * mbit, 9000), (Bucket{mbit, 2 * 9018, 2 * 9018 + 100'000}));
}

TEST(Bucket, DoesNotHoldMemoryWithoutEnd) {
  EXPECT_EQ(bucket_for(100'000 * mbit, 1500),
            (Bucket{12'500 * mbit, 125 * mbit, 125 * mbit + (16U << 20)}));
}

TEST(Limiter, IsNamedAfterTheHostEnd) {
  EXPECT_EQ(limiter_name("dv-0123456789ab"), "di-0123456789ab");
  EXPECT_EQ(host_end_of("di-0123456789ab"), "dv-0123456789ab");
  EXPECT_EQ(host_end_of("x"), "dv-");
}

}  // namespace
}  // namespace drawbridge
