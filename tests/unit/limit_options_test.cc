#include "driver/limit_options.h"

#include "tests/support/expect_ok.h"

namespace drawbridge {
namespace {

std::uint64_t rate(char const* text) {
  Result<std::uint64_t> const parsed = parse_rate(text);
  EXPECT_OK(parsed) << text;
  return parsed.value_or(0);
}

TEST(RateOption, IsANumberAndAUnitOfTc) {
  EXPECT_EQ(rate("8000bit"), 8'000u);
  EXPECT_EQ(rate("100kbit"), 100'000u);
  EXPECT_EQ(rate("8mbit"), 8'000'000u);
  EXPECT_EQ(rate("1gbit"), 1'000'000'000u);
}

TEST(RateOption, EndsAtEightKilobitsAndAtAHundredGigabits) {
  EXPECT_EQ(rate("8kbit"), 8'000u);
  EXPECT_EQ(rate("100gbit"), 100'000'000'000u);
  for (char const* text : {"0mbit", "7kbit", "7999bit", "101gbit", "100000000001bit",
                           "99999999999999999999gbit", "18446744073709551617kbit"}) {
    EXPECT_TRUE(fails_with(parse_rate(text), Errc::invalid_argument,
                           "is out of range: 8kbit is the lowest rate and 100gbit the highest"))
        << text;
  }
}

TEST(RateOption, IsOfWholeBytes) {
  EXPECT_EQ(rate("8001bit"), 8'000u);
  EXPECT_EQ(rate("8007bit"), 8'000u);
  EXPECT_EQ(rate("8008bit"), 8'008u);
}

TEST(RateOption, IsNothingElse) {
  for (char const* text :
       {"", "8", "mbit", "1.5mbit", "8 mbit", " 8mbit", "8mbit ", "-8mbit", "+8mbit", "8Mbit",
        "8mbps", "8mibit", "8mbit/s", "0x8mbit", "8m", "8tbit", "unlimited"}) {
    EXPECT_TRUE(fails_with(parse_rate(text), Errc::invalid_argument,
                           "is no rate: write a whole number and bit, kbit, mbit or gbit"))
        << text;
  }
}

TEST(ConnlimitOption, IsSoManyASecondAndABurst) {
  Result<ConnLimit> const limit = parse_connlimit("10/s:20");
  ASSERT_OK(limit);
  EXPECT_EQ(*limit, (ConnLimit{10, 20}));
}

TEST(ConnlimitOption, HasABurstOfASecondUnlessItIsNamed) {
  Result<ConnLimit> const limit = parse_connlimit("10/s");
  ASSERT_OK(limit);
  EXPECT_EQ(*limit, (ConnLimit{10, 10}));
}

TEST(ConnlimitOption, GoesFromOneToAMillion) {
  EXPECT_EQ(parse_connlimit("1/s:1").value_or(ConnLimit{}), (ConnLimit{1, 1}));
  EXPECT_EQ(parse_connlimit("1000000/s:1000000").value_or(ConnLimit{}),
            (ConnLimit{1'000'000, 1'000'000}));
}

TEST(ConnlimitOption, IsNothingElse) {
  for (char const* text : {"",           "10",
                           "/s",         "10/",
                           "10/m",       "10/h",
                           "10/sec",     "10/second",
                           "0/s",        "10/s:0",
                           "1000001/s",  "10/s:1000001",
                           "10/s:",      "10/s:x",
                           "10/s:20:30", "10/s20",
                           "-1/s",       "1.5/s",
                           " 10/s",      "10/s ",
                           "10/s: 20",   "99999999999999999999/s"}) {
    EXPECT_TRUE(fails_with(parse_connlimit(text), Errc::invalid_argument,
                           "is no limit: write N/s or N/s:BURST"))
        << text;
  }
}

}  // namespace
}  // namespace drawbridge
