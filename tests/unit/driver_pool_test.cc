// `ports`: each container gets one port of its network's range, and the same one again.
#include "driver/driver.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_host_ports.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

#include <string>

#include <netinet/in.h>

namespace drawbridge {
namespace {

using Names = std::set<std::string>;

std::string const pods_id = "111111111111aaaa";

class DriverPoolTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(driver.start()); }

  void given_pods(std::string const& range) {
    NetworkRequest request;
    request.id = {pods_id};
    request.subnets = {{*IpPrefix::parse("10.249.1.0/24"), *IpAddress::parse("10.249.1.1")}};
    request.options = {{"ports", range}};
    ASSERT_OK(driver.create_network(request));
  }

  Result<std::vector<PublishedPort>> start(std::string const& container,
                                           std::optional<Names> containers = {}) {
    Endpoint made;
    made.id = {"ep-" + container};
    made.network = {pods_id};
    made.ipv4 = IpPrefix{{Family::ipv4, 0x0af90102 + next_address++}, 24};
    EXPECT_OK(driver.create_endpoint(made, {}));
    EXPECT_OK(driver.join({pods_id}, made.id));
    PublishRequest request{{pods_id}, made.id, {}};
    request.container = container;
    request.containers = std::move(containers);
    return driver.publish(request);
  }

  /// returns  0 where there is none
  std::uint16_t port_of(Result<std::vector<PublishedPort>> const& made) const {
    return made && made->size() == 1 ? made->front().host_ports.first : std::uint16_t{0};
  }

  void stop(std::string const& container) {
    ASSERT_OK(driver.unpublish({pods_id}, {"ep-" + container}));
    ASSERT_OK(driver.delete_endpoint({pods_id}, {"ep-" + container}));
  }

  FakeKernel kernel;
  FakeStore store;
  FakeHostPorts ports;
  Driver driver{kernel, store, ports};
  std::uint32_t next_address = 0;
};

TEST_F(DriverPoolTest, TheLowestFreePortComesFirst) {
  given_pods("30000-30009:80");
  EXPECT_TRUE(driver.gives_ports({pods_id}));
  EXPECT_FALSE(driver.gives_ports({"nobody"}));
  ports.taken = {{IPPROTO_TCP, 30001}};
  ports.reserved_ranges = {{30003, 30003}};
  EXPECT_EQ(port_of(start("a")), 30000);
  EXPECT_EQ(port_of(start("b")), 30002);
  EXPECT_EQ(port_of(start("c")), 30004);
}

TEST_F(DriverPoolTest, AContainerComesBackToItsPort) {
  given_pods("30000-30009:80");
  ASSERT_EQ(port_of(start("a")), 30000);
  ASSERT_EQ(port_of(start("b")), 30001);
  stop("a");
  EXPECT_EQ(port_of(start("c")), 30002) << "30000 is kept for a";
  EXPECT_EQ(port_of(start("a")), 30000);
}

TEST_F(DriverPoolTest, ItComesBackOverARestartOfTheDaemon) {
  given_pods("30000-30009:80");
  ASSERT_EQ(port_of(start("a")), 30000);
  ASSERT_EQ(port_of(start("b")), 30001);
  stop("a");
  stop("b");
  FakeHostPorts fresh;
  Driver restarted(kernel, store, fresh);
  ASSERT_OK(restarted.start());
  Endpoint made;
  made.id = {"ep-b"};
  made.network = {pods_id};
  made.ipv4 = *IpPrefix::parse("10.249.1.9/24");
  ASSERT_OK(restarted.create_endpoint(made, {}));
  PublishRequest request{{pods_id}, made.id, {}};
  request.container = "b";
  EXPECT_EQ(port_of(restarted.publish(request)), 30001);
}

TEST_F(DriverPoolTest, AContainerThatIsNoMoreKeepsNothing) {
  given_pods("30000-30009:80");
  ASSERT_EQ(port_of(start("a")), 30000);
  stop("a");
  EXPECT_EQ(port_of(start("b", Names{"a", "b"})), 30001);
  EXPECT_EQ(store.contents.port_leases.size(), 2u);
  EXPECT_EQ(port_of(start("c", Names{"b", "c"})), 30000);
  driver.settle();
  EXPECT_FALSE(store.contents.port_leases.contains({{pods_id}, "a"}));
  EXPECT_EQ(store.contents.port_leases.size(), 2u);
}

TEST_F(DriverPoolTest, PortsThatAreKeptComeLast) {
  given_pods("30000-30001:80");
  ASSERT_EQ(port_of(start("a")), 30000);
  stop("a");
  EXPECT_EQ(port_of(start("b")), 30001);
  EXPECT_EQ(port_of(start("c")), 30000) << "better than none";
  EXPECT_TRUE(fails_with(start("a"), Errc::exhausted,
                         "none of the 2 ports of 0.0.0.0:30000-30001/tcp is free, 2 of them are "
                         "published: remove containers, or free what else of this host uses or "
                         "reserves the range"));
  EXPECT_EQ(ports.held.size(), 2u);
}

TEST_F(DriverPoolTest, TenThousandPortsThatOthersHaveAreFoundOutAtOnce) {
  given_pods("30000-39999:80");
  for (std::uint16_t port = 30000; port < 40000; ++port) {
    ports.taken.insert({IPPROTO_TCP, port});
  }
  EXPECT_TRUE(fails_with(start("a"), Errc::exhausted, "none of the 10000 ports"));
  EXPECT_TRUE(ports.calls.empty()) << "asked for one by one";
}

TEST_F(DriverPoolTest, ItsOwnPortAndAnAskedOneGoTogether) {
  given_pods("30000-30009:80");
  Endpoint made;
  made.id = {"ep1"};
  made.network = {pods_id};
  made.ipv4 = *IpPrefix::parse("10.249.1.2/24");
  ASSERT_OK(driver.create_endpoint(made, {}));
  PublishRequest request{{pods_id}, made.id, {}};
  request.ports = {{IPPROTO_TCP, {}, {30000, 30000}, 81}};
  Result<std::vector<PublishedPort>> const published = driver.publish(request);
  ASSERT_OK(published);
  ASSERT_EQ(published->size(), 2u);
  EXPECT_EQ(published->back().host_ports, (PortRange{30001, 30001}));
  EXPECT_TRUE(store.contents.port_leases.empty()) << "nobody said for whom";
}

TEST_F(DriverPoolTest, ARangeThatConnectionsUseIsWarnedOf) {
  given_pods("30000-39999:80");
  EXPECT_EQ(driver.take_warnings(),
            (std::vector<std::string>{
                "network 111111111111: connections of this host may take ports of 30000-39999 for "
                "themselves (32768-60999 are theirs): reserve them with sysctl -w "
                "net.ipv4.ip_local_reserved_ports=30000-39999"}));
  EXPECT_TRUE(driver.take_warnings().empty());
}

TEST_F(DriverPoolTest, TheLeasesOfANetworkGoWithIt) {
  given_pods("30000-30009:80");
  ASSERT_EQ(port_of(start("a")), 30000);
  ASSERT_OK(driver.delete_network({pods_id}));
  EXPECT_TRUE(store.contents.port_leases.empty());
  given_pods("30000-30009:80");
  EXPECT_EQ(port_of(start("b")), 30000);
}

}  // namespace
}  // namespace drawbridge
