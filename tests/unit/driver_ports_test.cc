// Published ports from the request to the kernel, the store and the host's ports, and back.
#include "tests/support/port_shop.h"

namespace drawbridge {
namespace {

class DriverPortsTest : public PortShop {};

TEST_F(DriverPortsTest, APortIsHeldTranslatedAndStored) {
  given_members();
  Result<std::vector<PublishedPort>> const made = publish(web, {ask(8080, 80)});
  ASSERT_OK(made);
  EXPECT_EQ(*made, (std::vector<PublishedPort>{port(8080, 80)}));
  EXPECT_TRUE(holds(port(8080, 80)));
  EXPECT_TRUE(has_element("ports_any4"));
  EXPECT_EQ(stored(web), *made);
  EXPECT_TRUE(kernel.state.veths.at("dv-aaaaaaaaaaaa").hairpin);
  EXPECT_TRUE(kernel.state.bridges.at("db-111111111111").route_localnet);
}

TEST_F(DriverPortsTest, AskingAgainChangesNothing) {
  given_members();
  ASSERT_OK(publish(web, {ask(8080, 80), ask(0, 81)}));
  std::size_t const calls = ports.calls.size();
  std::size_t const writes = store.calls.size();
  kernel.printed.clear();
  Result<std::vector<PublishedPort>> const again = publish(web, {ask(0, 81), ask(8080, 80)});
  ASSERT_OK(again);
  EXPECT_EQ(*again, (std::vector<PublishedPort>{port(8080, 80), port(32768, 81)}));
  EXPECT_EQ(kernel.printed_text(), "");
  EXPECT_EQ(ports.calls.size(), calls);
  EXPECT_EQ(store.calls.size(), writes);
}

TEST_F(DriverPortsTest, AnUpsertKeepsWhatStays) {
  given_members();
  ASSERT_OK(publish(web, {ask(8080, 80), ask(8090, 90)}));
  ports.calls.clear();
  ASSERT_OK(publish(web, {ask(8080, 80), ask(9000, 91)}));
  EXPECT_EQ(ports.calls,
            (std::vector<std::string>{"hold 6 any:9000-9000", "release 6 any:8090-8090"}));
  EXPECT_EQ(stored(web), (std::vector<PublishedPort>{port(8080, 80), port(9000, 91)}));
}

TEST_F(DriverPortsTest, AMappingMakesRoomForItsSuccessor) {
  given_members();
  IpAddress const any = ip("0.0.0.0");
  ASSERT_OK(publish(web, {ask(8080, 80), ask(0, 81)}));
  Result<std::vector<PublishedPort>> const narrowed =
      publish(web, {ask(8080, 80, any), ask(0, 81, any)});
  ASSERT_OK(narrowed);
  EXPECT_EQ(*narrowed, (std::vector<PublishedPort>{port(8080, 80, any), port(32768, 81, any)}));
  EXPECT_EQ(ports.held.size(), 2u);
}

TEST_F(DriverPortsTest, TakingBackLeavesNothingButTheEndpoint) {
  given_members();
  std::set<Element> const before = kernel.state.elements;
  ASSERT_OK(publish(web, {ask(8080, 80), ask(0, 81)}));
  ASSERT_OK(driver.unpublish({shop_id}, {web}));
  EXPECT_EQ(kernel.state.elements, before);
  EXPECT_TRUE(ports.held.empty());
  EXPECT_TRUE(stored(web).empty());
  EXPECT_TRUE(driver.published_ports().empty());
  EXPECT_OK(driver.unpublish({shop_id}, {web}));
  EXPECT_OK(driver.unpublish({shop_id}, {"nobody"}));
  EXPECT_OK(driver.unpublish({"nobody"}, {web}));
  EXPECT_OK(publish(api, {ask(8080, 80)}));
}

TEST_F(DriverPortsTest, WhatGoesTakesItsPortsAlong) {
  given_members();
  ASSERT_OK(publish(web, {ask(8080, 80)}));
  ASSERT_OK(publish(api, {ask(9090, 90)}));
  ASSERT_OK(driver.delete_endpoint({shop_id}, {web}));
  EXPECT_FALSE(holds(port(8080, 80)));
  EXPECT_TRUE(holds(port(9090, 90)));
  ASSERT_OK(driver.delete_network({shop_id}));
  EXPECT_TRUE(ports.held.empty());
  EXPECT_TRUE(kernel.state.elements.empty());
}

TEST_F(DriverPortsTest, NobodyUnknownIsPublished) {
  given_members();
  EXPECT_TRUE(fails_with(driver.publish({{"no"}, {web}, {}}), Errc::not_found, "network no"));
  EXPECT_TRUE(fails_with(publish("no", {}), Errc::not_found, "endpoint no is not known"));
}

TEST_F(DriverPortsTest, APortOfAnotherContainerIsRefusedWithItsName) {
  given_members();
  ASSERT_OK(publish(web, {ask(8080, 80)}));
  EXPECT_TRUE(fails_with(publish(api, {ask(8080, 80, ip("127.0.0.1"))}), Errc::already_exists,
                         "port 127.0.0.1:8080/tcp is already allocated: endpoint aaaaaaaaaaaa "
                         "(network 111111111111) publishes it"));
  driver.learn_member({web}, {shop_id}, {"web", {}});
  driver.learn_network({{shop_id}, "shop", "", {}});
  EXPECT_TRUE(fails_with(publish(api, {ask(8079, 79), ask(8080, 80), ask(8081, 81)}),
                         Errc::already_exists,
                         "port 0.0.0.0:8080/tcp is already allocated: container web (network "
                         "shop) publishes it"));
  EXPECT_EQ(ports.held.size(), 1u);
}

TEST_F(DriverPortsTest, APortOfAnotherProgramIsRefusedAndFreeLater) {
  given_members();
  ports.taken = {{IPPROTO_TCP, 8080}};
  KernelState const before = kernel.state;
  EXPECT_TRUE(fails_with(publish(web, {ask(9000, 90), ask(8080, 80)}), Errc::already_exists,
                         "port is already allocated: port 8080 is taken by nginx (pid 4711)"));
  EXPECT_TRUE(ports.held.empty());
  EXPECT_EQ(kernel.state, before);
  ports.taken.clear();
  EXPECT_OK(publish(web, {ask(9000, 90), ask(8080, 80)}));
}

TEST_F(DriverPortsTest, OneOfSeveralIsChosen) {
  given_members();
  ASSERT_OK(publish(api, {ask(9000, 90)}));
  ports.taken = {{IPPROTO_TCP, 9001}};
  PortRequest one_of = ask(0, 80);
  one_of.host_ports = {9000, 9002};
  EXPECT_EQ(*publish(web, {one_of}), (std::vector<PublishedPort>{port(9002, 80)}));
  ASSERT_OK(driver.unpublish({shop_id}, {web}));
  ports.taken.insert({IPPROTO_TCP, 9002});
  EXPECT_TRUE(fails_with(publish(web, {one_of}), Errc::already_exists,
                         "port is already allocated: each of 0.0.0.0:9000-9002/tcp is taken"));
}

/// Everything that a failure must leave as it was.
struct Everything {
  KernelState kernel;
  FakeStore::Contents store;
  std::map<PublishedPort, PortHold> held;
  std::vector<PublishedPort> listed;

