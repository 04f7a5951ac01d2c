// How host ports stay held, and what is forgotten of the connections through them.
#include "tests/support/port_shop.h"

namespace drawbridge {
namespace {

class DriverHoldsTest : public PortShop {};

TEST_F(DriverHoldsTest, ARestartHoldsEverythingAgain) {
  given_members();
  ASSERT_OK(publish(web, {ask(8080, 80), ask(0, 81)}));
  KernelState const before = kernel.state;
  kernel.printed.clear();

  FakeHostPorts fresh;
  Driver restarted(kernel, store, fresh);
  Result<std::vector<std::string>> const repairs = restarted.start();
  ASSERT_OK(repairs);
  EXPECT_TRUE(repairs->empty());
  EXPECT_EQ(kernel.printed_text(), "");
  EXPECT_EQ(kernel.state, before);
  EXPECT_EQ(fresh.held.size(), 2u);
  EXPECT_EQ(fresh.held, ports.held);
  EXPECT_OK(restarted.unpublish({shop_id}, {web}));
  EXPECT_TRUE(fresh.held.empty());
}

TEST_F(DriverHoldsTest, APortThatSomebodyTookMeanwhileDoesNotStopTheStart) {
  given_members();
  ASSERT_OK(publish(web, {ask(8080, 80)}));
  FakeHostPorts fresh;
  fresh.taken = {{IPPROTO_TCP, 8080}};
  Driver restarted(kernel, store, fresh);
  Result<std::vector<std::string>> const report = restarted.start();
  ASSERT_OK(report);
  EXPECT_EQ(*report, (std::vector<std::string>{
                         "port 0.0.0.0:8080/tcp of endpoint aaaaaaaaaaaa (network 111111111111) is "
                         "not held, but goes on leading there: port 8080 is taken by nginx (pid "
                         "4711)"}));
  EXPECT_TRUE(has_element("ports_any4"));
  EXPECT_EQ(restarted.published_ports().front().trouble, "port 8080 is taken by nginx (pid 4711)");
  EXPECT_TRUE(restarted.lacks_ports());
  EXPECT_TRUE(restarted.hold_again().empty()) << "it was said";
  EXPECT_TRUE(restarted.settle().empty());
  EXPECT_FALSE(restarted.is_unsettled()) << "no reason to hurry";
  fresh.taker = "another process";
  EXPECT_TRUE(restarted.hold_again().empty()) << "who has it may be seen now and then only";
  EXPECT_TRUE(fresh.held.empty());

  fresh.taken.clear();
  EXPECT_EQ(restarted.hold_again(),
            (std::vector<std::string>{"port 0.0.0.0:8080/tcp of endpoint aaaaaaaaaaaa (network "
                                      "111111111111) is held again"}));
  EXPECT_EQ(fresh.held.size(), 1u);
  EXPECT_EQ(restarted.published_ports().front().trouble, "");
}

Flow flow(std::string const& from, std::string const& to, std::uint16_t to_port) {
  Flow made;
  made.source = ip(from);
  made.destination = made.translated_destination = ip(to);
  made.protocol = IPPROTO_TCP;
  made.destination_port = made.translated_port = to_port;
  return made;
}

TEST_F(DriverHoldsTest, ConnectionsOfBeforeAreForgottenAfterTheReply) {
  given_members();
  kernel.addresses = {ip("198.51.100.1")};
  Flow const older = flow("203.0.113.9", "198.51.100.1", 8080);
  Flow const elsewhere = flow("10.249.1.3", "203.0.113.80", 8080);
  Flow const other_port = flow("203.0.113.9", "198.51.100.1", 8081);
  kernel.flows = {older, elsewhere, other_port};
  ASSERT_OK(publish(web, {ask(8080, 80)}));
  EXPECT_EQ(kernel.flows.size(), 3u) << "not before the reply";
  EXPECT_TRUE(driver.settle().empty());
  EXPECT_EQ(kernel.flows, (std::vector<Flow>{elsewhere, other_port}));

  Flow through = flow("203.0.113.9", "198.51.100.1", 8080);
  through.translated_destination = ip("10.249.1.2");
  through.destination_is_translated = true;
  Flow const of_api = flow("203.0.113.9", "10.249.1.3", 80);
  kernel.flows = {through, of_api};
  ASSERT_OK(driver.unpublish({shop_id}, {web}));
  driver.settle();
  EXPECT_EQ(kernel.flows, (std::vector<Flow>{of_api}));
  kernel.forgotten.clear();
  driver.settle();
  EXPECT_TRUE(kernel.forgotten.empty());
}

TEST_F(DriverHoldsTest, ConnectionsOfAnEndpointGoWithItPublishedOrNot) {
  given_members();
  kernel.flows = {flow("10.249.1.2", "203.0.113.9", 443), flow("10.249.1.3", "203.0.113.9", 443)};
  ASSERT_OK(driver.delete_endpoint({shop_id}, {web}));
  driver.settle();
  EXPECT_EQ(kernel.flows.size(), 1u);
  ASSERT_OK(driver.delete_network({shop_id}));
  driver.settle();
  EXPECT_TRUE(kernel.flows.empty());
}

TEST_F(DriverHoldsTest, ConnectionsOfTheNextContainerAreNotTakenForThoseOfTheOneBefore) {
  given_members();
  Flow const of_web = flow("10.249.1.2", "203.0.113.9", 443);
  Flow const of_api = flow("10.249.1.3", "203.0.113.9", 443);
  kernel.flows = {of_web, of_api};
  ASSERT_OK(driver.delete_endpoint({shop_id}, {web}));
  EXPECT_EQ(kernel.flows.size(), 2u) << "a reply does not wait for it";
  join("cccccccccccc3333", "10.249.1.2/24");
  EXPECT_EQ(kernel.flows, (std::vector<Flow>{of_api}));
  kernel.flows.push_back(of_web);  // the next one's, alike
  driver.settle();
  EXPECT_EQ(kernel.flows, (std::vector<Flow>{of_api, of_web}));
}

TEST_F(DriverHoldsTest, WhatADaemonDidNotComeToForgetTheNextOneForgets) {
  given_members();
  kernel.addresses = {ip("198.51.100.1")};
  Flow const of_web = flow("10.249.1.2", "203.0.113.9", 443);
  Flow const of_api = flow("10.249.1.3", "203.0.113.9", 443);
  Flow const older = flow("203.0.113.9", "198.51.100.1", 8080);
  kernel.flows = {of_web, of_api, older};
  ASSERT_OK(publish(api, {ask(8080, 80)}));
  ASSERT_OK(driver.delete_endpoint({shop_id}, {web}));
  FakeHostPorts fresh;
  Driver restarted(kernel, store, fresh);
  ASSERT_OK(restarted.start());
  EXPECT_EQ(kernel.flows.size(), 3u) << "nobody waits for that";
  EXPECT_TRUE(restarted.is_unsettled());
  EXPECT_TRUE(restarted.settle().empty());
  EXPECT_EQ(kernel.flows, (std::vector<Flow>{of_api}));
  EXPECT_FALSE(restarted.is_unsettled());
}

TEST_F(DriverHoldsTest, TheFirstToJoinAfterAStartDoesNotGetWhatWasLeftOver) {
  given_members();
  kernel.flows = {flow("10.249.1.2", "203.0.113.9", 443)};
  ASSERT_OK(driver.delete_endpoint({shop_id}, {web}));
  FakeHostPorts fresh;
  Driver restarted(kernel, store, fresh);
  ASSERT_OK(restarted.start());
  Endpoint next;
  next.id = {"cccccccccccc3333"};
  next.network = {shop_id};
  next.ipv4 = *IpPrefix::parse("10.249.1.2/24");
  ASSERT_OK(restarted.create_endpoint(next, {}));
  EXPECT_EQ(kernel.flows.size(), 1u);
  ASSERT_OK(restarted.join({shop_id}, next.id));
  EXPECT_TRUE(kernel.flows.empty());
}

TEST_F(DriverHoldsTest, ANetworkIsNotForgottenBeforeItsConnectionsAre) {
  given_members();
  kernel.flows = {flow("10.249.1.2", "203.0.113.9", 443), flow("10.249.1.3", "203.0.113.9", 443)};
  ASSERT_OK(driver.delete_endpoint({shop_id}, {web}));
  store.fail_at(1);
  EXPECT_FALSE(driver.delete_network({shop_id}));
  EXPECT_TRUE(kernel.flows.empty()) << "while the store has it still";
}

TEST_F(DriverHoldsTest, ConnectionsToAPortThatComesBackAreNotTakenForThoseOfBefore) {
  given_members();
  ASSERT_OK(publish(web, {ask(8080, 80)}));
  driver.settle();
  Flow through = flow("203.0.113.9", "198.51.100.1", 8080);
  through.translated_destination = ip("10.249.1.2");
  through.destination_is_translated = true;
  kernel.flows = {through};
  ASSERT_OK(driver.unpublish({shop_id}, {web}));
  ASSERT_OK(publish(web, {ask(8080, 80)}));
  EXPECT_TRUE(kernel.flows.empty());
  kernel.flows = {through};
  driver.settle();
  EXPECT_EQ(kernel.flows.size(), 1u);
}

/// A member of the network shop with both families, and a connection to its port 80 in each.
class DriverFamiliesTest : public PortShop {
 protected:
  void SetUp() override {
    PortShop::SetUp();
    given_members();
    Endpoint made;
    made.id = {dual};
    made.network = {shop_id};
    made.ipv4 = *IpPrefix::parse("10.249.1.4/24");
    made.ipv6 = *IpPrefix::parse("fd00:249::4/64");
    ASSERT_OK(driver.create_endpoint(made, {}));
    ASSERT_OK(driver.join({shop_id}, {dual}));
    by_ipv4.translated_destination = ip("10.249.1.4");
    by_ipv6.translated_destination = ip("fd00:249::4");
    by_ipv4.destination_is_translated = by_ipv6.destination_is_translated = true;
  }

