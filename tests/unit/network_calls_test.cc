// The refusals are what engine 20.10 answers.
#include "docker/network_calls.h"

#include "tests/support/expect_ok.h"
#include "tests/support/fake_engine.h"
#include "tests/support/temp_directory.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds short_limit{40};
constexpr milliseconds long_limit{10'000};

class NetworkCallsTest : public testing::Test {
 protected:
  /// Lets the engine refuse what is asked of `path` in these words.
  void refuse(std::string const& path, int status, std::string_view message) {
    engine_.on("/v1.41/networks/" + path,
               {{api_reply(status, fmt::format(R"({{"message":"{}"}})", message))}});
  }
  void accept(std::string const& path, int status, std::string_view body) {
    engine_.on("/v1.41/networks/" + path, {{api_reply(status, body)}});
  }
  Result<ApiChange> connect(ConnectOptions const& options = {}) {
    return connect_container(api_, {"net"}, {"app"}, options);
  }
  Result<ApiChange> disconnect(Disconnect how = Disconnect::normal) {
    return disconnect_container(api_, {"net"}, {"app"}, how);
  }
  std::string last_request() const { return engine_.requests().back(); }

  TempDirectory directory_;
  FakeEngine engine_{directory_ / "d.sock"};
  ApiClient api_{directory_ / "d.sock", long_limit};
};

TEST_F(NetworkCallsTest, ConnectsAContainer) {
  accept("net/connect", 200, "");
  EXPECT_EQ(connect(), ApiChange::made);
  EXPECT_EQ(last_request(),
            R"(POST /v1.41/networks/net/connect {"Container":"app","EndpointConfig":{}})");
  EXPECT_EQ(connect({{"web", "a"}, *IpAddress::parse("10.78.1.20")}), ApiChange::made);
  EXPECT_EQ(last_request(),
            R"(POST /v1.41/networks/net/connect {"Container":"app","EndpointConfig":)"
            R"({"Aliases":["web","a"],"IPAMConfig":{"IPv4Address":"10.78.1.20"}}})");
}

TEST_F(NetworkCallsTest, TakesAContainerThatIsConnectedAsItIs) {
  refuse("net/connect", 403, "endpoint with name app already exists in network net");
  EXPECT_EQ(connect(), ApiChange::none);
}

TEST_F(NetworkCallsTest, SaysWhyItCannotConnect) {
  refuse("net/connect", 404, "No such container: app");
  EXPECT_TRUE(fails_with(connect(), Errc::not_found,
                         "POST /networks/net/connect: 404: No such container: app"));
  refuse("net/connect", 400, "container sharing network namespace with another container");
  EXPECT_TRUE(fails_with(connect(), Errc::invalid_argument, "400: container sharing"));
  refuse("net/connect", 409, "Container app is marked for removal");
  EXPECT_TRUE(fails_with(connect(), Errc::conflict, "409: Container app is marked"));
  refuse("net/connect", 500, "Invalid address 10.99.1.20: It does not belong");
  EXPECT_TRUE(fails_with(connect(), Errc::unsupported, "500: Invalid address 10.99.1.20"));
}

TEST_F(NetworkCallsTest, GivesUpOnAContainerWhoseLockIsHeld) {
  engine_.on("/v1.41/networks/net/connect", {{"", milliseconds(0), true}});
  ApiClient hasty(directory_ / "d.sock", short_limit);
  EXPECT_TRUE(fails_with(connect_container(hasty, {"net"}, {"app"}), Errc::kernel,
                         "POST /networks/net/connect: timed out after 40 ms"));
}

TEST_F(NetworkCallsTest, SendsAPriorityOnlyToEnginesThatKnowIt) {
  accept("net/connect", 200, "");
  EXPECT_EQ(connect({{}, {}, -5}), ApiChange::made);
  EXPECT_EQ(last_request().find("GwPriority"), std::string::npos);
  FakeEngine newer(directory_ / "e.sock", "1.48");
  newer.give("/v1.48/networks/net/connect", "");
  ApiClient api(directory_ / "e.sock", long_limit);
  EXPECT_EQ(connect_container(api, {"net"}, {"app"}, {{}, {}, -5}), ApiChange::made);
  EXPECT_EQ(newer.requests().back(),
            R"(POST /v1.48/networks/net/connect {"Container":"app","EndpointConfig":)"
            R"({"GwPriority":-5}})");
}

TEST_F(NetworkCallsTest, DisconnectsAContainer) {
  accept("net/disconnect", 200, "");
  EXPECT_EQ(disconnect(), ApiChange::made);
  EXPECT_EQ(last_request(),
            R"(POST /v1.41/networks/net/disconnect {"Container":"app","Force":false})");
  EXPECT_EQ(disconnect(Disconnect::forced), ApiChange::made);
  EXPECT_EQ(last_request(),
            R"(POST /v1.41/networks/net/disconnect {"Container":"app","Force":true})");
}

TEST_F(NetworkCallsTest, TakesAContainerThatIsNotConnectedAsItIs) {
  for (auto const& [status, message] : std::vector<std::pair<int, std::string_view>>{
           {500, "container 507d is not connected to network net"},
           {500, "container d70e is not connected to the network net"},
           {404, "No such container: app"},
           {404, "endpoint app not found"},
           {404, "network net not found"}}) {
    refuse("net/disconnect", status, message);
    EXPECT_EQ(disconnect(), ApiChange::none) << message;
  }
}

TEST_F(NetworkCallsTest, SaysWhyItCannotDisconnect) {
  refuse("net/disconnect", 400, "container cannot be disconnected from host network");
  EXPECT_TRUE(fails_with(disconnect(), Errc::invalid_argument, "400: container cannot be"));
  refuse("net/disconnect", 500, "container app failed to leave network net: no");
  EXPECT_TRUE(fails_with(disconnect(), Errc::unsupported, "500: container app failed to leave"));
}

TEST_F(NetworkCallsTest, CreatesANetworkWithAllItsOptions) {
  accept("create", 201, R"({"Id":"d15f","Warning":""})");
  DockerNetworkRequest request;
  request.name = "damp-network";
  request.options = {{"com.docker.network.bridge.name", "br0"}};
  request.ipam_options = {{"o", "p"}};
  request.subnets = {{IpPrefix::parse("10.77.0.0/16").value(),
                      IpPrefix::parse("10.77.1.0/24").value(),
                      IpAddress::parse("10.77.0.1").value(),
                      {{"printer", IpAddress::parse("10.77.0.9").value()}}},
                     {}};
  request.labels = {{"a", "b"}};
  request.attachable = true;
  Result<NetworkId> const id = create_network(api_, request);
  ASSERT_OK(id);
  EXPECT_EQ(id->value, "d15f");
  EXPECT_EQ(last_request(),
            R"(POST /v1.41/networks/create {"Name":"damp-network","CheckDuplicate":true,)"
            R"("Driver":"bridge","Options":{"com.docker.network.bridge.name":"br0"},)"
            R"("IPAM":{"Driver":"default","Options":{"o":"p"},"Config":[{"Subnet":"10.77.0.0/16",)"
            R"("IPRange":"10.77.1.0/24","Gateway":"10.77.0.1",)"
            R"("AuxiliaryAddresses":{"printer":"10.77.0.9"}},{}]},"Internal":false,)"
            R"("EnableIPv6":false,"Attachable":true,"Labels":{"a":"b"}})");
}

TEST_F(NetworkCallsTest, SaysWhyItCannotCreateANetwork) {
  auto const created = [this] { return create_network(api_, {.name = "net"}); };
  refuse("create", 409, "network with name net already exists");
  EXPECT_TRUE(fails_with(created(), Errc::already_exists,
                         "POST /networks/create: 409: network with name net already exists"));
  refuse("create", 403, "Pool overlaps with other one on this address space");
  EXPECT_TRUE(fails_with(created(), Errc::conflict, "403: Pool overlaps"));
  refuse("create", 404, "plugin \\\"absent\\\" not found");
  EXPECT_TRUE(fails_with(created(), Errc::not_found, "404: plugin \"absent\" not found"));
  accept("create", 201, "{}");
  EXPECT_TRUE(fails_with(created(), Errc::malformed,
                         "POST /networks/create: the new network has no \"Id\""));
  accept("create", 201, "");
  EXPECT_TRUE(fails_with(created(), Errc::malformed, "not JSON"));
}

TEST_F(NetworkCallsTest, DeletesANetwork) {
  accept("net", 204, "");
  EXPECT_EQ(delete_network(api_, {"net"}), ApiChange::made);
  EXPECT_EQ(last_request(), "DELETE /v1.41/networks/net");
  refuse("net", 404, "network net not found");
  EXPECT_EQ(delete_network(api_, {"net"}), ApiChange::none);
  refuse("net", 403, "error while removing network: network net id d15f has active endpoints");
  EXPECT_TRUE(fails_with(delete_network(api_, {"net"}), Errc::conflict,
                         "DELETE /networks/net: 403: error while removing network"));
}

}  // namespace
}  // namespace drawbridge
