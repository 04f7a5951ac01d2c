// Ipam against a model that anybody can check: sets of what is leased, looked through one by one.
#include "ipam/ipam.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_store.h"
#include "tests/support/test_ipam.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

unsigned setting(char const* name, unsigned otherwise) {
  char const* const text = std::getenv(name);
  return text != nullptr ? static_cast<unsigned>(std::strtoul(text, nullptr, 10)) : otherwise;
}

/// Sixteen /28 subnets, so that running out, overlaps and reuse are everyday.
PoolConfig config() {
  return {{{"small", {*IpPrefix::parse("10.0.0.0/24")}, 28}}, "small"};
}

/// A route that automatic allocation must step over, and one that it must not.
HostRoutes const routes = {1,
                           {{*IpPrefix::parse("10.0.0.64/30"), "eth0", RouteKind::connected},
                            {*IpPrefix::parse("10.0.0.0/8"), "tun0", RouteKind::routed}},
                           {}};

constexpr WallTime now{};

class PropertyTest : public testing::Test {
 protected:
  PropertyTest() : random_(seed_) { restart(); }

  void step();
  void request_pool();
  void request_named_pool();
  void release_pool();
  void request_address();
  void release_address();
  void restart();

  unsigned pick(unsigned below) { return static_cast<unsigned>(random_()) % below; }
  bool is_free(IpPrefix const& subnet) const;
  std::optional<IpPrefix> lowest_free_subnet() const;
  std::optional<IpAddress> lowest_free_address(PoolId const& id) const;
  PoolId any_pool();
  void expect_answer(Result<IpPrefix> const& answer, std::optional<IpAddress> const& expected,
                     PoolId const& id, AddressKind kind);
  void expect_the_store_to_agree() const;

  // The environment repeats a run or makes it longer.
  unsigned const seed_ = setting("DRAWBRIDGE_TEST_SEED", std::random_device{}());
  unsigned const steps_ = setting("DRAWBRIDGE_TEST_STEPS", 12000);
  std::mt19937 random_;
  FakeStore store_;
  std::unique_ptr<Ipam> ipam_;
  std::map<PoolId, Pool> pools_;
  std::map<PoolId, std::set<IpAddress>> leases_;
  std::map<PoolId, IpAddress> gateways_;
  bool store_fails_ = false;
};

bool PropertyTest::is_free(IpPrefix const& subnet) const {
  return !subnet.overlaps(routes.foreign[0].prefix) &&
         std::none_of(pools_.begin(), pools_.end(),
                      [&](auto const& entry) { return entry.second.prefix.overlaps(subnet); });
}

std::optional<IpPrefix> PropertyTest::lowest_free_subnet() const {
  for (unsigned i = 1; i <= 16; ++i) {
    IpPrefix const subnet{{Family::ipv4, 0x0a000000 + i % 16 * 16}, 28};
    if (is_free(subnet)) {
      return subnet;
    }
  }
  return std::nullopt;
}

std::optional<IpAddress> PropertyTest::lowest_free_address(PoolId const& id) const {
  Pool const& pool = pools_.at(id);
  IpPrefix const range = pool.sub_pool.value_or(pool.prefix);
  for (IpAddress address = range.first(); address <= range.last(); ++address.bits) {
    bool const is_edge = pool.prefix.length < 31 &&
                         (address == pool.prefix.first() || address == pool.prefix.last());
    if (!is_edge && !leases_.at(id).contains(address)) {
      return address;
    }
  }
  return std::nullopt;
}

PoolId PropertyTest::any_pool() {
  return std::next(pools_.begin(), pick(static_cast<unsigned>(pools_.size())))->first;
}

void PropertyTest::request_pool() {
  std::optional<IpPrefix> const expected = lowest_free_subnet();
  Result<PoolGrant> const pool = ipam_->request_pool(pool_request(""), routes);
  if (!expected) {
    EXPECT_TRUE(fails_with(pool, Errc::exhausted, "pool \"small\" is exhausted"));
  } else if (store_fails_) {
    EXPECT_TRUE(fails_with(pool, Errc::store, ""));
  } else {
    ASSERT_OK(pool);
    EXPECT_EQ(pool->pool.prefix, *expected);
    pools_[pool->pool.id] = pool->pool;
    leases_[pool->pool.id] = {};
  }
}

void PropertyTest::request_named_pool() {
  int const length = 27 + static_cast<int>(pick(5));
  PoolRequest request = pool_request("");
  request.prefix = IpPrefix{{Family::ipv4, 0x0a000000 + pick(256)}, length}.network();
  if (pick(2) == 0) {
    request.sub_pool = IpPrefix{request.prefix->last(), length + 1}.network();
  }
  bool const expected = is_free(*request.prefix);
  Result<PoolGrant> const pool = ipam_->request_pool(request, routes);
  if (!expected) {
    EXPECT_TRUE(fails_with(pool, Errc::conflict, request.prefix->to_string() + " overlaps"));
  } else if (store_fails_) {
    EXPECT_TRUE(fails_with(pool, Errc::store, ""));
  } else {
    ASSERT_OK(pool);
    pools_[pool->pool.id] = pool->pool;
    leases_[pool->pool.id] = {};
  }
}

