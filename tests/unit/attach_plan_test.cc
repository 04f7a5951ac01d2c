#include "attach/plan.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace drawbridge {
namespace {

NetworkId const home{"home"};
NetworkId const shop{"shop"};
NetworkId const blog{"blog"};
NetworkId const foreign{"foreign"};
ContainerId const proxy{"proxy"};
ContainerId const app{"app"};

IpAddress address(char const* text) {
  return IpAddress::parse(text).value();
}

HostNetwork network(NetworkId const& id, bool is_ours = true) {
  HostNetwork made;
  made.id = id;
  made.name = id.value;
  made.is_ours = is_ours;
  made.bridge = (is_ours ? "db-" : "br-") + id.value;
  made.settings.driver = is_ours ? "drawbridge:latest" : "bridge";
  return made;
}

Attachment at(NetworkId const& id, char const* ipv4) {
  return {id, EndpointId{"ep-" + id.value}, IpPrefix{address(ipv4), 24}, {}};
}

/// A host with a proxy in a network of its own, and `app`, which is routable, in `shop`.
class AttachPlanTest : public testing::Test {
 protected:
  AttachPlanTest() {
    for (HostNetwork const& each :
         {network(home), network(shop), network(blog), network(foreign, false)}) {
      host.networks.emplace(each.id, each);
    }
    run(proxy, {at(home, "10.0.0.2")});
    run(app, {at(shop, "10.1.0.2")}).labels = {{"drawbridge.proxy", "true"}};
  }

  Container& run(ContainerId const& id, std::vector<Attachment> attachments) {
    Container container;
    container.id = id;
    container.name = id.value;
    container.state = RunState::running;
    container.network_mode = "default";
    container.environment.emplace();
    container.attachments = std::move(attachments);
    return host.containers.insert_or_assign(id, container).first->second;
  }

  void name_proxy_in(NetworkId const& id, ProxyMode mode) {
    host.networks.at(id).proxies = {"proxy"};
    host.networks.at(id).proxy_mode = mode;
  }

  AttachPlan plan() const { return plan_attachments(host, wishes, made); }

