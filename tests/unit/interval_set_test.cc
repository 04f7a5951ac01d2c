#include "ipam/interval_set.h"

#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <set>
#include <string>

namespace drawbridge {
namespace {

constexpr AddressBits highest = ~AddressBits{0};

/// returns  which of 0..19 are in the set: "1-3 7"
std::string text_of(IntervalSet const& set) {
  std::string text;
  for (AddressBits value = 0; value < 20; ++value) {
    if (!set.contains(value)) {
      continue;
    }
    bool const continues = value > 0 && set.contains(value - 1);
    bool const ends = !set.contains(value + 1);
    std::string const number = std::to_string(static_cast<int>(value));
    text += continues ? (ends ? "-" + number : "") : (text.empty() ? "" : " ") + number;
  }
  return text;
}

TEST(IntervalSet, JoinsWhatTouchesAndWhatOverlaps) {
  IntervalSet set;
  set.insert(1, 3);
  set.insert(7, 9);
  EXPECT_EQ(text_of(set), "1-3 7-9");
  EXPECT_EQ(set.end_of_overlap(0, 5), AddressBits{3});
  set.insert(4, 4);
  EXPECT_EQ(set.end_of_overlap(1, 1), AddressBits{4});
  set.insert(6, 6);
  EXPECT_EQ(set.end_of_overlap(6, 6), AddressBits{9});
  set.insert(2, 8);
  EXPECT_EQ(set.end_of_overlap(1, 1), AddressBits{9});
  EXPECT_EQ(text_of(set), "1-9");
}

TEST(IntervalSet, SwallowsSeveralIntervalsAtOnce) {
  IntervalSet set;
  set.insert(2, 2);
  set.insert(5, 6);
  set.insert(9, 9);
  set.insert(1, 12);
  EXPECT_EQ(text_of(set), "1-12");
  set.insert(3, 4);
  EXPECT_EQ(text_of(set), "1-12");
}

TEST(IntervalSet, ErasesTheMiddleTheEndsAndAcrossIntervals) {
  IntervalSet set;
  set.insert(1, 9);
  set.erase(4, 5);
  EXPECT_EQ(text_of(set), "1-3 6-9");
  set.erase(0, 1);
  EXPECT_EQ(text_of(set), "2-3 6-9");
  set.erase(3, 6);
  EXPECT_EQ(text_of(set), "2 7-9");
  set.erase(10, 15);
  EXPECT_EQ(text_of(set), "2 7-9");
  set.clear();
  EXPECT_EQ(text_of(set), "");
}

TEST(IntervalSet, NamesTheLowestOverlap) {
  IntervalSet set;
  set.insert(4, 5);
  set.insert(8, 9);
  EXPECT_EQ(set.end_of_overlap(0, 19), AddressBits{5});
  EXPECT_EQ(set.end_of_overlap(5, 19), AddressBits{5});
  EXPECT_EQ(set.end_of_overlap(6, 19), AddressBits{9});
  EXPECT_EQ(set.end_of_overlap(6, 7), std::nullopt);
  EXPECT_EQ(set.end_of_overlap(10, 19), std::nullopt);
}

TEST(IntervalSet, FindsTheLowestFreeValue) {
  IntervalSet set;
  EXPECT_EQ(set.lowest_free(3, 5), AddressBits{3});
  set.insert(0, 3);
  EXPECT_EQ(set.lowest_free(3, 5), AddressBits{4});
  set.insert(4, 5);
  EXPECT_EQ(set.lowest_free(3, 5), std::nullopt);
  EXPECT_EQ(set.lowest_free(6, 6), AddressBits{6});
  EXPECT_EQ(set.lowest_free(9, 8), std::nullopt);
}

TEST(IntervalSet, DoesNotWrapAtTheHighestValue) {
  IntervalSet set;
  set.insert(highest - 1, highest);
  set.insert(0, 0);
  EXPECT_TRUE(set.contains(highest));
  EXPECT_FALSE(set.contains(1));
  EXPECT_EQ(set.lowest_free(highest - 1, highest), std::nullopt);
  set.insert(5, highest);
  EXPECT_EQ(set.lowest_free(5, highest), std::nullopt);
  set.erase(highest, highest);
  EXPECT_EQ(set.lowest_free(5, highest), highest);
  set.insert(0, highest);
  set.erase(0, highest);
  EXPECT_EQ(set.lowest_free(0, highest), AddressBits{0});
}

TEST(IntervalSet, HoldsAFullPrefixAsOneInterval) {
  IntervalSet set;
  for (AddressBits value = 0; value < 65536; ++value) {
    set.insert(value, value);
  }
  EXPECT_EQ(set.end_of_overlap(0, 0), AddressBits{65535});
}

TEST(IntervalSet, ListsItsPartsCutToARange) {
  IntervalSet set;
  set.insert(2, 5);
  set.insert(8, 9);
  set.insert(12, 15);
  std::string text;
  for (Interval const& part : set.within(4, 12)) {
    text += std::to_string(static_cast<int>(part.first)) + "-" +
            std::to_string(static_cast<int>(part.last)) + " ";
  }
  EXPECT_EQ(text, "4-5 8-9 12-12 ");
  EXPECT_TRUE(set.within(6, 7).empty());
  EXPECT_TRUE(set.within(16, highest).empty());
}

TEST(IntervalSet, AgreesWithAPlainSet) {
  std::mt19937 random(1);
  IntervalSet set;
  std::set<AddressBits> plain;
  for (int step = 0; step < 5000; ++step) {
    AddressBits const first = random() % 64;
    AddressBits const last = first + random() % 8;
    bool const inserts = random() % 2 == 0;
    inserts ? set.insert(first, last) : set.erase(first, last);
    for (AddressBits value = first; value <= last; ++value) {
      inserts ? void(plain.insert(value)) : void(plain.erase(value));
    }
    AddressBits const from = random() % 72;
    AddressBits expected = from;
    while (plain.contains(expected)) {
      ++expected;
    }
    ASSERT_EQ(set.contains(from), plain.contains(from));
    ASSERT_EQ(set.lowest_free(from, 100), expected);
    ASSERT_EQ(set.count(), plain.size());
  }
}

}  // namespace
}  // namespace drawbridge