void PropertyTest::release_pool() {
  PoolId const id = any_pool();
  Result<void> const released = ipam_->release_pool(id);
  EXPECT_EQ(released.has_value(), !store_fails_);
  if (released) {
    pools_.erase(id);
    leases_.erase(id);
    gateways_.erase(id);
  }
}

void PropertyTest::request_address() {
  PoolId const id = any_pool();
  AddressKind const kind = pick(8) == 0 && !gateways_.contains(id) && leases_[id].empty()
                               ? AddressKind::gateway
                               : AddressKind::endpoint;
  std::optional<IpAddress> preferred;
  std::optional<IpAddress> expected;
  if (kind == AddressKind::gateway) {
    IpPrefix const& subnet = pools_.at(id).prefix;
    expected = IpAddress{Family::ipv4, subnet.first().bits + (subnet.length < 31 ? 1 : 0)};
  } else if (pick(3) == 0) {
    IpPrefix const& subnet = pools_.at(id).prefix;
    preferred = IpAddress{Family::ipv4, subnet.first().bits - 1 + pick(34)};
    bool const is_inside =
        subnet.contains(*preferred) &&
        (subnet.length == 31 || (preferred != subnet.first() && preferred != subnet.last()));
    if (is_inside && !leases_[id].contains(*preferred)) {
      expected = preferred;
    }
  } else {
    expected = lowest_free_address(id);
  }
  expect_answer(ipam_->request_address({id, preferred, kind, {}}, now), expected, id, kind);
}

void PropertyTest::expect_answer(Result<IpPrefix> const& answer,
                                 std::optional<IpAddress> const& expected, PoolId const& id,
                                 AddressKind kind) {
  EXPECT_EQ(answer.has_value(), expected && !store_fails_);
  if (!answer) {
    return;
  }
  EXPECT_EQ(answer->address, *expected);
  EXPECT_EQ(answer->length, pools_.at(id).prefix.length);
  leases_[id].insert(answer->address);
  if (kind == AddressKind::gateway) {
    gateways_[id] = answer->address;
  }
}

void PropertyTest::release_address() {
  PoolId const id = any_pool();
  IpPrefix const& subnet = pools_.at(id).prefix;
  IpAddress const address{Family::ipv4, subnet.first().bits + pick(32)};
  bool const is_held = leases_[id].contains(address);
  bool const released = ipam_->release_address(id, address, now).has_value();
  EXPECT_EQ(released, !(is_held && store_fails_));
  if (released) {
    leases_[id].erase(address);
    if (gateways_.contains(id) && gateways_[id] == address) {
      gateways_.erase(id);
    }
  }
}

void PropertyTest::restart() {
  store_.fail_at(0);
  ipam_ = std::make_unique<Ipam>(config(), store_);
  ASSERT_OK(ipam_->load());
}

void PropertyTest::step() {
  unsigned const kind = pick(pools_.empty() ? 20 : 100);
  store_fails_ = pick(20) == 0;
  store_.fail_at(store_fails_ ? 1 : 0);
  if (kind < 10) {
    request_pool();
  } else if (kind < 20) {
    request_named_pool();
  } else if (kind < 32) {
    release_pool();
  } else if (kind < 70) {
    request_address();
  } else if (kind < 99) {
    release_address();
  } else {
    restart();
  }
}

void PropertyTest::expect_the_store_to_agree() const {
  EXPECT_EQ(store_.contents.pools, pools_);
  std::map<PoolId, std::set<IpAddress>> stored;
  for (auto const& [id, pool] : pools_) {
    stored[id] = {};
  }
  for (auto const& [key, lease] : store_.contents.leases) {
    stored[lease.pool].insert(lease.address);
    EXPECT_EQ(lease.kind == AddressKind::gateway,
              gateways_.contains(lease.pool) && gateways_.at(lease.pool) == lease.address);
  }
  EXPECT_EQ(stored, leases_);
}

TEST_F(PropertyTest, IpamDoesWhatAPlainModelDoes) {
  for (unsigned i = 0; i < steps_; ++i) {
    step();
    if (i % 100 == 0) {
      expect_the_store_to_agree();
    }
    ASSERT_FALSE(HasFailure()) << "step " << i << " with DRAWBRIDGE_TEST_SEED=" << seed_;
  }
}

}  // namespace
}  // namespace drawbridge
