// A daemon that lost its state: what it keeps, what Docker tells, and what is nobody's in the end.
//
// An earlier driver with a store of its own fills the kernel; then another begins with an empty
// one.
#include "plugin/rebuilding.h"

#include "ipam/pool_config.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_host_ports.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include <netinet/in.h>

namespace drawbridge {
namespace {

NetworkId const web{"aaaaaaaaaaaa1111"};
NetworkId const pods{"bbbbbbbbbbbb2222"};
EndpointId const app{"cccccccccccc3333"};

IpPrefix prefix(char const* text) {
  return *IpPrefix::parse(text);
}
IpAddress ip(char const* text) {
  return *IpAddress::parse(text);
}

NetworkRequest request(NetworkId const& id, char const* subnet, char const* gateway) {
  NetworkRequest request;
  request.id = id;
  request.subnets = {{prefix(subnet), ip(gateway)}};
  return request;
}

class RebuildingTest : public testing::Test {
 protected:
  RebuildingTest() {
    Driver before(kernel, old_store, old_ports);
    EXPECT_OK(before.start());
    NetworkRequest first = request(web, "10.249.1.0/24", "10.249.1.1");
    first.options = {{"isolation", "members"}, {"mtu", "1400"}};
    EXPECT_OK(before.create_network(first));
    EXPECT_OK(before.create_network(request(pods, "10.249.2.0/24", "10.249.2.9")));
    Endpoint member;
    member.id = app;
    member.network = web;
    member.ipv4 = prefix("10.249.1.2/24");
    EXPECT_OK(before.create_endpoint(member, {}));
    EXPECT_OK(before.join(web, app));
    PublishRequest publish{web,
                           app,
                           {{IPPROTO_TCP, {}, {8080, 8080}, 80},
                            {IPPROTO_TCP, {}, {8081, 8081}, 81},
                            {IPPROTO_UDP, ip("127.0.0.1"), {53, 53}, 53}}};
    EXPECT_OK(before.publish(publish));
    was = kernel.state;
    store.contents.awaits_rebuild = true;
  }

  /// The daemon that remembers nothing starts.
  void start(std::string const& docker_socket = "/run/docker.sock") {
    Result<bool> const awaited = rebuilding.start({"drawbridge", docker_socket, {}}, std::nullopt);
    ASSERT_OK(awaited);
    ASSERT_OK(driver.start());
  }

  DockerNetwork listed_web() const {
    DockerNetwork network{web, "web",        "drawbridge",
                          "",  "drawbridge", {{prefix("10.249.1.0/24"), ip("10.249.1.1"), {}}},
                          {}};
    network.options = {{"isolation", "members"}, {"mtu", "1400"}};
    network.endpoints = {{app, "app", prefix("10.249.1.2/24"), {}, {}}};
    return network;
  }
  /// Whoever gives a subnet and no gateway is told of none.
  DockerNetwork listed_pods() const {
    return {pods,
            "pods",
            "drawbridge:latest",
            "",
            "drawbridge:latest",
            {{prefix("10.249.2.0/24"), {}, {}}},
            {}};
  }

