#include "driver/driver.h"

#include "tests/support/expect_ok.h"
#include "tests/support/fake_host_ports.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

NetworkRequest network_named(std::string const& id, std::string const& subnet) {
  NetworkRequest request;
  request.id = {id};
  IpPrefix const prefix = *IpPrefix::parse(subnet);
  request.subnets = {{prefix, IpAddress{prefix.family(), prefix.first().bits + 1}}};
  return request;
}

Endpoint endpoint_named(std::string const& id, std::string const& network,
                        std::string const& address) {
  Endpoint endpoint;
  endpoint.id = {id};
  endpoint.network = {network};
  endpoint.ipv4 = *IpPrefix::parse(address);
  return endpoint;
}

class DriverTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(driver.start()); }

  /// A network net1 with endpoint ep1, not joined.
  void given_an_endpoint() {
    ASSERT_OK(driver.create_network(network_named("net1", "10.249.1.0/24")));
    ASSERT_OK(driver.create_endpoint(endpoint_named("ep1", "net1", "10.249.1.2/24"), {}));
  }

  FakeKernel kernel;
  FakeStore store;
  FakeHostPorts ports;
  Driver driver{kernel, store, ports};
};

TEST_F(DriverTest, MakesABridgeWithTheGatewayAndItsElements) {
  ASSERT_OK(driver.create_network(network_named("abcdef0123456789", "10.249.1.0/24")));

  EXPECT_EQ(kernel.printed_text(),
            "change elements +{gateways4 10.249.1.1} +{masquerade4 db-abcdef012345} "
            "+{nets db-abcdef012345} +{pair db-abcdef012345 . db-abcdef012345 : accept} "
            "+{turns db-abcdef012345 . db-abcdef012345}\n"
            "enable forwarding of ipv4\n"
            "create bridge db-abcdef012345 10.249.1.1/24\n");
  EXPECT_TRUE(store.contents.networks.contains({"abcdef0123456789"}));
}

TEST_F(DriverTest, DeletingANetworkLeavesNothing) {
  KernelState const empty = kernel.state;
  ASSERT_OK(driver.create_network(network_named("net1", "10.249.1.0/24")));
  ASSERT_OK(driver.delete_network({"net1"}));

  EXPECT_TRUE(kernel.state.bridges.empty());
  EXPECT_EQ(kernel.state.elements, empty.elements);
  EXPECT_TRUE(store.contents.networks.empty());
}

TEST_F(DriverTest, AnInternalNetworkNeitherForwardsNorGivesAGateway) {
  NetworkRequest request = network_named("net1", "10.249.1.0/24");
  request.internal = true;
  ASSERT_OK(driver.create_network(request));
  ASSERT_OK(driver.create_endpoint(endpoint_named("ep1", "net1", "10.249.1.2/24"), {}));

  Result<JoinReply> const reply = driver.join({"net1"}, {"ep1"});

  ASSERT_OK(reply);
  EXPECT_EQ(reply->gateway_ipv4, std::nullopt);
  EXPECT_TRUE(reply->no_gateway_service);
  EXPECT_TRUE(kernel.state.forwarding.empty());
  Verdict const drop{Verdict::Kind::drop, {}};
  EXPECT_TRUE(kernel.state.elements.contains({"egress", {std::string("db-net1")}, drop}));
  EXPECT_TRUE(kernel.state.elements.contains({"to_host", {std::string("db-net1")}, drop}));
}

TEST_F(DriverTest, RepeatingACreateIsSuccessAndChangingItIsNot) {
  ASSERT_OK(driver.create_network(network_named("net1", "10.249.1.0/24")));
  kernel.mtu_bytes = 9000;  // the host's, which may change meanwhile
  EXPECT_OK(driver.create_network(network_named("net1", "10.249.1.0/24")));
  EXPECT_TRUE(fails_with(driver.create_network(network_named("net1", "10.249.2.0/24")),
                         Errc::already_exists, "network net1 exists"));
}

TEST_F(DriverTest, ABridgeNameThatAnotherNetworkHasIsRefused) {
  NetworkRequest first = network_named("net1", "10.249.1.0/24");
  first.options["com.docker.network.bridge.name"] = "mybridge";
  NetworkRequest second = network_named("net2", "10.249.2.0/24");
  second.options = first.options;
  ASSERT_OK(driver.create_network(first));
  EXPECT_TRUE(fails_with(driver.create_network(second), Errc::already_exists,
                         "bridge mybridge belongs to network net1"));
}

