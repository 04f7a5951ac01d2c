#include "attach/host_model.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace drawbridge {
namespace {

NetworkId const home{"home"};
NetworkId const shop{"shop"};
ContainerId const proxy{"proxy"};
ContainerId const app{"app"};

IpAddress address(char const* text) {
  return IpAddress::parse(text).value();
}

DockerNetwork network(NetworkId const& id) {
  DockerNetwork made;
  made.id = id;
  made.name = id.value + "-net";
  made.driver = "drawbridge";
  return made;
}

Attachment at(NetworkId const& id, char const* endpoint) {
  Attachment made;
  made.network = id;
  made.endpoint.value = endpoint;
  if (*endpoint != '\0') {
    made.ipv4 = IpPrefix{address("10.0.0.2"), 24};
  }
  return made;
}

Container container(ContainerId const& id, RunState state, std::vector<Attachment> attachments) {
  Container made;
  made.id = id;
  made.name = id.value;
  made.state = state;
  made.network_mode = "default";
  made.attachments = std::move(attachments);
  return made;
}

/// A proxy at home, seen by a look; `app` comes and goes.
class HostModelTest : public testing::Test {
 protected:
  HostModelTest() {
    model.own_networks_are({{home, "db-home"}, {shop, "db-shop"}});
    look({});
  }

  void look(std::vector<Container> others) {
    others.push_back(container(proxy, RunState::running, {at(home, "ep-proxy")}));
    model.looked({network(home), network(shop)}, others);
  }
  void join(char const* endpoint) {
    model.joined({shop, EndpointId{endpoint}, address("10.1.0.2"), {}});
  }
  /// What Docker says of a network while a container of it is being started.
  void ask_about_shop(char const* endpoint) {
    DockerNetwork seen = network(shop);
    seen.endpoints = {{EndpointId{endpoint}, "app", {}, {}}};
    model.saw(seen);
  }
  /// All that tells of a start.
  void start_app(char const* endpoint) {
    join(endpoint);
    ask_about_shop(endpoint);
    model.connected(shop, app);
    model.started(app);
  }

  /// returns  "running: shop/ep1(10.1.0.2) …" or "none"
  std::string app_is() const {
    HostView const view = model.view();
    auto const found = view.containers.find(app);
    if (found == view.containers.end()) {
      return "none";
    }
    constexpr char const* states[] = {"created", "running", "restarting", "stopped"};
    std::string text = states[static_cast<int>(found->second.state)];
    for (Attachment const& each : found->second.attachments) {
      text += " " + each.network.value + "/" + each.endpoint.value;
      text += each.ipv4 ? "(" + each.ipv4->address.to_string() + ")" : "";
      text += each.left ? " left" : "";
    }
    return text;
  }