  HostView host;
  AttachWishes wishes;
  std::set<Membership> made;
  ProxyRoute const route_to_app{shop, EndpointId{"ep-shop"}, "db-home", address("10.0.0.2")};
};

TEST_F(AttachPlanTest, WithoutWishesNothingIsPlanned) {
  EXPECT_EQ(plan(), AttachPlan{});
}

TEST_F(AttachPlanTest, AProxyOfANetworkReachesWhatIsRoutableThere) {
  name_proxy_in(shop, ProxyMode::route);
  run(ContainerId{"db"}, {at(shop, "10.1.0.3")});
  AttachPlan const planned = plan();
  EXPECT_EQ(planned.routes, std::set<ProxyRoute>{route_to_app});
  EXPECT_TRUE(planned.connect.empty());
}

TEST_F(AttachPlanTest, AProxyReachesFromEachOfItsPlacesButThoseItShares) {
  name_proxy_in(shop, ProxyMode::route);
  run(proxy, {at(home, "10.0.0.2"), at(foreign, "172.20.0.2"), at(shop, "10.1.0.9")});
  EXPECT_EQ(plan().routes,
            (std::set<ProxyRoute>{
                route_to_app, {shop, route_to_app.endpoint, "br-foreign", address("172.20.0.2")}}));
}

TEST_F(AttachPlanTest, WhoeverDoesNotRunHasNoRoute) {
  name_proxy_in(shop, ProxyMode::route);
  host.containers.at(app).state = RunState::stopped;
  EXPECT_TRUE(plan().routes.empty());
  host.containers.at(app).state = RunState::running;
  host.containers.at(proxy).state = RunState::stopped;
  EXPECT_TRUE(plan().routes.empty());
}

TEST_F(AttachPlanTest, AProxyJoinsTheNetworksOfRoutableContainers) {
  name_proxy_in(shop, ProxyMode::join);
  name_proxy_in(blog, ProxyMode::join);
  AttachPlan const planned = plan();
  EXPECT_EQ(planned.connect, (std::set<Membership>{{shop, proxy}}));
  EXPECT_TRUE(planned.routes.empty());
}

TEST_F(AttachPlanTest, TheConfigurationNamesProxiesForNetworksOfDrivers) {
  wishes.proxies = {{"proxy", ProxyMode::join, {"bridge"}}};
  run(app, {at(shop, "10.1.0.2"), at(foreign, "172.20.0.3")}).labels = {{"caddy", "app"}};
  EXPECT_EQ(plan().connect, (std::set<Membership>{{foreign, proxy}}));
  wishes.proxies = {{"proxy", ProxyMode::join, {"drawbridge", "bridge"}}};
  EXPECT_EQ(plan().connect, (std::set<Membership>{{foreign, proxy}, {shop, proxy}}));
}

TEST_F(AttachPlanTest, ANetworksOwnProxyOutranksTheConfiguration) {
  wishes.proxies = {{"proxy", ProxyMode::join, {"drawbridge"}}};
  name_proxy_in(shop, ProxyMode::route);
  AttachPlan const planned = plan();
  EXPECT_EQ(planned.routes, std::set<ProxyRoute>{route_to_app});
  EXPECT_TRUE(planned.connect.empty());
}

TEST_F(AttachPlanTest, TheDefaultBridgeIsNeverJoinedAndNeverLeft) {
  HostNetwork bridge = network(NetworkId{"b0"}, false);
  bridge.name = "bridge";
  host.networks.emplace(bridge.id, bridge);
  wishes.proxies = {{"proxy", ProxyMode::join, {"bridge"}}};
  run(app, {at(bridge.id, "172.17.0.3")}).labels = {{"caddy", "app"}};
  EXPECT_TRUE(plan().connect.empty());
  run(proxy, {at(bridge.id, "172.17.0.2")});
  EXPECT_TRUE(plan().disconnect.empty());
}

TEST_F(AttachPlanTest, OnlyWhatWasJoinedByARuleIsLeft) {
  name_proxy_in(shop, ProxyMode::join);
  run(proxy, {at(home, "10.0.0.2"), at(shop, "10.1.0.9"), at(blog, "10.2.0.9")});
  host.containers.erase(app);
  EXPECT_TRUE(plan().disconnect.empty());
  made = {{shop, proxy}};
  EXPECT_EQ(plan().disconnect, (std::set<Membership>{{shop, proxy}}));
}

TEST_F(AttachPlanTest, WhatOthersEndedIsForgotten) {
  made = {{blog, proxy}, {shop, ContainerId{"gone"}}};
  AttachPlan const planned = plan();
  EXPECT_EQ(planned.forget, made);
  EXPECT_TRUE(planned.disconnect.empty());
}

TEST_F(AttachPlanTest, AStoppedProxyKeepsWhatItHasAndGetsNothingNew) {
  name_proxy_in(shop, ProxyMode::join);
  name_proxy_in(blog, ProxyMode::join);
  run(app, {at(shop, "10.1.0.2"), at(blog, "10.2.0.2")}).labels = {{"caddy", "app"}};
  run(proxy, {at(home, "10.0.0.2"), at(shop, "10.1.0.9")}).state = RunState::stopped;
  made = {{shop, proxy}};
  EXPECT_EQ(plan(), AttachPlan{});
  host.containers.erase(app);
  EXPECT_EQ(plan().disconnect, made) << "or it could not start once the network is gone";
}

TEST_F(AttachPlanTest, MatchingContainersAreAttached) {
  wishes.attachments = {{{Match::Kind::routable, "", {}}, "blog"}};
  host.networks.at(home).attach = {{Match::Kind::name, "ap?", {}}};
  EXPECT_EQ(plan().connect, (std::set<Membership>{{blog, app}, {home, app}}));
  host.containers.at(app).labels.clear();
  host.containers.at(app).attachments.push_back(at(blog, "10.2.0.3"));
  made = {{blog, app}};
  EXPECT_EQ(plan().disconnect, made);
}

TEST_F(AttachPlanTest, WhatIsNotKnownYetEndsNothing) {
  name_proxy_in(shop, ProxyMode::join);
  run(proxy, {at(home, "10.0.0.2"), at(shop, "10.1.0.9")});
  run(app, {at(shop, "10.1.0.2")}).environment.reset();
  made = {{shop, proxy}};
  EXPECT_EQ(plan(), AttachPlan{});
  host.containers.at(app).environment = {"VIRTUAL_HOST=app.example"};
  EXPECT_EQ(plan(), AttachPlan{});
  host.containers.at(app).environment.emplace();
  EXPECT_EQ(plan().disconnect, made);
}

TEST_F(AttachPlanTest, WhoLeftANetworkIsNotThereAnyMore) {
  name_proxy_in(shop, ProxyMode::join);
  run(proxy, {at(home, "10.0.0.2"), at(shop, "10.1.0.9")});
  made = {{shop, proxy}};
  host.containers.at(app).attachments.front().left = true;
  EXPECT_EQ(plan().disconnect, made);
  host.containers.at(app).attachments.front().left = false;
  EXPECT_EQ(plan(), AttachPlan{}) << "the control";
  host.containers.at(proxy).attachments.back().left = true;
  EXPECT_EQ(plan(), AttachPlan{}) << "a proxy that may be stopping keeps its place";
}

TEST_F(AttachPlanTest, AProxyBetweenTwoStartsHasNoAddress) {
  name_proxy_in(shop, ProxyMode::route);
  host.containers.at(proxy).state = RunState::restarting;
  EXPECT_TRUE(plan().routes.empty());
  host.containers.at(proxy).state = RunState::running;
  EXPECT_EQ(plan().routes, std::set<ProxyRoute>{route_to_app}) << "the control";
}

TEST_F(AttachPlanTest, ContainersWithoutANamespaceOfTheirOwnAreNotAttached) {
  wishes.attachments = {{{Match::Kind::name, "*", {}}, "blog"}};
  for (char const* mode : {"host", "none", "container:0123", ""}) {
    host.containers.at(app).network_mode = mode;
    EXPECT_EQ(plan().connect, (std::set<Membership>{{blog, proxy}})) << mode;
  }
}

TEST_F(AttachPlanTest, ANetworkIsMadeWhenItIsMissing) {
  EnsuredNetwork damp{"damp-network", {}};
  wishes.networks = {damp};
  EXPECT_EQ(plan().create, std::vector<EnsuredNetwork>{damp});
  HostNetwork made_network = network(NetworkId{"damp"});
  made_network.name = "damp-network";
  made_network.settings.subnets = {IpPrefix::parse("10.249.9.0/24").value()};
  made_network.settings.ipam_driver = "drawbridge:latest";
  host.networks.emplace(made_network.id, made_network);
  EXPECT_EQ(plan(), AttachPlan{});
}

TEST_F(AttachPlanTest, ANetworkWithOtherSettingsIsReportedAndLeftAlone) {
  HostNetwork other = network(NetworkId{"damp"}, false);
  other.name = "damp-network";
  host.networks.emplace(other.id, other);
  wishes.networks = {{"damp-network", {}}};
  AttachPlan const planned = plan();
  EXPECT_TRUE(planned.create.empty());
  EXPECT_EQ(planned.complaints.size(), 1U);
}

TEST_F(AttachPlanTest, WhatIsMissingIsSaid) {
  wishes.proxies = {{"nobody"}};
  wishes.attachments = {{{}, "nowhere"}};
  EXPECT_EQ(plan().complaints,
            (std::set<std::string>{
                "network nowhere of an attachment is not there: it is followed when it appears",
                "proxy nobody is not there: it is let in when it appears"}));
}

}  // namespace
}  // namespace drawbridge