TEST_F(DriverTest, AForeignInterfaceIsRefusedAndUntouched) {
  kernel.state.foreign.insert("docker0");
  NetworkRequest request = network_named("net1", "10.249.1.0/24");
  request.options["com.docker.network.bridge.name"] = "docker0";
  EXPECT_TRUE(fails_with(driver.create_network(request), Errc::already_exists,
                         "interface docker0 exists and is not drawbridge's"));
  EXPECT_EQ(kernel.printed_text(), "");
  EXPECT_TRUE(store.contents.networks.empty());
}

TEST_F(DriverTest, ACreateThatFailsAtAnyStepLeavesNothing) {
  for (std::size_t step = 0; step < 3; ++step) {
    kernel.fail_after(step);
    EXPECT_FALSE(driver.create_network(network_named("net1", "10.249.1.0/24"))) << step;
    EXPECT_TRUE(kernel.state.bridges.empty()) << step;
    EXPECT_TRUE(kernel.state.elements.empty()) << step;
    EXPECT_TRUE(store.contents.networks.empty()) << step;
  }
  EXPECT_OK(driver.create_network(network_named("net1", "10.249.1.0/24")));
}

TEST_F(DriverTest, ACreateThatCannotBeStoredIsTakenBack) {
  store.fail_at(1);
  EXPECT_TRUE(fails_with(driver.create_network(network_named("net1", "10.249.1.0/24")), Errc::store,
                         "network net1: disk full"));
  EXPECT_TRUE(kernel.state.bridges.empty());
  EXPECT_TRUE(kernel.state.elements.empty());
  EXPECT_OK(driver.create_network(network_named("net1", "10.249.1.0/24")));
}

TEST_F(DriverTest, TheMtuOfTheDayItWasMadeStaysWithTheNetwork) {
  kernel.mtu_bytes = 9000;
  ASSERT_OK(driver.create_network(network_named("net1", "10.249.1.0/24")));
  kernel.mtu_bytes = 1500;

  Driver restarted(kernel, store, ports);
  Result<std::vector<std::string>> const repairs = restarted.start();

  ASSERT_OK(repairs);
  EXPECT_TRUE(repairs->empty());
  EXPECT_EQ(kernel.state.bridges.at("db-net1").mtu_bytes, 9000u);
}

TEST_F(DriverTest, JoiningMakesThePairAndNamesTheGateway) {
  given_an_endpoint();

  Result<JoinReply> const reply = driver.join({"net1"}, {"ep1"});

  ASSERT_OK(reply);
  EXPECT_EQ(reply->interface_name, "dc-ep1");
  EXPECT_EQ(reply->interface_prefix, "eth");
  EXPECT_EQ(reply->gateway_ipv4, *IpAddress::parse("10.249.1.1"));
  EXPECT_FALSE(reply->no_gateway_service);
  EXPECT_EQ(kernel.state.veths.at("dv-ep1").bridge, "db-net1");
  EXPECT_EQ(*driver.join({"net1"}, {"ep1"}), *reply);
}

TEST_F(DriverTest, JoiningANetworkWhoseBridgeVanishedMakesItAgain) {
  given_an_endpoint();
  kernel.state.bridges.clear();
  ASSERT_OK(driver.join({"net1"}, {"ep1"}));
  EXPECT_TRUE(kernel.state.bridges.contains("db-net1"));
}

TEST_F(DriverTest, AJoinThatCannotBeStoredIsTakenBack) {
  given_an_endpoint();
  store.fail_at(1);
  EXPECT_TRUE(fails_with(driver.join({"net1"}, {"ep1"}), Errc::store, "endpoint ep1"));
  EXPECT_TRUE(kernel.state.veths.empty());
  EXPECT_OK(driver.join({"net1"}, {"ep1"}));
}

