// Proxies that reach members of networks which they are not in.
#include "driver/driver.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_host_ports.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

#include <algorithm>

#include <netinet/in.h>

namespace drawbridge {
namespace {

using Lines = std::vector<std::string>;
using Routes = std::set<ProxyRoute>;

NetworkId const shop{"111111111111aaaa"};
NetworkId const blog{"222222222222bbbb"};
EndpointId const web{"0123456789abcdef"};
EndpointId const db{"0123456789ab0002"};

IpAddress ip(std::string const& text) {
  return *IpAddress::parse(text);
}

ProxyRoute route(EndpointId const& endpoint, std::string const& from = "172.17.0.2",
                 NetworkId const& network = shop) {
  return {network, endpoint, "docker0", ip(from)};
}

Element way(std::string const& from, std::string const& to) {
  bool const is_ipv4 = ip(from).family == Family::ipv4;
  return {is_ipv4 ? "proxied4" : "proxied6", {std::string("docker0"), ip(from), ip(to)}};
}

Element const way_to_web = way("172.17.0.2", "10.249.1.2");

Flow flow(std::string const& from, std::string const& to) {
  Flow made;
  made.source = ip(from);
  made.destination = made.translated_destination = ip(to);
  made.protocol = IPPROTO_TCP;
  made.destination_port = made.translated_port = 80;
  return made;
}

class DriverRoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK(driver.start());
    make(shop, "10.249.1.0/24", "fd00:1::/64");
    make(blog, "10.249.2.0/24", "fd00:2::/64");
    create(web, "10.249.1.2/24", "fd00:1::2/64");
    create(db, "10.249.1.3/24");
  }

  void make(NetworkId const& id, std::string const& subnet, std::string const& subnet6) {
    NetworkRequest request;
    request.id = id;
    for (std::string const& text : {subnet, subnet6}) {
      IpPrefix const prefix = *IpPrefix::parse(text);
      request.subnets.push_back({prefix, IpAddress{prefix.family(), prefix.first().bits + 1}});
    }
    ASSERT_OK(driver.create_network(request));
  }

  void create(EndpointId const& id, std::string const& ipv4, std::string const& ipv6 = "") {
    Endpoint made;
    made.id = id;
    made.network = shop;
    made.ipv4 = *IpPrefix::parse(ipv4);
    if (!ipv6.empty()) {
      made.ipv6 = *IpPrefix::parse(ipv6);
    }
    ASSERT_OK(driver.create_endpoint(made, {}));
  }

  void join(EndpointId const& id) { ASSERT_OK(driver.join(shop, id)); }

  bool holds(Element const& element) const { return kernel.state.elements.contains(element); }

  std::size_t ways() const {
    return static_cast<std::size_t>(std::count_if(
        kernel.state.elements.begin(), kernel.state.elements.end(),
        [](Element const& each) { return each.set == "proxied4" || each.set == "proxied6"; }));
  }

  FakeKernel kernel;
  FakeStore store;
  FakeHostPorts ports;
  Driver driver{kernel, store, ports};
};

TEST_F(DriverRoutesTest, AWayIsOpenWhenItsMemberHasJoined) {
  EXPECT_EQ(driver.learn_routes({route(web)}),
            Lines{"proxy 172.17.0.2 on docker0 reaches endpoint 0123456789ab (network "
                  "111111111111)"});
  EXPECT_FALSE(holds(way_to_web));
  join(web);
  EXPECT_TRUE(holds(way_to_web));
  EXPECT_EQ(ways(), 1U);
}

TEST_F(DriverRoutesTest, AWayIsOpenedToAMemberThatIsThere) {
  join(web);
  join(db);
  kernel.printed.clear();
  driver.learn_routes({route(web), route(web, "fd17::2"), route(db, "fd17::2")});
  EXPECT_TRUE(holds(way_to_web));
  EXPECT_TRUE(holds(way("fd17::2", "fd00:1::2")));
  EXPECT_EQ(ways(), 2U) << "the other member has no IPv6 address";
  EXPECT_EQ(kernel.printed.size(), 1U) << "one transaction: " << kernel.printed_text();
  EXPECT_TRUE(driver.what_differs()->empty());
}

TEST_F(DriverRoutesTest, TheLineNamesTheContainer) {
  join(web);
  driver.learn_member(web, shop, {"web", {}});
  EXPECT_EQ(driver.learn_routes({route(web)}),
            Lines{"proxy 172.17.0.2 on docker0 reaches container web (network 111111111111)"});
  EXPECT_EQ(driver.learn_routes({}), Lines{"proxy 172.17.0.2 on docker0 reaches container web "
                                           "(network 111111111111) no more"});
}

TEST_F(DriverRoutesTest, TheSameOnceMoreChangesNothing) {
  join(web);
  driver.learn_routes({route(web)});
  kernel.printed.clear();
  store.calls.clear();
  EXPECT_TRUE(driver.learn_routes({route(web)}).empty());
  EXPECT_TRUE(kernel.printed.empty());
  EXPECT_TRUE(store.calls.empty());
}

