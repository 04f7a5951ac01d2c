#include "base/text.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

TEST(Text, WhatWasTypedIsShownInQuotes) {
  EXPECT_EQ(in_quotes(""), "\"\"");
  EXPECT_EQ(in_quotes("isolation=network"), "\"isolation=network\"");
  EXPECT_EQ(in_quotes(std::string(100, 'a')), '"' + std::string(100, 'a') + '"');
}

TEST(Text, WhatWasTypedStaysOnOneLine) {
  EXPECT_EQ(in_quotes("a\nb\r\t\x1b[31m\x7f"), "\"a?b???[31m?\"");
  EXPECT_EQ(in_quotes(std::string_view("a\0b", 3)), "\"a?b\"");
}

TEST(Text, WhatIsLongIsCutBetweenCharacters) {
  EXPECT_EQ(in_quotes(std::string(101, 'a')), '"' + std::string(100, 'a') + "...\"");
  std::string const two_bytes = "\xc3\xa9";
  EXPECT_EQ(in_quotes(std::string(99, 'a') + two_bytes + "b"),
            '"' + std::string(99, 'a') + "...\"");
  EXPECT_EQ(in_quotes(std::string(98, 'a') + two_bytes + "b"),
            '"' + std::string(98, 'a') + two_bytes + "...\"");
  // No UTF-8 at all: nothing but later bytes.
  EXPECT_EQ(in_quotes(std::string(200, '\x80')), "\"...\"");
}

}  // namespace
}  // namespace drawbridge
