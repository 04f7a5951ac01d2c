#include "netlink/mark.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

TEST(Mark, NamesItsOwner) {
  EXPECT_EQ(mark_of("ab12"), "drawbridge:ab12");
  EXPECT_EQ(owner_in("drawbridge:ab12"), "ab12");
}

TEST(Mark, OfTheContainersEndHasNoOwnerOfItsOwn) {
  EXPECT_EQ(container_mark_of("ab12"), "drawbridge:ab12/container");
  EXPECT_TRUE(is_mark("drawbridge:ab12/container"));
  EXPECT_EQ(owner_in("drawbridge:ab12/container"), std::nullopt);
}

TEST(Mark, OfALimiterHasNoOwnerOfItsOwn) {
  EXPECT_EQ(limiter_mark_of("ab12"), "drawbridge:ab12/limit");
  EXPECT_TRUE(is_mark("drawbridge:ab12/limit"));
  EXPECT_EQ(owner_in("drawbridge:ab12/limit"), std::nullopt);
}

TEST(Mark, OfARetiredLinkHasNoOwner) {
  EXPECT_TRUE(is_mark(retired_mark));
  EXPECT_EQ(owner_in(retired_mark), std::nullopt);
}

TEST(Mark, IsNotInOtherAliases) {
  for (char const* alias : {"", "uplink", "drawbridge", "Drawbridge:x", " drawbridge:x"}) {
    EXPECT_FALSE(is_mark(alias)) << alias;
    EXPECT_EQ(owner_in(alias), std::nullopt) << alias;
  }
}

}  // namespace
}  // namespace drawbridge
