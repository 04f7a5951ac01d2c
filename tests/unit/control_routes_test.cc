// What the control socket answers, beside requests of the engine. Kernel and store are fakes.
#include "plugin/control_routes.h"

#include "plugin/control_error.h"
#include "plugin/repair_listing.h"
#include "plugin/routes.h"
#include "tests/support/ask.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_host_ports.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

/// Network n, which has 10.249.1.0/24 of the pool, with endpoint e, joined.
class ControlRoutesTest : public ::testing::Test {
 protected:
  ControlRoutesTest() {
    post("/IpamDriver.RequestPool", R"({"AddressSpace":"drawbridge-local"})");
    post("/NetworkDriver.CreateNetwork",
         R"({"NetworkID":"n","Options":{"com.docker.network.generic":{"isolation":"members",)"
         R"("egress":"all"}},"IPv4Data":[{"Pool":"10.249.1.0/24","Gateway":"10.249.1.1/24"}]})");
    post("/NetworkDriver.CreateEndpoint",
         R"({"NetworkID":"n","EndpointID":"e","Interface":{"Address":"10.249.1.2/24"}})");
    post("/NetworkDriver.Join", R"({"NetworkID":"n","EndpointID":"e"})");
  }
  HttpReply post(std::string const& path, std::string const& body) {
    return ask(router, group, {"POST", path, body, true});
  }
  HttpReply call(std::string const& method, std::string const& path) {
    return ask(control, group, {method, path, "", true});
  }
  std::string get(std::string const& path) { return call("GET", path).body; }

  FakeKernel kernel;
  FakeStore store;
  Ipam ipam{default_pool_config(), store};
  FakeHostPorts ports;
  Driver driver{kernel, store, ports};
  CommitGroup group{store, [this] { ipam.invalidate(); }};
  EngineView engine{driver, ipam, group};
  Looks looks{driver};
  Services services{group, driver, ipam, kernel, engine, looks};
  Router router = make_plugin_router(services);
  Router control = make_control_router(services, {store, {"/p", "/c", "/s", "/d.json"}, ""});
};

TEST_F(ControlRoutesTest, ANetworkIsListedWithTheOptionsThatTell) {
  std::vector<ListedNetwork> const networks = decode_listed_networks(get("/networks")).value();
  ASSERT_EQ(networks.size(), 1U);
  NetworkListing const& listing = networks[0].listing;
  EXPECT_EQ(listing.id.value, "n");
  EXPECT_EQ(listing.bridge, "db-n");
  EXPECT_EQ(listing.isolation, Isolation::members);
  EXPECT_EQ(listing.endpoints, 1U);
  EXPECT_EQ(listing.options, (std::map<std::string, std::string>{{"isolation", "members"}}))
      << "egress=all is what holds anyway";
  ASSERT_EQ(listing.subnets.size(), 1U);
  EXPECT_EQ(listing.subnets[0].gateway->to_string(), "10.249.1.1");
}

TEST_F(ControlRoutesTest, AnEndpointIsListedWithItsLink) {
  std::vector<ListedEndpoint> const endpoints = decode_listed_endpoints(get("/endpoints")).value();
  ASSERT_EQ(endpoints.size(), 1U);
  EndpointListing const& listing = endpoints[0].listing;
  EXPECT_EQ(listing.link, "dv-e");
  EXPECT_EQ(listing.ipv4->to_string(), "10.249.1.2/24");
  EXPECT_TRUE(listing.joined);
  EXPECT_EQ(listing.ports, 0U);
}

TEST_F(ControlRoutesTest, PoolsAreListedWithTheNetworksThatHaveThem) {
  PoolListing const listing = decode_pools(get("/pools")).value();
  ASSERT_EQ(listing.leased.size(), 1U);
  EXPECT_EQ(listing.leased[0].pool, "pods");
  EXPECT_EQ(listing.leased[0].network.value, "n");
  EXPECT_TRUE(listing.pools.at(0).is_default);
  EXPECT_FALSE(listing.pools.at(1).is_default);
}

TEST_F(ControlRoutesTest, TheStatusHasNumbersAndPaths) {
  StatusReport const report = decode_status(get("/status")).value();
  EXPECT_EQ(report.networks, 1U);
  EXPECT_EQ(report.endpoints, 1U);
  EXPECT_EQ(report.paths, (ServedPaths{"/p", "/c", "/s", "/d.json"}));
  EXPECT_TRUE(report.troubles.empty());
}

TEST_F(ControlRoutesTest, TheStatusHasWhatIsWrong) {
  kernel.retired = 3;
  ports.taken.insert({6, 8080});
  EXPECT_EQ(decode_status(get("/status")).value().troubles,
            std::vector<std::string>{"3 retired links wait to be deleted"});
}

TEST_F(ControlRoutesTest, ReconcileTellsByGetAndRepairsByPost) {
  kernel.state.bridges.clear();
  kernel.repairs = {"chain FORWARD: accept rules put in order"};
  std::vector<Repair> const to_come = decode_repairs(get("/reconcile")).value();
  ASSERT_GE(to_come.size(), 2U);
  EXPECT_EQ(to_come.back(), (Repair{"rules", "chain FORWARD: accept rules put in order", ""}));
  EXPECT_TRUE(kernel.state.bridges.empty()) << "a dry run changes nothing";
  EXPECT_EQ(looks.counters().looks, 0U);
  EXPECT_FALSE(decode_repairs(call("POST", "/reconcile").body).value().empty());
  EXPECT_TRUE(kernel.state.bridges.contains("db-n"));
  EXPECT_EQ(looks.counters().looks, 1U);
}

TEST_F(ControlRoutesTest, OnlyTheMethodsOfAPathAreServed) {
  EXPECT_EQ(call("DELETE", "/reconcile").status, 405);
  EXPECT_EQ(call("POST", "/networks").status, 405);
  EXPECT_EQ(call("GET", "/nothing").status, 404);
}

TEST_F(ControlRoutesTest, ABackupIsTheBytesOfTheState) {
  HttpReply const reply = call("GET", "/backup");
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "the state");
  EXPECT_EQ(reply.content_type, "application/octet-stream");
}

TEST_F(ControlRoutesTest, WhatFailsIsAnErrorOfHttpToo) {
  store.fail_at(1);
  HttpReply const reply = call("GET", "/backup");
  EXPECT_EQ(reply.status, control_failure);
  EXPECT_FALSE(decode_control_error(reply.body).empty());
}

}  // namespace
}  // namespace drawbridge