  std::string const dual = "dddddddddddd4444";
  Flow by_ipv4 = flow("203.0.113.9", "198.51.100.1", 8080);
  Flow by_ipv6 = flow("2001:db8::9", "2001:db8::1", 8080);
};

TEST_F(DriverFamiliesTest, ConnectionsOfAFamilyThatStaysGoOnWhenTheOtherGoes) {
  ASSERT_OK(publish(dual, {ask(8080, 80)}));
  driver.settle();
  kernel.flows = {by_ipv4, by_ipv6};
  // The container's way out by IPv6 is another network from now on.
  ASSERT_OK(publish(dual, {ask(8080, 80, ip("0.0.0.0"))}));
  driver.settle();
  EXPECT_EQ(kernel.flows, (std::vector<Flow>{by_ipv4}));
  ASSERT_OK(publish(dual, {ask(8080, 80)}));
  driver.settle();
  EXPECT_EQ(kernel.flows, (std::vector<Flow>{by_ipv4}));
  ASSERT_OK(publish(dual, {ask(8080, 81)}));
  driver.settle();
  EXPECT_TRUE(kernel.flows.empty()) << "it leads to another port of the container";
}

TEST_F(DriverHoldsTest, ConnectionsToAPortThatIsReachedAsItIsEndWithIt) {
  given_members({{"com.docker.network.bridge.gateway_mode_ipv4", "routed"}});
  ASSERT_OK(publish(web, {ask(8080, 80)}));
  driver.settle();
  Flow const to_web = flow("203.0.113.9", "10.249.1.2", 80);
  Flow const to_elsewhere = flow("10.249.1.2", "203.0.113.9", 80);
  Flow const to_api = flow("203.0.113.9", "10.249.1.3", 80);
  kernel.flows = {to_web, to_elsewhere, to_api};
  ASSERT_OK(driver.unpublish({shop_id}, {web}));
  driver.settle();
  EXPECT_EQ(kernel.flows, (std::vector<Flow>{to_elsewhere, to_api}));
}

TEST_F(DriverHoldsTest, APairThatWentWithItsSandboxIsNotMadeForItsPorts) {
  given_members();
  ASSERT_OK(publish(web, {ask(8080, 80)}));
  kernel.state.veths.erase("dv-aaaaaaaaaaaa");
  ASSERT_OK(driver.unpublish({shop_id}, {web}));
  EXPECT_FALSE(kernel.state.veths.contains("dv-aaaaaaaaaaaa"));
  EXPECT_TRUE(kernel.state.veths.contains("dv-bbbbbbbbbbbb"));
  EXPECT_FALSE(has_element("ports_any4"));
}

std::string const gone_web =
    "ports of endpoint aaaaaaaaaaaa (network 111111111111) are free: it is gone, which nobody said";

TEST_F(DriverHoldsTest, AfterALossOfPowerNobodyHasThePorts) {
  given_members();
  ASSERT_OK(publish(web, {ask(8080, 80)}));
  ASSERT_OK(publish(api, {ask(9090, 90)}));
  kernel.state.veths.erase("dv-aaaaaaaaaaaa");
  FakeHostPorts fresh;
  Driver restarted(kernel, store, fresh);
  Result<std::vector<std::string>> const report = restarted.start();
  ASSERT_OK(report);
  EXPECT_EQ(report->front(), gone_web);
  EXPECT_FALSE(fresh.held.contains(port(8080, 80)));
  EXPECT_TRUE(fresh.held.contains(port(9090, 90))) << "its pair is there";
  EXPECT_TRUE(stored(web).empty());
  EXPECT_EQ(restarted.published_ports().size(), 1u);
  EXPECT_OK(restarted.publish({{shop_id}, {api}, {ask(8080, 80)}}));
}

TEST_F(DriverHoldsTest, APortOfAContainerThatNobodyEndedIsFreeForTheNext) {
  given_members();
  ASSERT_OK(publish(web, {ask(8080, 80)}));
  EXPECT_TRUE(fails_with(publish(api, {ask(8080, 80)}), Errc::already_exists, "is already alloc"));
  kernel.state.veths.erase("dv-aaaaaaaaaaaa");
  EXPECT_OK(publish(api, {ask(8080, 80)}));
  EXPECT_TRUE(stored(web).empty());
  EXPECT_EQ(ports.held.at(port(8080, 80)).ipv4, ip("10.249.1.3"));
  EXPECT_EQ(driver.settle(), (std::vector<std::string>{gone_web}));
  EXPECT_OK(driver.delete_endpoint({shop_id}, {web}));
  EXPECT_TRUE(holds(port(8080, 80)));
}

TEST_F(DriverHoldsTest, PortsDoNotLeadToTheNextContainerOfAnAddress) {
  given_members();
  ASSERT_OK(publish(web, {ask(8080, 80)}));
  join("cccccccccccc3333", "10.249.1.2/24");
  EXPECT_FALSE(has_element("ports_any4"));
  EXPECT_TRUE(ports.held.empty());
  EXPECT_EQ(driver.settle(), (std::vector<std::string>{gone_web}));
}

TEST_F(DriverHoldsTest, WhatCannotBeForgottenIsSaid) {
  given_members();
  ASSERT_OK(driver.delete_endpoint({shop_id}, {web}));
  kernel.fail_always(true);
  EXPECT_EQ(driver.settle(), (std::vector<std::string>{"told to fail"}));
}

TEST_F(DriverHoldsTest, OtherDefaultsChangeWhoIsRelayed) {
  given_members();
  ASSERT_OK(publish(web, {ask(8080, 80)}));
  EXPECT_EQ(ports.held.at(port(8080, 80)).relayed.size(), 1u);
  kernel.flows = {flow("203.0.113.9", "198.51.100.1", 8080)};
  kernel.flows.front().translated_destination = ip("10.249.1.2");
  kernel.flows.front().destination_is_translated = true;

  driver.configure({{{"publish", "none"}, {"rate", "8mbit"}}});
  EXPECT_TRUE(ports.held.at(port(8080, 80)).relayed.empty());
  EXPECT_FALSE(has_element("ports_any4"));
  EXPECT_TRUE(kernel.flows.empty());
  EXPECT_EQ(kernel.state.veths.at("dv-aaaaaaaaaaaa").rate_bits_per_second, 8'000'000u);
  driver.configure({});
  EXPECT_EQ(ports.held.at(port(8080, 80)).relayed.size(), 1u);
  EXPECT_TRUE(has_element("ports_any4"));
  EXPECT_EQ(kernel.state.veths.at("dv-aaaaaaaaaaaa").rate_bits_per_second, 0u);
}

TEST(DriverHolds, AHubIsHeldForNoMember) {
  FakeKernel kernel;
  FakeStore store;
  FakeHostPorts ports;
  Driver driver(kernel, store, ports, DriverSettings{{}, true});
  NetworkRequest request;
  request.id = {shop_id};
  request.subnets = {{*IpPrefix::parse("10.249.1.0/24"), ip("10.249.1.1")}};
  request.options = {{"isolation", "members"}, {"hubs", "proxy"}};
  ASSERT_OK(driver.create_network(request));
  Endpoint proxy;
  proxy.id = {web};
  proxy.network = {shop_id};
  proxy.ipv4 = *IpPrefix::parse("10.249.1.2/24");
  ASSERT_OK(driver.create_endpoint(proxy, {}));
  ASSERT_OK(driver.join({shop_id}, {web}));
  IpAddress const any = ip("0.0.0.0");
  ASSERT_OK(driver.publish({{shop_id}, {web}, {ask(8080, 80, any)}}));
  EXPECT_EQ(ports.held.at(port(8080, 80, any)).relayed,
            (std::vector<IpPrefix>{*IpPrefix::parse("10.249.1.0/24")}));
  driver.learn_member({web}, {shop_id}, {"proxy", {}});
  EXPECT_TRUE(ports.held.at(port(8080, 80, any)).relayed.empty());
}

}  // namespace
}  // namespace drawbridge
