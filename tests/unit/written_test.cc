// The word by which a daemon knows the rules of the one before it.
#include "netlink/nft/written.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace drawbridge {
namespace {

Fingerprints two_tables() {
  return {{std::uint16_t{1}, {3, 0, {{4, 1}, {5, 1}}, {6, 7}}},
          {std::uint16_t{7}, {9, 0, {{2, 1}}, {3}}}};
}

/// returns  the word for two tables of which one thing differs
template <class Change>
std::string word_after(Change change) {
  Fingerprints tables = two_tables();
  change(tables);
  return word_for("rules", "boot", tables);
}

TEST(Written, TheWordFitsWhereAnInterfacesNameDoes) {
  std::string const word = word_for("rules", "boot", two_tables());

  EXPECT_EQ(word.size(), 15U);
  EXPECT_EQ(word.find_first_not_of("0123456789abcdef"), std::string::npos);
}

TEST(Written, TheSameTablesHaveTheSameWord) {
  EXPECT_EQ(word_for("rules", "boot", two_tables()), word_for("rules", "boot", two_tables()));
}

TEST(Written, WhateverDiffersGivesAnotherWord) {
  std::set<std::string> const words{
      word_for("rules", "boot", two_tables()),
      word_for("rules of another build", "boot", two_tables()),
      word_for("rules", "another boot", two_tables()),
      word_after([](Fingerprints& it) { it.erase(7); }),
      word_after([](Fingerprints& it) { it[1].table = 4; }),
      word_after([](Fingerprints& it) { it[1].flags = 1; }),
      word_after([](Fingerprints& it) { it[1].chains.pop_back(); }),
      word_after([](Fingerprints& it) { it[7].chains.front().second = 0; }),
      word_after([](Fingerprints& it) { it[1].rules.pop_back(); }),
      word_after([](Fingerprints& it) { it[7].rules.push_back(4); }),
  };

  EXPECT_EQ(words.size(), 10U);
}

}  // namespace
}  // namespace drawbridge
