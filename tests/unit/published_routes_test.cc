// Published ports through the router, from port map to list. The host ports are fakes.
#include "plugin/control_routes.h"
#include "plugin/routes.h"
#include "tests/support/ask.h"
#include "tests/support/fake_host_ports.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

/// Network n with endpoint e, joined.
class PublishedRoutesTest : public ::testing::Test {
 protected:
  PublishedRoutesTest() {
    post("CreateNetwork",
         R"({"NetworkID":"n","IPv4Data":[{"Pool":"10.249.1.0/24","Gateway":"10.249.1.1/24"}]})");
    post("CreateEndpoint",
         R"({"NetworkID":"n","EndpointID":"e","Interface":{"Address":"10.249.1.2/24"}})");
    post("Join", ref);
  }
  std::string post(std::string const& method, std::string const& body) {
    return ask(router, group, {"POST", "/NetworkDriver." + method, body, true}).body;
  }
  std::string program(std::string const& list) {
    return post("ProgramExternalConnectivity",
                R"({"NetworkID":"n","EndpointID":"e","Options":{"com.docker.network.portmap":)" +
                    list + "}}");
  }
  std::string listing() { return ask(control, group, {"GET", "/ports", "", true}).body; }

  std::string const ref = R"({"NetworkID":"n","EndpointID":"e"})";
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
  Router control = make_control_router(services, {store});
};

std::string const web =
    R"([{"Proto":6,"Port":80,"HostIP":"127.0.0.1","HostPort":8080,"HostPortEnd":8080}])";

TEST_F(PublishedRoutesTest, AProgrammedPortIsToldOnBothSockets) {
  EXPECT_EQ(program(web), "{}");
  EXPECT_NE(post("EndpointOperInfo", ref)
                .find(R"("IP":"10.249.1.2","Port":80,"HostIP":"127.0.0.1","HostPort":8080)"),
            std::string::npos);
  EXPECT_NE(listing().find(R"("protocol":"tcp","host_address":"127.0.0.1","host_port":8080)"),
            std::string::npos)
      << listing();
}

TEST_F(PublishedRoutesTest, RevokeAndLeaveTakeItBack) {
  for (char const* method : {"RevokeExternalConnectivity", "Leave", "DeleteEndpoint"}) {
    EXPECT_EQ(program(web), "{}");
    EXPECT_EQ(ports.held.size(), 1U);
    EXPECT_EQ(post(method, ref), "{}");
    EXPECT_TRUE(ports.held.empty()) << method;
    EXPECT_EQ(listing(), "[]") << method;
  }
}

TEST_F(PublishedRoutesTest, AnotherListTakesThePlaceOfTheFirst) {
  EXPECT_EQ(program(web), "{}");
  EXPECT_EQ(program(R"([{"Proto":17,"Port":53,"HostIP":"","HostPort":0,"HostPortEnd":0}])"), "{}");
  EXPECT_EQ(ports.held.size(), 1U);
  EXPECT_EQ(listing().find("8080"), std::string::npos);
}

TEST_F(PublishedRoutesTest, ATakenPortIsAnErrorOfTheEngine) {
  ports.taken.insert({6, 8080});
  std::string const reply = program(web);
  EXPECT_TRUE(reply.starts_with(R"({"Err":")")) << reply;
  EXPECT_NE(reply.find("already allocated"), std::string::npos) << reply;
}

}  // namespace
}  // namespace drawbridge