  bool operator==(Everything const&) const = default;
};

TEST_F(DriverPortsTest, APublishThatFailsAtAnyStepLeavesWhatWas) {
  given_members({{"isolation", "members"}, {"ports", "30000-30009:80"}});
  PublishRequest first{{shop_id}, {web}, {ask(8080, 80)}};
  first.container = "web";
  ASSERT_OK(driver.publish(first));
  PublishRequest second = first;
  second.ports = {ask(8080, 80, ip("0.0.0.0")), ask(9000, 90), ask(0, 91)};
  auto const everything = [this] {
    Everything all{kernel.state, store.contents, ports.held, {}};
    for (PortListing const& listing : driver.published_ports()) {
      all.listed.push_back(listing.port);
    }
    return all;
  };
  Everything const before = everything();
  kernel.fail_after(0);
  EXPECT_TRUE(fails_with(driver.publish(second), Errc::kernel, "endpoint aaaaaaaaaaaa: "));
  EXPECT_EQ(everything(), before) << "elements";
  store.fail_at(1);
  EXPECT_TRUE(fails_with(driver.publish(second), Errc::store, "disk full"));
  EXPECT_EQ(everything(), before) << "the endpoint in the store";
  ports.taken = {{IPPROTO_TCP, 9000}};
  EXPECT_TRUE(fails_with(driver.publish(second), Errc::already_exists, "nginx"));
  EXPECT_EQ(everything(), before) << "a port";
  ports.taken.clear();
  EXPECT_OK(driver.publish(second));
}

TEST_F(DriverPortsTest, APortOfTheRangeThatCannotBeStoredIsFreeAgain) {
  given_members({{"ports", "30000-30009:80"}});
  FakeStore::Contents const before = store.contents;
  for (int step = 1; step <= 2; ++step) {
    store.fail_at(step);
    EXPECT_TRUE(fails_with(publish_named(web, "web"), Errc::store, "disk full")) << step;
    EXPECT_EQ(store.contents, before) << step;
    EXPECT_TRUE(ports.held.empty()) << step;
    EXPECT_FALSE(has_element("ports_any4")) << step;
  }
  EXPECT_EQ(*publish_named(web, "web"), (std::vector<PublishedPort>{port(30000, 80)}));
}

TEST_F(DriverPortsTest, WhatFailsToBeTakenBackStaysPublished) {
  given_members();
  ASSERT_OK(publish(web, {ask(8080, 80)}));
  KernelState const before = kernel.state;
  kernel.fail_after(0);
  EXPECT_TRUE(fails_with(driver.unpublish({shop_id}, {web}), Errc::kernel, "told to fail"));
  store.fail_at(1);
  EXPECT_TRUE(fails_with(driver.unpublish({shop_id}, {web}), Errc::store, "disk full"));
  EXPECT_EQ(kernel.state, before);
  EXPECT_TRUE(holds(port(8080, 80)));
  EXPECT_EQ(driver.published_ports().size(), 1u);
  EXPECT_OK(driver.unpublish({shop_id}, {web}));
}

TEST_F(DriverPortsTest, EveryPortIsListed) {
  given_members({{"publish", "10.0.0.0/8"}});
  ASSERT_OK(publish(web, {ask(9090, 90), ask(8080, 80)}));
  EXPECT_TRUE(driver.wants_marks({shop_id}));
  EXPECT_EQ(driver.endpoints_that_want_marks(),
            (std::vector<std::pair<NetworkId, EndpointId>>{{{shop_id}, {web}}}));
  EXPECT_TRUE(driver.learn_member({web}, {shop_id}, {"web", {}}).empty());
  std::vector<PortListing> const listed = driver.published_ports();
  ASSERT_EQ(listed.size(), 2u);
  EXPECT_EQ(listed[0].port, port(8080, 80));
  EXPECT_EQ(listed[1].port, port(9090, 90));
  EXPECT_EQ(listed[0].container, "web");
  EXPECT_EQ(listed[0].ipv4, ip("10.249.1.2"));
  EXPECT_EQ(listed[0].publish, Publish::listed);
  EXPECT_EQ(listed[0].publish_list, (std::vector<IpPrefix>{*IpPrefix::parse("10.0.0.0/8")}));
}

TEST_F(DriverPortsTest, MembersApartAreRelayedAsLongAsOneOfThemHasThePort) {
  given_members({{"isolation", "members"}});
  ASSERT_OK(publish(web, {ask(8080, 80, ip("127.0.0.2"))}));
  ASSERT_OK(publish(api, {ask(8080, 80, ip("127.0.0.3"))}));
  EXPECT_TRUE(has_element("relayed4"));
  ASSERT_OK(driver.unpublish({shop_id}, {web}));
  EXPECT_TRUE(has_element("relayed4")) << "api has it still";
  ASSERT_OK(driver.delete_endpoint({shop_id}, {api}));
  EXPECT_FALSE(has_element("relayed4"));
}

}  // namespace
}  // namespace drawbridge