TEST_F(DriverRoutesTest, AWithdrawnWayTakesItsConnectionsAlong) {
  join(web);
  join(db);
  driver.learn_routes({route(web), route(web, "172.17.0.9"), route(db)});
  Flow published = flow("172.17.0.2", "198.51.100.1");
  published.translated_destination = ip("10.249.1.2");
  published.destination_is_translated = true;
  Flow const of_another = flow("172.17.0.9", "10.249.1.2");
  Flow const to_another = flow("172.17.0.2", "10.249.1.3");
  kernel.flows = {flow("172.17.0.2", "10.249.1.2"), of_another, to_another, published};

  EXPECT_EQ(driver.learn_routes({route(web, "172.17.0.9"), route(db)}).size(), 1U);

  EXPECT_FALSE(holds(way_to_web));
  EXPECT_EQ(ways(), 2U);
  EXPECT_EQ(kernel.flows, (std::vector<Flow>{of_another, to_another, published}));
}

TEST_F(DriverRoutesTest, AChangeOfPolicyLeavesWhatAProxyMayOpen) {
  join(web);
  driver.learn_routes({route(web)});
  Flow const by_proxy = flow("172.17.0.2", "10.249.1.2");
  kernel.flows = {by_proxy, flow("172.17.0.3", "10.249.1.2")};

  driver.configure({{{"egress", "none"}}, false});

  EXPECT_EQ(kernel.flows, std::vector<Flow>{by_proxy});
  EXPECT_TRUE(holds(way_to_web));
}

TEST_F(DriverRoutesTest, AMemberThatGoesTakesItsWaysAlong) {
  join(web);
  join(db);
  driver.learn_routes({route(web), route(db)});
  ASSERT_OK(driver.delete_endpoint(shop, web));

  EXPECT_FALSE(holds(way_to_web));
  EXPECT_EQ(ways(), 1U);
  EXPECT_EQ(store.contents.routes, Routes{route(db)});
  EXPECT_EQ(driver.settle(), Lines{"proxy 172.17.0.2 on docker0 reaches endpoint 0123456789ab "
                                   "(network 111111111111) no more"});
  EXPECT_TRUE(driver.learn_routes({route(db)}).empty());
}

TEST_F(DriverRoutesTest, ANetworkThatGoesTakesItsWaysAlong) {
  join(web);
  driver.learn_routes({route(web)});
  ASSERT_OK(driver.delete_network(shop));
  EXPECT_EQ(ways(), 0U);
  EXPECT_TRUE(store.contents.routes.empty());
  EXPECT_TRUE(driver.what_differs()->empty());
}

TEST_F(DriverRoutesTest, AWayToNobodyIsNone) {
  join(web);
  EXPECT_TRUE(
      driver.learn_routes({route({"ffffffffffff0001"}), route(web, "172.17.0.2", blog)}).empty());
  EXPECT_EQ(ways(), 0U);
  EXPECT_TRUE(store.contents.routes.empty());
}

TEST_F(DriverRoutesTest, AWayWaitsForAnEndpointThatIsNotKnownYet) {
  EndpointId const late{"ffffffffffff0001"};
  driver.learn_routes({route(late)});
  create(late, "10.249.1.9/24");
  join(late);
  EXPECT_TRUE(holds(way("172.17.0.2", "10.249.1.9")));
}

TEST_F(DriverRoutesTest, AWayDoesNotLeadToTheNextContainerOfTheAddress) {
  join(web);
  driver.learn_routes({route(web)});
  EndpointId const next{"ffffffffffff0001"};
  create(next, "10.249.1.2/24");
  kernel.flows = {flow("172.17.0.2", "10.249.1.2")};

  join(next);

  EXPECT_EQ(ways(), 0U);
  EXPECT_TRUE(kernel.flows.empty());
  EXPECT_TRUE(store.contents.routes.empty());
}

TEST_F(DriverRoutesTest, AMemberWithoutAnAddressOfTheFamilyEndsNoWays) {
  EndpointId const next{"ffffffffffff0001"};
  join(db);
  driver.learn_routes({route(db, "fd17::2"), route(db)});
  create(next, "10.249.1.9/24");
  join(next);
  EXPECT_EQ(ways(), 1U);
  EXPECT_EQ(store.contents.routes.size(), 2U);
}

TEST_F(DriverRoutesTest, WaysSurviveARestart) {
  join(web);
  driver.learn_routes({route(web)});
  FakeKernel rebooted;
  Driver next(rebooted, store, ports);
  ASSERT_OK(next.start());
  EXPECT_TRUE(rebooted.state.elements.contains(way_to_web));
  EXPECT_TRUE(next.learn_routes({route(web)}).empty());
  EXPECT_EQ(next.learn_routes({}).size(), 1U);
  EXPECT_FALSE(rebooted.state.elements.contains(way_to_web));
}

TEST_F(DriverRoutesTest, WhatTheKernelRefusesIsSaidAndDoneByTheNextLook) {
  join(web);
  kernel.fail_after(0);
  Lines const said = driver.learn_routes({route(web)});
  ASSERT_EQ(said.size(), 2U);
  EXPECT_NE(said.back().find("told to fail"), std::string::npos) << said.back();
  EXPECT_EQ(ways(), 0U);
  EXPECT_FALSE(driver.reconcile().empty());
  EXPECT_TRUE(holds(way_to_web));
}

TEST_F(DriverRoutesTest, WhatTheStoreRefusesIsSaidAndOpenNevertheless) {
  join(web);
  store.fail_at(1);
  Lines const said = driver.learn_routes({route(web)});
  ASSERT_EQ(said.size(), 2U);
  EXPECT_NE(said.back().find("disk full"), std::string::npos) << said.back();
  EXPECT_TRUE(holds(way_to_web));
  driver.learn_routes({route(web), route(db)});
  EXPECT_EQ(store.contents.routes, (Routes{route(web), route(db)}));
}

}  // namespace
}  // namespace drawbridge