TEST_F(DriverTest, DeletingIsSuccessForWhatIsGone) {
  EXPECT_OK(driver.delete_network({"nobody"}));
  EXPECT_OK(driver.delete_endpoint({"nobody"}, {"no1"}));
  given_an_endpoint();
  ASSERT_OK(driver.join({"net1"}, {"ep1"}));
  EXPECT_OK(driver.delete_endpoint({"net1"}, {"ep1"}));
  EXPECT_OK(driver.delete_endpoint({"net1"}, {"ep1"}));
  EXPECT_TRUE(kernel.state.veths.empty());
}

TEST_F(DriverTest, DeletingANetworkTakesForgottenEndpointsWithIt) {
  given_an_endpoint();
  ASSERT_OK(driver.join({"net1"}, {"ep1"}));
  ASSERT_OK(driver.delete_network({"net1"}));
  EXPECT_TRUE(kernel.state.veths.empty());
  EXPECT_EQ(driver.endpoint_count(), 0u);
}

TEST_F(DriverTest, TheMacFollowsTheAddress) {
  ASSERT_OK(driver.create_network(network_named("net1", "10.249.1.0/24")));
  Result<MacAddress> const mac =
      driver.create_endpoint(endpoint_named("ep1", "net1", "10.249.1.7/24"), {});
  ASSERT_OK(mac);
  EXPECT_EQ(mac->to_string(), "02:db:0a:f9:01:07");
}

TEST_F(DriverTest, AMacThatTheUserChoseStays) {
  ASSERT_OK(driver.create_network(network_named("net1", "10.249.1.0/24")));
  MacAddress const chosen = *MacAddress::parse("02:42:ac:11:00:02");
  Result<MacAddress> const mac =
      driver.create_endpoint(endpoint_named("ep1", "net1", "10.249.1.7/24"), chosen);
  ASSERT_OK(mac);
  EXPECT_EQ(*mac, chosen);
}

TEST_F(DriverTest, EndpointsOfUnknownNetworksAreRefused) {
  EXPECT_TRUE(fails_with(driver.create_endpoint(endpoint_named("ep1", "no", "10.0.0.2/24"), {}),
                         Errc::not_found, "network no is not known"));
  EXPECT_TRUE(fails_with(driver.join({"no"}, {"ep1"}), Errc::not_found, "network no"));
}

TEST_F(DriverTest, ANetworkThatIsNoWayOutNamesNoGateway) {
  NetworkRequest request = network_named("net1", "10.1.0.0/24");
  request.subnets.push_back({*IpPrefix::parse("fd00:1::/64"), *IpAddress::parse("fd00:1::1")});
  request.options["gateway"] = "none";
  ASSERT_OK(driver.create_network(request));
  Endpoint endpoint = endpoint_named("ep1", "net1", "10.1.0.3/24");
  endpoint.ipv6 = *IpPrefix::parse("fd00:1::3/64");
  ASSERT_OK(driver.create_endpoint(endpoint, {}));

  Result<JoinReply> const reply = driver.join({"net1"}, {"ep1"});

  ASSERT_OK(reply);
  EXPECT_EQ(reply->gateway_ipv4, std::nullopt);
  EXPECT_EQ(reply->gateway_ipv6, std::nullopt);
  EXPECT_TRUE(reply->no_gateway_service);
}

TEST_F(DriverTest, AnEndpointThatIsNoWayOutNamesNoGatewayAfterARestartEither) {
  ASSERT_OK(driver.create_network(network_named("net1", "10.1.0.0/24")));
  Endpoint endpoint = endpoint_named("ep1", "net1", "10.1.0.3/24");
  endpoint.is_default_route = false;
  ASSERT_OK(driver.create_endpoint(endpoint, {}));
  ASSERT_OK(driver.create_endpoint(endpoint_named("ep2", "net1", "10.1.0.4/24"), {}));
  Driver restarted(kernel, store, ports);
  ASSERT_OK(restarted.start());

  for (Driver* const each : {&driver, &restarted}) {
    Result<JoinReply> const reply = each->join({"net1"}, {"ep1"});
    ASSERT_OK(reply);
    EXPECT_EQ(reply->gateway_ipv4, std::nullopt);
    EXPECT_TRUE(reply->no_gateway_service);
    EXPECT_EQ(each->join({"net1"}, {"ep2"})->gateway_ipv4, *IpAddress::parse("10.1.0.1"))
        << "the network has one";
  }
}

