#include "plugin/router.h"

#include "plugin/control_routes.h"
#include "plugin/routes.h"
#include "tests/support/ask.h"
#include "tests/support/fake_host_ports.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

class RouterTest : public ::testing::Test {
 protected:
  HttpReply post(std::string const& path, std::string const& body) {
    return ask(router, group, {"POST", path, body, true});
  }

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
};

TEST_F(RouterTest, ActivatesInBothRolesWithoutAnyDocker) {
  EXPECT_EQ(post("/Plugin.Activate", "").body, R"({"Implements":["NetworkDriver","IpamDriver"]})");
}

TEST_F(RouterTest, AnswersEveryMethodOfBothProtocols) {
  for (char const* method : {"GetCapabilities", "GwAllocCheck", "AllocateNetwork", "FreeNetwork",
                             "CreateNetwork", "DeleteNetwork", "CreateEndpoint", "DeleteEndpoint",
                             "EndpointOperInfo", "Join", "Leave", "ProgramExternalConnectivity",
                             "RevokeExternalConnectivity", "DiscoverNew", "DiscoverDelete"}) {
    EXPECT_NE(post(std::string("/NetworkDriver.") + method, "{}").status, 404) << method;
  }
  for (char const* method : {"GetCapabilities", "GetDefaultAddressSpaces", "RequestPool",
                             "ReleasePool", "RequestAddress", "ReleaseAddress"}) {
    EXPECT_NE(post(std::string("/IpamDriver.") + method, "{}").status, 404) << method;
  }
}

TEST_F(RouterTest, AnUnknownPathIs404WithBothKeys) {
  HttpReply const reply = post("/NetworkDriver.Teleport", "{}");
  EXPECT_EQ(reply.status, 404);
  EXPECT_EQ(reply.body, R"({"Err":"unknown method /NetworkDriver.Teleport",)"
                        R"("Error":"unknown method /NetworkDriver.Teleport"})");
}

TEST_F(RouterTest, EachProtocolGetsTheKeyThatItsClientReads) {
  EXPECT_EQ(post("/NetworkDriver.Join", R"({"NetworkID":"n","EndpointID":"e"})").body,
            R"({"Err":"network n is not known"})");
  HttpReply const ipam_reply = post("/IpamDriver.RequestAddress", R"({"PoolID":"none"})");
  EXPECT_EQ(ipam_reply.status, 200);
  EXPECT_TRUE(ipam_reply.body.starts_with(R"({"Error":)")) << ipam_reply.body;
}

TEST_F(RouterTest, ARepeatedCallWithoutItsBodyChangesNothing) {
  HttpReply const reply = post("/NetworkDriver.CreateNetwork", "");
  EXPECT_EQ(reply.status, 400);
  EXPECT_TRUE(reply.body.starts_with(R"({"Err":"empty request body)")) << reply.body;
  EXPECT_EQ(driver.network_count(), 0u);
}

TEST_F(RouterTest, OnlyTheMethodOfTheRouteIsServed) {
  EXPECT_EQ(ask(router, group, {"GET", "/Plugin.Activate", "", true}).status, 405);
}

TEST_F(RouterTest, PortsOfAnEndpointThatIsNotKnownAreRefused) {
  HttpReply const reply = post("/NetworkDriver.ProgramExternalConnectivity",
                               R"({"NetworkID":"n","EndpointID":"e","Options":
                                   {"com.docker.network.portmap":[{"Proto":6,"Port":80}]}})");
  EXPECT_TRUE(reply.body.starts_with(R"({"Err":")")) << reply.body;
}

TEST_F(RouterTest, APortThatCannotBeIsNamed) {
  HttpReply const reply = post("/NetworkDriver.ProgramExternalConnectivity",
                               R"({"NetworkID":"n","EndpointID":"e","Options":
                                   {"com.docker.network.portmap":[{"Proto":6,"Port":0}]}})");
  EXPECT_EQ(reply.body, R"({"Err":"\"Port\" is 0, which no container can listen on"})");
}

TEST_F(RouterTest, TakingBackWhatIsNotKnownSucceeds) {
  for (char const* method : {"Leave", "RevokeExternalConnectivity"}) {
    HttpReply const reply =
        post(std::string("/NetworkDriver.") + method, R"({"NetworkID":"n","EndpointID":"e"})");
    EXPECT_EQ(reply.body, "{}") << method;
  }
}

TEST_F(RouterTest, AnEndpointTellsItsPortsFromMemory) {
  std::string const ref = R"({"NetworkID":"n","EndpointID":"e"})";
  EXPECT_EQ(post("/NetworkDriver.EndpointOperInfo", ref).body, R"({"Value":{}})");
  post("/NetworkDriver.CreateNetwork", R"({"NetworkID":"n"})");
  post("/NetworkDriver.CreateEndpoint", R"({"NetworkID":"n","EndpointID":"e"})");
  EXPECT_EQ(post("/NetworkDriver.EndpointOperInfo", ref).body,
            R"({"Value":{"com.docker.network.portmap":[],)"
            R"("com.docker.network.endpoint.exposedports":[]}})");
}

TEST_F(RouterTest, RulesThatOthersTookAreMendedBeforeANetworkIsMade) {
  kernel.repairs = {"accept rule of DOCKER-USER"};
  post("/NetworkDriver.CreateNetwork", R"({"NetworkID":"n"})");
  EXPECT_TRUE(kernel.repairs.empty());
  EXPECT_EQ(looks.counters().repaired.at("rules"), 1U) << "as those of every look are";
}

TEST_F(RouterTest, APoolStepsAroundTheHostsRoutes) {
  kernel.routes = {1, {{*IpPrefix::parse("10.249.1.0/24"), "eth0", RouteKind::connected}}, {}};
  EXPECT_NE(post("/IpamDriver.RequestPool", R"({"AddressSpace":"drawbridge-local"})")
                .body.find("10.249.2.0/24"),
            std::string::npos);
}

TEST_F(RouterTest, TheControlSocketTellsPoolsInUse) {
  post("/IpamDriver.RequestPool", R"({"AddressSpace":"drawbridge-local"})");
  Router control = make_control_router(services, {store});
  HttpReply const reply = ask(control, group, {"GET", "/status", "", true});
  EXPECT_NE(reply.body.find(R"("networks":0)"), std::string::npos) << reply.body;
  EXPECT_NE(reply.body.find(R"("subnet":"10.249.1.0/24")"), std::string::npos) << reply.body;
}

TEST_F(RouterTest, TheControlSocketListsPublishedPorts) {
  Router control = make_control_router(services, {store});
  HttpReply const reply = ask(control, group, {"GET", "/ports", "", true});
  EXPECT_EQ(reply.status, 200);
  EXPECT_EQ(reply.body, "[]");
}

}  // namespace
}  // namespace drawbridge