  FakeKernel kernel;
  FakeStore old_store;
  FakeHostPorts old_ports;
  KernelState was;
  FakeStore store;
  FakeHostPorts ports;
  Ipam ipam{default_pool_config(), store};
  Driver driver{kernel, store, ports};
  Looks looks{driver};
  Rebuilding rebuilding{{driver, ipam, store, kernel, looks}};
};

TEST_F(RebuildingTest, UntilDockerAnswersNothingOfTheKernelChanges) {
  start();
  EXPECT_TRUE(looks.look().empty());
  EXPECT_TRUE(driver.what_differs()->empty());
  EXPECT_EQ(kernel.state, was);
  EXPECT_TRUE(rebuilding.is_pending());
  EXPECT_EQ(driver.network_count(), 0U);
}

TEST_F(RebuildingTest, DockerAndTheKernelGiveEverythingBack) {
  start();
  EXPECT_FALSE(rebuilding.take({{listed_web(), listed_pods()}}));
  EXPECT_EQ(kernel.state, was);
  EXPECT_EQ(store.contents.networks, old_store.contents.networks);
  Endpoint rebuilt = store.contents.endpoints.at(app);
  EXPECT_EQ(rebuilt, old_store.contents.endpoints.at(app));
  EXPECT_EQ(store.contents.pools.size(), 2U);
  EXPECT_EQ(store.contents.leases.size(), 3U) << "two gateways and a member";
  EXPECT_FALSE(store.contents.awaits_rebuild);
  EXPECT_FALSE(rebuilding.is_pending());
}

TEST_F(RebuildingTest, ALookShowsWholeWhatIsOursInPartOrAsAWhole) {
  start();
  DockerNetwork pool_only{{"p"}, "p", "macvlan", "", "drawbridge", {}, {}};
  DockerNetwork renamed = listed_pods();
  renamed.driver = "another name of ours";
  DockerNetwork const others{{"o"}, "o", "bridge", "docker0", "default", {}, {}};
  EXPECT_EQ(rebuilding.doubts()({{listed_web(), renamed, pool_only, others}}),
            (std::set<NetworkId>{web, pods, {"p"}}));
}

TEST_F(RebuildingTest, WhatTwoLooksDoNotListIsRemoved) {
  start();
  EXPECT_TRUE(rebuilding.take({{listed_web()}}));
  EXPECT_TRUE(kernel.state.bridges.contains("db-bbbbbbbbbbbb"));
  EXPECT_FALSE(rebuilding.take({{listed_web()}}));
  EXPECT_FALSE(kernel.state.bridges.contains("db-bbbbbbbbbbbb"));
  EXPECT_TRUE(kernel.state.bridges.contains("db-aaaaaaaaaaaa"));
}

TEST_F(RebuildingTest, AnEngineThatListsNoneOfOursRemovesNothing) {
  start();
  for (int look = 0; look < 3; ++look) {
    EXPECT_TRUE(rebuilding.take({}));
  }
  EXPECT_EQ(kernel.state, was);
}

TEST_F(RebuildingTest, ANetworkThatCannotBeRebuiltStaysAsItIs) {
  start();
  DockerNetwork odd = listed_pods();
  odd.options = {{"no_such_option", "1"}};
  EXPECT_TRUE(rebuilding.take({{listed_web(), odd}}));
  EXPECT_TRUE(rebuilding.take({{listed_web(), odd}}));
  EXPECT_EQ(kernel.state, was);
  EXPECT_EQ(driver.network_count(), 1U);
}

TEST_F(RebuildingTest, WhatIsNotOnDiskIsNotRebuilt) {
  start();
  for (int step = 1; step < 30; ++step) {
    FakeStore::Contents const empty = store.contents;
    store.fail_at(step);
    rebuilding.take({{listed_web(), listed_pods()}});
    if (store.failure_is_pending()) {
      break;
    }
    EXPECT_EQ(kernel.state, was) << "step " << step;
  }
  store.fail_at(0);
  EXPECT_FALSE(rebuilding.take({{listed_web(), listed_pods()}}));
  EXPECT_EQ(kernel.state, was);
  EXPECT_EQ(driver.network_count(), 2U);
}

TEST_F(RebuildingTest, WithoutDockerRequestsSayWhatToDo) {
  start("");
  EXPECT_TRUE(rebuilding.is_pending());
  Error const error = rebuilding.explain({Errc::not_found, "network aaaaaaaaaaaa is not known"});
  EXPECT_EQ(error.message,
            "network aaaaaaaaaaaa is not known: drawbridge lost its state: set docker_socket and "
            "start it again, or remove the network and create it again");
}

TEST_F(RebuildingTest, RemovedNetworksTakeWhatWasKeptOfThemAlong) {
  start("");
  EXPECT_OK(driver.delete_endpoint(web, app));
  EXPECT_TRUE(kernel.state.veths.empty());
  EXPECT_EQ(kernel.state.elements, [&] {
    std::set<Element> left = was.elements;
    std::erase_if(left, [](Element const& element) {
      std::string const line = describe(element);
      return line.find("10.249.1.2") != line.npos || line.find("dv-cccc") != line.npos ||
             line.find("relayed") != line.npos;
    });
    std::set<Element> relayed = kernel.state.elements;
    std::erase_if(relayed,
                  [](Element const& element) { return !element.set.starts_with("relayed"); });
    left.merge(relayed);  // these name the network only, and go with it
    return left;
  }());
  EXPECT_OK(driver.delete_network(web));
  EXPECT_OK(driver.delete_network(pods));
  EXPECT_TRUE(kernel.state.bridges.empty());
  EXPECT_TRUE(kernel.state.elements.empty());
}

TEST_F(RebuildingTest, TheWayOfAProxyIsKeptAsLongAsItsMember) {
  Element const to_app{"proxied4", {std::string("docker0"), ip("172.17.0.2"), ip("10.249.1.2")}};
  Element const to_another{"proxied4", {std::string("docker0"), ip("10.249.1.2"), ip("10.2.0.3")}};
  kernel.state.elements.insert({to_app, to_another});
  start("");
  EXPECT_TRUE(kernel.state.elements.contains(to_app));
  EXPECT_OK(driver.delete_endpoint(web, app));
  EXPECT_FALSE(kernel.state.elements.contains(to_app));
  EXPECT_TRUE(kernel.state.elements.contains(to_another)) << "there it is the proxy";
}

TEST_F(RebuildingTest, AFirstStartHasNothingToWaitFor) {
  kernel.state = {};
  start("");
  EXPECT_FALSE(rebuilding.is_pending());
  EXPECT_FALSE(store.contents.awaits_rebuild);
}

TEST_F(RebuildingTest, WhatWasRemovedSinceALookBeganStaysGone) {
  start();
  EXPECT_OK(driver.delete_network(pods));
  rebuilding.removed("/NetworkDriver.DeleteNetwork", R"({"NetworkID":"bbbbbbbbbbbb2222"})");
  EXPECT_FALSE(rebuilding.take({{listed_web(), listed_pods()}}));
  EXPECT_EQ(driver.network_count(), 1U);
  EXPECT_FALSE(kernel.state.bridges.contains("db-bbbbbbbbbbbb"));
}

}  // namespace
}  // namespace drawbridge