TEST_F(DriverTest, AnIpv6GatewayAloneInvitesNoSecondInterface) {
  NetworkRequest request;
  request.id = {"net1"};
  request.subnets.push_back({*IpPrefix::parse("fd00:1::/64"), *IpAddress::parse("fd00:1::1")});
  ASSERT_OK(driver.create_network(request));
  Endpoint endpoint;
  endpoint.id = {"ep1"};
  endpoint.network = {"net1"};
  endpoint.ipv6 = *IpPrefix::parse("fd00:1::3/64");
  ASSERT_OK(driver.create_endpoint(endpoint, {}));

  Result<JoinReply> const reply = driver.join({"net1"}, {"ep1"});

  ASSERT_OK(reply);
  EXPECT_EQ(reply->gateway_ipv6, *IpAddress::parse("fd00:1::1"));
  EXPECT_TRUE(reply->no_gateway_service);
}

TEST_F(DriverTest, EachEndpointGetsTheGatewayOfItsSubnet) {
  NetworkRequest request = network_named("net1", "10.1.0.0/24");
  request.subnets.push_back({*IpPrefix::parse("10.2.0.0/24"), *IpAddress::parse("10.2.0.9")});
  request.subnets.push_back({*IpPrefix::parse("fd00:1::/64"), *IpAddress::parse("fd00:1::1")});
  ASSERT_OK(driver.create_network(request));
  Endpoint endpoint = endpoint_named("ep1", "net1", "10.2.0.3/24");
  endpoint.ipv6 = *IpPrefix::parse("fd00:1::3/64");
  ASSERT_OK(driver.create_endpoint(endpoint, {}));

  Result<JoinReply> const reply = driver.join({"net1"}, {"ep1"});

  ASSERT_OK(reply);
  EXPECT_EQ(reply->gateway_ipv4, *IpAddress::parse("10.2.0.9"));
  EXPECT_EQ(reply->gateway_ipv6, *IpAddress::parse("fd00:1::1"));
  EXPECT_EQ(kernel.state.bridges.at("db-net1").addresses.size(), 3u);
}

TEST_F(DriverTest, ARestartChangesNothingThatIsRight) {
  given_an_endpoint();
  ASSERT_OK(driver.join({"net1"}, {"ep1"}));
  KernelState const before = kernel.state;
  kernel.printed.clear();

  Driver restarted(kernel, store, ports);
  Result<std::vector<std::string>> const repairs = restarted.start();

  ASSERT_OK(repairs);
  EXPECT_TRUE(repairs->empty());
  EXPECT_EQ(kernel.printed_text(), "");
  EXPECT_EQ(kernel.state, before);
  EXPECT_OK(restarted.join({"net1"}, {"ep1"}));
}

TEST_F(DriverTest, ARestartRemovesOrphansAndRebuildsBridges) {
  given_an_endpoint();
  Bridge orphan;
  orphan.name = "db-orphan";
  orphan.owner = "orphan";
  kernel.state.bridges.clear();
  kernel.state.bridges.emplace(orphan.name, orphan);

  Driver restarted(kernel, store, ports);
  Result<std::vector<std::string>> const repairs = restarted.start();

  ASSERT_OK(repairs);
  EXPECT_EQ(*repairs, (std::vector<std::string>{"bridge db-orphan of network orphan was left over",
                                                "bridge db-net1 of network net1 was gone"}));
  EXPECT_EQ(kernel.state.bridges.size(), 1u);
}

TEST_F(DriverTest, ARestartLeavesForwardingToTheEngine) {
  given_an_endpoint();
  kernel.state.forwarding.clear();
  Driver restarted(kernel, store, ports);
  ASSERT_OK(restarted.start());
  EXPECT_TRUE(kernel.state.forwarding.empty());
}

TEST_F(DriverTest, APairThatWentWithItsSandboxIsNotMadeAgain) {
  given_an_endpoint();
  ASSERT_OK(driver.join({"net1"}, {"ep1"}));
  kernel.state.veths.clear();
  Driver restarted(kernel, store, ports);
  ASSERT_OK(restarted.start());
  EXPECT_TRUE(kernel.state.veths.empty());
  EXPECT_OK(restarted.delete_endpoint({"net1"}, {"ep1"}));
}

}  // namespace
}  // namespace drawbridge