  HostModel model;
};

TEST_F(HostModelTest, ALifeIsFollowedByItsEvents) {
  model.created(app, "app", {{"caddy", "x"}});
  EXPECT_EQ(app_is(), "created");
  start_app("ep1");
  EXPECT_EQ(app_is(), "running shop/ep1(10.1.0.2)");
  model.left(EndpointId{"ep1"});
  EXPECT_EQ(app_is(), "running shop/ left");
  model.disconnected(shop, app);
  model.died(app);
  EXPECT_EQ(app_is(), "stopped shop/");
  model.destroyed(app);
  EXPECT_EQ(app_is(), "none");
}

TEST_F(HostModelTest, WhoJoinsRunsBeforeItsStartIsTold) {
  model.created(app, "app", {});
  join("ep1");
  EXPECT_EQ(app_is(), "created") << "nobody knows whose endpoint it is";
  EXPECT_FALSE(model.has_owner(EndpointId{"ep1"}));
  ask_about_shop("ep1");
  EXPECT_EQ(app_is(), "running shop/ep1(10.1.0.2)");
  EXPECT_FALSE(model.has_started(app)) << "its lock is held";
}

TEST_F(HostModelTest, ACreationThatIsToldLateFindsItsEndpoint) {
  join("ep1");
  ask_about_shop("ep1");
  EXPECT_EQ(model.to_find(), std::set<std::string>{"app"});
  model.created(app, "app", {});
  EXPECT_TRUE(model.to_find().empty());
  EXPECT_EQ(app_is(), "running shop/ep1(10.1.0.2)");
}

TEST_F(HostModelTest, TheEndOfTheRunBeforeDoesNotEndTheNext) {
  model.created(app, "app", {});
  start_app("ep1");
  model.left(EndpointId{"ep1"});
  join("ep2");
  ask_about_shop("ep2");
  model.disconnected(shop, app);
  model.died(app);
  EXPECT_EQ(app_is(), "running shop/ep2(10.1.0.2)");
}

TEST_F(HostModelTest, AListThatIsOlderThanALeaveBringsNothingBack) {
  model.created(app, "app", {});
  start_app("ep1");
  model.left(EndpointId{"ep1"});
  look({container(app, RunState::running, {at(shop, "ep1")})});
  EXPECT_TRUE(app_is().ends_with(" left")) << app_is();
  look({container(app, RunState::running, {at(shop, "ep9")})});
  EXPECT_EQ(app_is(), "running shop/ep9(10.0.0.2)") << "the control";
}

TEST_F(HostModelTest, AListThatIsOlderThanAJoinTakesNothingAway) {
  model.created(app, "app", {});
  join("ep1");
  ask_about_shop("ep1");
  look({container(app, RunState::created, {})});
  EXPECT_EQ(app_is(), "running shop/ep1(10.1.0.2)");
  look({container(app, RunState::created, {})});
  EXPECT_EQ(app_is(), "created") << "its Leave was lost";
}

TEST_F(HostModelTest, WhatALookShowsOfAContainerThatDoesNotRunMayBeGone) {
  look({container(app, RunState::stopped, {at(shop, "ep1")})});
  EXPECT_EQ(app_is(), "stopped shop/");
  look({container(app, RunState::restarting, {at(shop, "ep1")})});
  EXPECT_EQ(app_is(), "restarting shop/");
}

TEST_F(HostModelTest, ANetworkWithoutAnIdIsFoundByItsName) {
  Attachment nameless = at(NetworkId{}, "");
  nameless.network_name = "shop-net";
  look({container(app, RunState::stopped, {nameless})});
  EXPECT_EQ(app_is(), "stopped shop/");
  model.taken_off(shop, app);
  EXPECT_EQ(app_is(), "stopped");
}

TEST_F(HostModelTest, EnvironmentsAreAskedForOnceAndKept) {
  model.created(app, "app", {});
  EXPECT_TRUE(model.to_inspect().contains(app));
  Container inspected = container(app, RunState::created, {});
  inspected.environment = {"PATH=/bin", "VIRTUAL_HOST=app.example"};
  model.inspected(inspected);
  EXPECT_FALSE(model.to_inspect().contains(app));
  look({container(app, RunState::running, {})});
  EXPECT_FALSE(model.to_inspect().contains(app));
  EXPECT_EQ(*model.view().containers.at(app).environment,
            std::vector<std::string>{"VIRTUAL_HOST=app.example"})
      << "what is nobody's business is not kept";
}

TEST_F(HostModelTest, LabelsThatDecideMakeItNeedless) {
  Container marked = container(app, RunState::running, {});
  for (auto const& [label, value] : std::vector<std::pair<std::string, std::string>>{
           {"caddy", "x"}, {"drawbridge.proxy", "false"}, {"com.docker.compose.oneoff", "True"}}) {
    marked.labels = {{label, value}};
    look({marked});
    EXPECT_FALSE(model.to_inspect().contains(app)) << label;
  }
  marked.labels.clear();
  look({marked});
  EXPECT_TRUE(model.to_inspect().contains(app)) << "the control";
}

TEST_F(HostModelTest, AProxyThatStartsIsListedOnce) {
  model.died(proxy);
  model.connected(home, proxy);
  EXPECT_TRUE(model.to_list({"proxy"}, {}).empty()) << "it does not run";
  model.started(proxy);
  EXPECT_EQ(model.to_list({"proxy"}, {}), std::set<ContainerId>{proxy});
  EXPECT_TRUE(model.to_list({"other"}, {}).empty());
  EXPECT_EQ(model.to_list({}, {home}), std::set<ContainerId>{proxy});
  model.listed(proxy, container(proxy, RunState::running, {at(home, "ep-new")}));
  EXPECT_TRUE(model.to_list({"proxy"}, {home}).empty());
}

TEST_F(HostModelTest, ANetworkThatIsGoneIsNobodysPlace) {
  model.created(app, "app", {});
  start_app("ep1");
  model.network_gone(shop);
  EXPECT_EQ(app_is(), "running");
  EXPECT_FALSE(model.view().networks.contains(shop));
  model.network_appeared(shop);
  EXPECT_EQ(model.to_ask(), std::set<NetworkId>{shop});
  ask_about_shop("ep1");
  EXPECT_TRUE(model.to_ask().empty());
}

TEST_F(HostModelTest, NetworksOfASwarmAreLeftOut) {
  DockerNetwork swarm = network(shop);
  swarm.scope = "swarm";
  model.looked({swarm}, {});
  EXPECT_TRUE(model.view().networks.empty());
  swarm.scope = "local";
  model.looked({swarm}, {});
  EXPECT_TRUE(model.view().networks.contains(shop)) << "the control";
}

TEST_F(HostModelTest, ThisDaemonsNetworksHaveTheirBridgeAndWishes) {
  OwnNetwork own{shop, "db-shop"};
  own.proxies = {"proxy"};
  own.proxy_mode = ProxyMode::join;
  model.own_networks_are({own});
  HostNetwork const seen = model.view().networks.at(shop);
  EXPECT_TRUE(seen.is_ours);
  EXPECT_EQ(seen.bridge, "db-shop");
  EXPECT_EQ(seen.proxies, own.proxies);
  EXPECT_FALSE(model.view().networks.at(home).is_ours);
}

}  // namespace
}  // namespace drawbridge
