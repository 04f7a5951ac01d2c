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

/// What is known of an address that is not free.
struct Known {
  AddressKind kind = AddressKind::endpoint;
  std::string owner;
  bool reserved = false;
  std::optional<WallTime> released_at;
};

struct PoolModel {
  Pool pool;
  std::map<IpAddress, Known> addresses;

  bool is_held(IpAddress const& address) const {
    return addresses.contains(address) && !addresses.at(address).released_at;
  }
};

using Model = std::map<PoolId, PoolModel>;

bool is_edge(IpPrefix const& subnet, IpAddress const& address) {
  return subnet.length < 31 && (address == subnet.first() || address == subnet.last());
}

std::optional<IpAddress> gateway_of(PoolModel const& model) {
  for (auto const& [address, known] : model.addresses) {
    if (known.kind == AddressKind::gateway) {
      return address;
    }
  }
  return std::nullopt;
}

/// The lowest address that was never used, or the one that was released the longest ago.
std::optional<IpAddress> next_address(PoolModel const& model, IpPrefix const& range) {
  std::optional<IpAddress> oldest;
  for (IpAddress address = range.first(); address <= range.last(); ++address.bits) {
    auto const known = model.addresses.find(address);
    if (is_edge(model.pool.prefix, address)) {
      continue;
    }
    if (known == model.addresses.end()) {
      return address;
    }
    bool const is_released = known->second.released_at && !known->second.reserved;
    if (is_released &&
        (!oldest || *known->second.released_at < *model.addresses.at(*oldest).released_at)) {
      oldest = address;
    }
  }
  return oldest;
}

/// The address that this owner released last.
std::optional<IpAddress> former_address(PoolModel const& model, std::string const& owner) {
  std::optional<IpAddress> latest;
  for (auto const& [address, known] : model.addresses) {
    bool const is_former = !owner.empty() && known.owner == owner && known.released_at;
    if (is_former && (!latest || *known.released_at >= *model.addresses.at(*latest).released_at)) {
      latest = address;
    }
  }
  return latest;
}

std::optional<IpAddress> expected_address(PoolModel const& model, AddressRequest const& request) {
  IpPrefix const& subnet = model.pool.prefix;
  if (request.address) {
    bool const is_good = subnet.contains(*request.address) && !is_edge(subnet, *request.address) &&
                         !model.is_held(*request.address);
    return is_good ? request.address : std::nullopt;
  }
  if (std::optional<IpAddress> const former = former_address(model, request.owner)) {
    return former;
  }
  bool const is_gateway = request.kind == AddressKind::gateway;
  return next_address(model, is_gateway ? subnet : model.pool.sub_pool.value_or(subnet));
}

class PropertyTest : public testing::Test {
 protected:
  PropertyTest() : random_(seed_) { restart(); }

  void step();
  void change_something();
  void change_in_a_group();
  void request_pool();
  void request_named_pool();
  void release_pool();
  void request_address();
  void release_address();
  void restart();

  unsigned pick(unsigned below) { return static_cast<unsigned>(random_()) % below; }
  bool is_free(IpPrefix const& subnet) const;
  std::optional<IpPrefix> lowest_free_subnet() const;
  PoolModel& any_pool();
  AddressRequest any_request(PoolModel const& model);
  void expect_the_store_to_agree() const;

  // The environment repeats a run or makes it longer.
  unsigned const seed_ = setting("DRAWBRIDGE_TEST_SEED", std::random_device{}());
  unsigned const steps_ = setting("DRAWBRIDGE_TEST_STEPS", 12000);
  std::mt19937 random_;
  WallTime now_{};
  FakeStore store_;
  std::unique_ptr<Ipam> ipam_;
  Model model_;
  bool store_fails_ = false;
};

