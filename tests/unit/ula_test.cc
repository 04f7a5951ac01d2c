#include "ipam/ula.h"

#include "tests/support/expect_ok.h"
#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

TEST(Ula, IsAPrefixOfFortyRandomBits) {
  EXPECT_EQ(ula_prefix(0x123456789a).to_string(), "fd12:3456:789a::/48");
  EXPECT_EQ(ula_prefix(0xffffff00000000abULL).to_string(), "fd00:0:ab::/48");
  EXPECT_FALSE(ula_prefix(~0ULL).has_host_bits());
}

TEST(Ula, IsFixedAtTheFirstStart) {
  FakeStore store;
  EXPECT_EQ(fixed_ula_prefix(store, 0x123456789a)->to_string(), "fd12:3456:789a::/48");
  EXPECT_EQ(fixed_ula_prefix(store, 7)->to_string(), "fd12:3456:789a::/48");
  EXPECT_EQ(store.calls.size(), 1U);
}

TEST(Ula, IsNotUsedBeforeItIsKept) {
  FakeStore store;
  store.fail_at(1);
  EXPECT_TRUE(fails_with(fixed_ula_prefix(store, 7), Errc::store, "load the ULA prefix: disk"));
  store.fail_at(2);
  EXPECT_TRUE(fails_with(fixed_ula_prefix(store, 7), Errc::store, "keep the ULA prefix: disk"));
}

}  // namespace
}  // namespace drawbridge
