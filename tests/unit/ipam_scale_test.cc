// Ten thousand networks, and every address of a /16.
#include "ipam/ipam.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_store.h"
#include "tests/support/test_ipam.h"

#include <gtest/gtest.h>

#include <set>

namespace drawbridge {
namespace {

PoolConfig dense_config() {
  return {{{"dense", {*IpPrefix::parse("10.128.0.0/12")}, 28}}, "dense"};
}

TEST(IpamScale, LeasesTenThousandDisjointSubnets) {
  FakeStore store;
  Ipam ipam(dense_config(), store);
  PoolRequest const request = pool_request("");
  std::set<AddressBits> firsts;
  for (int i = 0; i < 10000; ++i) {
    Result<PoolGrant> const pool = ipam.request_pool(request, {});
    ASSERT_OK(pool);
    firsts.insert(pool->pool.prefix.first().bits);
  }
  EXPECT_EQ(firsts.size(), 10000U);
  for (Ipam::Usage const& usage : ipam.usage()) {
    ASSERT_OK(ipam.release_pool(usage.pool.id));
  }
  EXPECT_EQ(store.contents, FakeStore::Contents{});
  EXPECT_EQ(ipam.request_pool(request, {})->pool.prefix.to_string(), "10.128.0.16/28");
}

TEST(IpamScale, LeasesEveryAddressOfASlash16) {
  AddressPool pool({{"wide"}, "local", *IpPrefix::parse("10.1.0.0/16"), {}});
  AddressRequest const any{{"wide"}, {}};
  for (AddressBits expected = 0x0a010001; expected < 0x0a01ffff; ++expected) {
    Result<IpAddress> const address = pool.choose(any);
    ASSERT_TRUE(address.has_value() && address->bits == expected);
    pool.put({{"wide"}, *address});
  }
  EXPECT_TRUE(fails_with(pool.choose(any), Errc::exhausted,
                         "all 65534 from 10.1.0.1 to 10.1.255.254 are in use"));
  pool.forget(*IpAddress::parse("10.1.77.7"));
  EXPECT_EQ(pool.choose(any)->to_string(), "10.1.77.7");
  EXPECT_EQ(pool.leases(), 65533U);
}

}  // namespace
}  // namespace drawbridge