bool PropertyTest::is_free(IpPrefix const& subnet) const {
  return !subnet.overlaps(routes.foreign[0].prefix) &&
         std::none_of(model_.begin(), model_.end(),
                      [&](auto const& entry) { return entry.second.pool.prefix.overlaps(subnet); });
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

PoolModel& PropertyTest::any_pool() {
  return std::next(model_.begin(), pick(static_cast<unsigned>(model_.size())))->second;
}

void PropertyTest::request_pool() {
  std::optional<IpPrefix> const expected = lowest_free_subnet();
  Result<PoolGrant> const grant = ipam_->request_pool(pool_request(""), routes);
  if (!expected) {
    EXPECT_TRUE(fails_with(grant, Errc::exhausted, "pool \"small\" is exhausted"));
  } else if (store_fails_) {
    EXPECT_TRUE(fails_with(grant, Errc::store, ""));
  } else {
    ASSERT_OK(grant);
    EXPECT_EQ(grant->pool.prefix, *expected);
    model_[grant->pool.id] = {grant->pool, {}};
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
  Result<PoolGrant> const grant = ipam_->request_pool(request, routes);
  if (!expected) {
    EXPECT_TRUE(fails_with(grant, Errc::conflict, request.prefix->to_string() + " overlaps"));
  } else if (store_fails_) {
    EXPECT_TRUE(fails_with(grant, Errc::store, ""));
  } else {
    ASSERT_OK(grant);
    model_[grant->pool.id] = {grant->pool, {}};
  }
}

void PropertyTest::release_pool() {
  PoolId const id = any_pool().pool.id;
  Result<void> const released = ipam_->release_pool(id);
  EXPECT_EQ(released.has_value(), !store_fails_);
  if (released) {
    model_.erase(id);
  }
}

AddressRequest PropertyTest::any_request(PoolModel const& model) {
  AddressRequest request{model.pool.id, {}};
  if (pick(8) == 0 && !gateway_of(model)) {
    request.kind = AddressKind::gateway;
  } else if (pick(3) != 0) {
    request.owner = "c" + std::to_string(pick(12));
  }
  if (pick(4) == 0) {
    request.address = IpAddress{Family::ipv4, model.pool.prefix.first().bits - 1 + pick(34)};
  }
  return request;
}

void PropertyTest::request_address() {
  PoolModel& model = any_pool();
  AddressRequest const request = any_request(model);
  std::optional<IpAddress> const expected = expected_address(model, request);
  Result<IpPrefix> const answer = ipam_->request_address(request);
  ASSERT_EQ(answer.has_value(), expected && !store_fails_);
  if (!answer) {
    return;
  }
  EXPECT_EQ(answer->address, *expected);
  EXPECT_EQ(answer->length, model.pool.prefix.length);
  Known known{request.kind, request.owner, false, {}};
  bool const was_reserved =
      model.addresses.contains(*expected) && model.addresses[*expected].reserved;
  known.reserved =
      request.kind == AddressKind::endpoint && (request.address.has_value() || was_reserved);
  model.addresses[*expected] = known;
}

void PropertyTest::release_address() {
  PoolModel& model = any_pool();
  IpAddress const address{Family::ipv4, model.pool.prefix.first().bits + pick(32)};
  bool const is_held = model.is_held(address);
  bool const released = ipam_->release_address(model.pool.id, address, now_).has_value();
  EXPECT_EQ(released, !(is_held && store_fails_));
  if (!released || !is_held) {
    return;
  }
  Known known = model.addresses[address];
  known.released_at = now_;
  if (known.kind == AddressKind::gateway) {
    model.addresses.erase(address);
  } else {
    model.addresses[address] = known;
  }
}

void PropertyTest::restart() {
  store_.fail_at(0);
  ipam_ = std::make_unique<Ipam>(config(), store_);
  ASSERT_OK(ipam_->load());
}

void PropertyTest::change_something() {
  unsigned const kind = pick(model_.empty() ? 20 : 100);
  now_ += std::chrono::milliseconds(pick(1000));
  if (kind < 10) {
    request_pool();
  } else if (kind < 20) {
    request_named_pool();
  } else if (kind < 30) {
    release_pool();
  } else if (kind < 70) {
    request_address();
  } else {
    release_address();
  }
}

/// Several changes become durable together, or none of them does.
void PropertyTest::change_in_a_group() {
  Model const before = model_;
  bool const is_lost = pick(2) == 0;
  ASSERT_OK(store_.begin());
  for (unsigned left = 1 + pick(8); left > 0; --left) {
    change_something();
  }
  store_.fail_at(is_lost ? 1 : 0);
  EXPECT_EQ(store_.commit().has_value(), !is_lost);
  if (is_lost) {
    model_ = before;
    ipam_->invalidate();
    ASSERT_OK(ipam_->load());
  }
}

void PropertyTest::step() {
  unsigned const kind = pick(100);
  if (kind == 0) {
    restart();
  } else if (kind < 3) {
    change_in_a_group();
  } else {
    store_fails_ = pick(20) == 0;
    store_.fail_at(store_fails_ ? 1 : 0);
    change_something();
    store_fails_ = false;
    store_.fail_at(0);
  }
}

void PropertyTest::expect_the_store_to_agree() const {
  EXPECT_EQ(store_.contents.pools.size(), model_.size());
  std::size_t known_addresses = 0;
  for (auto const& [id, model] : model_) {
    known_addresses += model.addresses.size();
    EXPECT_EQ(store_.contents.pools.at(id), model.pool);
    for (auto const& [address, known] : model.addresses) {
      Lease const lease{id, address, known.kind, known.owner, known.reserved, known.released_at};
      EXPECT_EQ(store_.contents.leases.at({id, address}), lease);
    }
  }
  EXPECT_EQ(store_.contents.leases.size(), known_addresses);
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
