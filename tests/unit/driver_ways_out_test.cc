// A container whose way out by IPv4 is one network and by IPv6 another: engines from 28 on hand the
// whole list of ports to both.
#include "tests/support/port_shop.h"

namespace drawbridge {
namespace {

using Ports = std::vector<PublishedPort>;

std::string const sandbox = "/var/run/docker/netns/082068222b1d";
IpAddress const every_ipv4{Family::ipv4, 0};
IpAddress const every_ipv6{Family::ipv6, 0};

/// The endpoints old (both families) and late (both, too) of one container.
class DriverWaysOutTest : public PortShop {
 protected:
  void SetUp() override {
    PortShop::SetUp();
    given_members();
    join_dual(old, 4, sandbox);
    join_dual(late, 5, sandbox);
  }

  void join_dual(std::string const& id, unsigned number, std::string const& of) {
    Endpoint made;
    made.id = {id};
    made.network = {shop_id};
    made.ipv4 = IpPrefix{{Family::ipv4, 0x0af90100 + number}, 24};
    made.ipv6 = IpPrefix{{Family::ipv6, ip("fd00:249::").bits + number}, 64};
    ASSERT_OK(driver.create_endpoint(made, {}));
    ASSERT_OK(driver.join({shop_id}, {id}, of));
  }

  Result<Ports> publish_only(std::string const& id, std::optional<Family> only) {
    PublishRequest request{{shop_id}, {id}, {ask(8080, 80), ask(8081, 81, ip("127.0.0.1"))}};
    request.only = only;
    return driver.publish(request);
  }

  Ports const of_both{port(8080, 80), port(8081, 81, ip("127.0.0.1"))};
  Ports const of_ipv4{port(8080, 80, every_ipv4), port(8081, 81, ip("127.0.0.1"))};
  Ports const of_ipv6{port(8080, 80, every_ipv6)};
  std::string const old = "dddddddddddd4444";
  std::string const late = "eeeeeeeeeeee5555";
};

TEST_F(DriverWaysOutTest, EachPublishesItsFamily) {
  ASSERT_EQ(publish_only(old, Family::ipv4), of_ipv4);
  ASSERT_EQ(publish_only(late, {}), of_ipv6);
  EXPECT_EQ(ports.held.size(), 3u);
  ASSERT_OK(driver.unpublish({shop_id}, {old}));
  EXPECT_EQ(publish_only(late, {}), of_both) << "the only way out now";
}

TEST_F(DriverWaysOutTest, TheNewOneTakesItsFamilyFromTheOldOne) {
  ASSERT_EQ(publish_only(old, {}), of_both);
  ASSERT_EQ(publish_only(late, Family::ipv4), of_ipv4);
  EXPECT_EQ(stored(old), of_ipv6);
  EXPECT_EQ(publish_only(old, {}), of_ipv6) << "the engine says again what it is from now on";
  ASSERT_OK(driver.unpublish({shop_id}, {late}));
  EXPECT_EQ(publish_only(old, {}), of_both);
  ASSERT_EQ(publish_only(late, {}), of_ipv6);
  EXPECT_EQ(stored(old), of_ipv4);
  EXPECT_EQ(publish_only(old, Family::ipv4), of_ipv4);
}

TEST_F(DriverWaysOutTest, AnotherContainerIsRefusedAsEver) {
  join_dual("ffffffffffff6666", 6, "/var/run/docker/netns/ffffffffffff");
  ASSERT_EQ(publish_only(old, Family::ipv4), of_ipv4);
  EXPECT_TRUE(fails_with(publish_only("ffffffffffff6666", {}), Errc::already_exists, "8080"));
  EXPECT_EQ(stored(old), of_ipv4);
}

TEST_F(DriverWaysOutTest, WhoLeavesAFamilyAndCannotKeepsBoth) {
  ASSERT_EQ(publish_only(old, {}), of_both);
  auto const held = ports.held;
  kernel.fail_always(true);
  EXPECT_TRUE(fails_with(publish_only(late, Family::ipv4), Errc::kernel, "told to fail"));
  EXPECT_EQ(ports.held, held);
  EXPECT_EQ(stored(old), of_both);
}

}  // namespace
}  // namespace drawbridge
