#include "plugin/steward.h"

#include "plugin/task_inbox.h"
#include "tests/support/fake_engine.h"
#include "tests/support/temp_directory.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr milliseconds never_in_a_test{60'000};
constexpr std::string_view stream_head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
NetworkId const home{"home"};
NetworkId const shop{"shop"};
Membership const proxy_in_shop{shop, ContainerId{"proxy"}};

/// Limits under which nothing takes long but what a test is about.
StewardLimits quick() {
  StewardLimits limits;
  limits.call = milliseconds(5'000);
  limits.answer = never_in_a_test;
  limits.gather = milliseconds(1);
  limits.look = never_in_a_test;
  limits.first_retry = milliseconds(1);
  limits.longest_retry = milliseconds(4);
  limits.inspect = milliseconds(5'000);
  limits.patience = never_in_a_test;
  limits.doubt = milliseconds(1);
  return limits;
}

std::string network_json(std::string const& id, std::string const& endpoints = "") {
  return fmt::format(
      R"({{"Id":"{0}","Name":"{0}","Driver":"drawbridge","Scope":"local","Containers":{{{1}}}}})",
      id, endpoints);
}

std::string place_json(std::string const& network, std::string const& ipv4) {
  return fmt::format(
      R"("{0}":{{"NetworkID":"{0}","EndpointID":"ep-{1}","IPAddress":"{1}","IPPrefixLen":24}})",
      network, ipv4);
}

std::string container_json(std::string const& name, std::string const& label,
                           std::string const& places) {
  return fmt::format(
      R"({{"Id":"{0}","Names":["/{0}"],"State":"running","Labels":{{{1}}},)"
      R"("HostConfig":{{"NetworkMode":"default"}},"NetworkSettings":{{"Networks":{{{2}}}}}}})",
      name, label, places);
}

std::string joined(std::vector<std::string> const& texts) {
  std::string all;
  for (std::string const& text : texts) {
    all += (all.empty() ? "" : ",") + text;
  }
  return all;
}

std::string const routable = R"("drawbridge.proxy":"true")";
std::string const unroutable = R"("drawbridge.proxy":"false")";

std::string event(std::string const& type, std::string const& action, std::string const& id,
                  std::string const& attributes) {
  std::string const line = fmt::format(
      R"({{"Type":"{}","Action":"{}","Actor":{{"ID":"{}","Attributes":{{{}}}}},"timeNano":7}})"
      "\n",
      type, action, id, attributes);
  return fmt::format("{:x}\r\n{}\r\n", line.size(), line);
}

std::string container_event(std::string const& action, std::string const& name,
                            std::string const& label = unroutable) {
  return event("container", action, name, fmt::format(R"("name":"{}",{})", name, label));
}

std::string network_event(std::string const& action, std::string const& network,
                          std::string const& container) {
  return event("network", action, network,
               fmt::format(R"("name":"{}","container":"{}")", network, container));
}

/// The test's thread is the core thread. A proxy runs at home, and `shop` wishes it.
class StewardTest : public testing::Test {
 protected:
  ~StewardTest() override { steward_.reset(); }

  void start_engine() {
    engine_ = std::make_unique<FakeEngine>(directory_ / "d.sock");
    engine_->on("/v1.41/events*", {{std::string(stream_head), milliseconds(0), true}});
    give_networks();
    give_containers({proxy()});
    engine_->on("/v1.41/networks/shop/connect", {{api_reply(200, "")}});
    engine_->on("/v1.41/networks/shop/disconnect", {{api_reply(200, "")}});
    engine_->give("/v1.41/networks/shop", network_json("shop"));
  }
  void give_networks() {
    engine_->give("/v1.41/networks", "[" + network_json("home") + "," + network_json("shop") + "]");
  }
  void give_containers(std::vector<std::string> const& containers) {
    engine_->give("/v1.41/containers/json?all=1", "[" + joined(containers) + "]");
  }

  static std::string proxy(std::string const& more = "") {
    return container_json("proxy", unroutable, place_json("home", "10.0.0.2") + more);
  }
  static std::string app(std::string const& label = routable) {
    return container_json("app", label, place_json("shop", "10.1.0.2"));
  }

  static OwnNetwork own(NetworkId const& id) { return {id, "db-" + id.value}; }
  void start(ProxyMode mode, std::set<Membership> made = {}) {
    OwnNetwork wishing = own(shop);
    wishing.proxies = {"proxy"};
    wishing.proxy_mode = mode;
    start_with({own(home), wishing}, std::move(made));
  }
  void start_with(std::vector<OwnNetwork> networks, std::set<Membership> made = {}) {
    StewardHooks hooks;
    hooks.post_to_core = [this](std::function<void()> task) { core_.post(std::move(task)); };
    hooks.on_routes = [this](std::set<ProxyRoute> routes) {
      routes_ = std::move(routes);
      notes_ += fmt::format("{} routes\n", routes_->size());
    };
    hooks.on_made = [this](Membership const& each) {
      notes_ += fmt::format("keep {} after {} posts\n", each.container.value, posts().size());
      made_.insert(each);
      return kept_;
    };
    hooks.on_ended = [this](Membership const& each) { made_.erase(each); };
    made_ = made;
    steward_ = std::make_unique<Steward>(directory_ / "d.sock", wishes_, std::move(networks),
                                         std::move(made), std::move(hooks), limits_);
  }

  /// Runs the core thread until `is_so`.
  void run_until(std::function<bool()> const& is_so) {
    Clock::time_point const latest = Clock::now() + never_in_a_test;
    while (!is_so()) {
      core_.run(Clock::now() + milliseconds(1));
      ASSERT_LT(Clock::now(), latest) << "in vain; asked: " << requests();
    }
  }
  void run_until_looked() {
    run_until([this] { return count("/v1.41/containers/json?all=1") > 0; });
  }

  std::string requests() const {
    std::string all;
    for (std::string const& each : engine_->requests()) {
      all += each + "\n";
    }
    return all;
  }
  int count(std::string const& text) const {
    auto const all = engine_->requests();
    return static_cast<int>(std::count_if(all.begin(), all.end(), [&text](auto const& each) {
      return each.find(text) != std::string::npos;
    }));
  }
  std::vector<std::string> posts() const {
    auto all = engine_->requests();
    std::erase_if(all, [](std::string const& each) { return !each.starts_with("POST"); });
    return all;
  }

  void join(NetworkId const& network, char const* endpoint) {
    steward_->joined({network, EndpointId{endpoint}, IpAddress::parse("10.1.0.2").value(), {}},
                     [this] { ++answered_; });
  }
  void leave(NetworkId const& network, char const* endpoint) {
    steward_->left(network, EndpointId{endpoint}, [this] { ++answered_; });
  }

  TempDirectory directory_;
  StewardLimits limits_ = quick();
  AttachWishes wishes_;
  std::unique_ptr<FakeEngine> engine_;
  TaskInbox core_;
  std::optional<std::set<ProxyRoute>> routes_;
  std::set<Membership> made_;
  Result<void> kept_;
  int answered_ = 0;
  std::string notes_;
  ProxyRoute const route_to_app_{shop, EndpointId{"ep-10.1.0.2"}, "db-home",
                                 IpAddress::parse("10.0.0.2").value()};
  std::unique_ptr<Steward> steward_;
};

TEST_F(StewardTest, WithoutWishesNothingIsAskedAndEveryoneIsAnsweredAtOnce) {
  start_engine();
  start_with({own(home), own(shop)});
  join(shop, "ep1");
  leave(shop, "ep1");
  EXPECT_EQ(answered_, 2);
  run_until([this] { return routes_.has_value(); });
  EXPECT_TRUE(routes_->empty()) << "of wishes that there were before";
  EXPECT_TRUE(engine_->requests().empty());
}

TEST_F(StewardTest, WaysIntoContainersThatRunAreOpenedAtTheStart) {
  start_engine();
  give_containers({proxy(), app()});
  start(ProxyMode::route);
  run_until([this] { return routes_.has_value(); });
  EXPECT_EQ(*routes_, std::set<ProxyRoute>{route_to_app_});
  EXPECT_TRUE(posts().empty());
}

TEST_F(StewardTest, AProxyIsConnectedAtTheStartAndKeptInTheLedgerBefore) {
  start_engine();
  give_containers({proxy(), app()});
  start(ProxyMode::join);
  run_until([this] { return !posts().empty(); });
  EXPECT_EQ(notes_, "0 routes\nkeep proxy after 0 posts\n");
  EXPECT_EQ(made_, std::set<Membership>{proxy_in_shop});
  EXPECT_EQ(posts().front(),
            R"(POST /v1.41/networks/shop/connect {"Container":"proxy","EndpointConfig":)"
            R"({"DriverOpts":{"drawbridge.gateway":"none"}}})");
}

TEST_F(StewardTest, AMembershipThatCannotBeKeptIsNotMade) {
  start_engine();
  give_containers({proxy(), app()});
  kept_ = fail(Errc::kernel, "disk full");
  start(ProxyMode::join);
  run_until([this] { return std::count(notes_.begin(), notes_.end(), '\n') > 3; });
  EXPECT_TRUE(posts().empty());
  kept_ = {};
  run_until([this] { return !posts().empty(); });
}

TEST_F(StewardTest, AJoinIsAnsweredWhenTheWayIsOpen) {
  start_engine();
  start(ProxyMode::route);
  run_until([this] { return routes_.has_value(); });
  engine_->say(container_event("create", "app", routable));
  engine_->give("/v1.41/networks/shop",
                network_json("shop", R"("ep-ep1":{"Name":"app","EndpointID":""})"));
  engine_->on("/v1.41/containers/json?all=1&filters*",
              {{api_reply(200, "[" + container_json("app", routable, "") + "]")}});
  join(shop, "ep1");
  EXPECT_EQ(answered_, 0);
  run_until([this] { return answered_ == 1; });
  ASSERT_EQ(routes_->size(), 1U);
  EXPECT_EQ(routes_->begin()->endpoint.value, "ep1");
  leave(shop, "ep1");
  EXPECT_EQ(answered_, 2) << "nobody has to be taken off";
  run_until([this] { return routes_->empty(); });
}

TEST_F(StewardTest, AJoinIsAnsweredWhenTheProxyIsConnectedAndALeaveWhenItIsOff) {
  start_engine();
  start(ProxyMode::join);
  run_until([this] { return routes_.has_value(); });
  engine_->say(container_event("create", "app", routable));
  engine_->give("/v1.41/networks/shop",
                network_json("shop", R"("ep-ep1":{"Name":"app","EndpointID":"ep1"})"));
  engine_->on("/v1.41/containers/json?all=1&filters*",
              {{api_reply(200, "[" + container_json("app", routable, "") + "]")}});
  join(shop, "ep1");
  run_until([this] { return answered_ == 1; });
  EXPECT_EQ(count("POST /v1.41/networks/shop/connect"), 1);
  leave(shop, "ep1");
  run_until([this] { return answered_ == 2; });
  EXPECT_EQ(count("POST /v1.41/networks/shop/disconnect"), 1);
  run_until([this] { return made_.empty(); });
}

TEST_F(StewardTest, WhatHappensIsFollowedByEventsAlone) {
  start_engine();
  start(ProxyMode::join);
  run_until([this] { return routes_.has_value(); });
  engine_->say(container_event("create", "app", routable) +
               network_event("connect", "shop", "app") + container_event("start", "app", routable));
  run_until([this] { return count("shop/connect") == 1 && !made_.empty(); });
  engine_->say(network_event("disconnect", "shop", "app") +
               container_event("die", "app", routable));
  run_until([this] { return made_.empty(); });
  EXPECT_EQ(count("shop/disconnect"), 1);
}

TEST_F(StewardTest, ManyStartsCauseOneConnect) {
  start_engine();
  start(ProxyMode::join);
  run_until([this] { return routes_.has_value(); });
  std::string burst;
  for (int number = 0; number < 500; ++number) {
    std::string const name = fmt::format("app{}", number);
    burst += container_event("create", name, routable) + network_event("connect", "shop", name) +
             container_event("start", name, routable);
  }
  engine_->say(burst + container_event("create", "last", unroutable));
  run_until([this] { return count("/containers/last/json") == 1 && !posts().empty(); });
  EXPECT_EQ(posts().size(), 1U);
}

TEST_F(StewardTest, AStreamThatEndsIsBegunAnewWithALook) {
  start_engine();
  start(ProxyMode::join);
  run_until([this] { return routes_.has_value(); });
  give_containers({proxy(), app()});
  engine_->hang_up();
  run_until([this] { return !made_.empty(); });
  EXPECT_GE(count("/events"), 2);
}

TEST_F(StewardTest, AnEngineThatComesLateIsWaitedFor) {
  start(ProxyMode::join);
  core_.run(Clock::now() + milliseconds(5));
  start_engine();
  give_containers({proxy(), app()});
  run_until([this] { return !made_.empty(); });
}

TEST_F(StewardTest, WhatFailsIsTriedAgain) {
  start_engine();
  give_containers({proxy(), app()});
  Reaction const failure{api_reply(500, R"({"message":"no address left"})")};
  engine_->on("/v1.41/networks/shop/connect",
              {failure, failure, failure, failure, {api_reply(200, "")}});
  start(ProxyMode::join);
  run_until([this] { return count("shop/connect") == 5; });
  EXPECT_EQ(made_.size(), 1U);
}

TEST_F(StewardTest, OnlyWhatWasMadeIsEnded) {
  start_engine();
  give_containers({proxy("," + place_json("shop", "10.1.0.9"))});
  start(ProxyMode::join);
  run_until([this] { return routes_.has_value(); });
  EXPECT_TRUE(posts().empty()) << "somebody else connected it";
  steward_.reset();
  start(ProxyMode::join, {proxy_in_shop});
  run_until([this] { return made_.empty(); });
  EXPECT_EQ(count("shop/disconnect"), 1);
}

TEST_F(StewardTest, ANetworkThatIsMissingIsMade) {
  start_engine();
  wishes_.networks = {{"damp-network", {}}};
  engine_->on("/v1.41/networks/create", {{api_reply(201, R"({"Id":"damp"})")}});
  std::string damp = network_json("damp");
  damp.replace(damp.find(R"("Name":"damp")"), 13, R"("Name":"damp-network")");
  engine_->give("/v1.41/networks/damp", damp);
  start_with({own(home)});
  run_until([this] { return count("GET /v1.41/networks/damp") == 1; });
  steward_->look();
  run_until([this] { return count("/v1.41/containers/json?all=1") >= 2; });
  EXPECT_EQ(posts().size(), 1U) << requests();
}

TEST_F(StewardTest, AnEnvironmentIsAskedForBeforeTheStartAndOpensTheWayInItsJoin) {
  start_engine();
  start(ProxyMode::route);
  run_until([this] { return routes_.has_value(); });
  engine_->give("/v1.41/containers/app/json",
                R"({"Id":"app","Name":"/app","Config":{"Env":["VIRTUAL_HOST=app.example"]},)"
                R"("HostConfig":{"NetworkMode":"shop"},"State":{"Status":"created"}})");
  engine_->give("/v1.41/networks/shop",
                network_json("shop", R"("ep-ep1":{"Name":"app","EndpointID":"ep1"})"));
  engine_->say(container_event("create", "app", R"("some":"label")"));
  run_until([this] { return count("/containers/app/json") == 1; });
  join(shop, "ep1");
  run_until([this] { return answered_ == 1; });
  EXPECT_EQ(routes_->size(), 1U);
  engine_->say(network_event("connect", "shop", "app") + container_event("start", "app") +
               container_event("create", "last"));
  run_until([this] { return count("/containers/last/json") == 1; });
  EXPECT_EQ(count("/containers/app/json"), 1);
  EXPECT_EQ(count("/networks/shop"), 1) << "two calls for a start";
}

TEST_F(StewardTest, AnEnvironmentThatIsNotToldHoldsItsJoinUpForAMomentOnly) {
  limits_.patience = milliseconds(20);
  start_engine();
  start(ProxyMode::route);
  run_until([this] { return routes_.has_value(); });
  engine_->give("/v1.41/networks/shop",
                network_json("shop", R"("ep-ep1":{"Name":"app","EndpointID":"ep1"})"));
  engine_->on("/v1.41/containers/app/json", {{"", milliseconds(0), true}});
  engine_->say(container_event("create", "app", R"("some":"label")"));
  run_until([this] { return count("/containers/app/json") == 1; });
  join(shop, "ep1");
  run_until([this] { return answered_ == 1; });
  EXPECT_TRUE(routes_->empty());
}

TEST_F(StewardTest, WhoeverDockerConnectsForUsIsAnsweredAtOnce) {
  start_engine();
  give_containers({proxy(), app()});
  engine_->on("/v1.41/networks/shop/connect", {{"", milliseconds(0), true}});
  start(ProxyMode::join);
  run_until([this] { return count("shop/connect") == 1; });
  join(shop, "ep-proxy");
  EXPECT_EQ(answered_, 1) << "Docker waits for it";
}

TEST_F(StewardTest, AnEngineThatHangsHoldsNobodyUpForLong) {
  limits_.answer = milliseconds(30);
  start_engine();
  start(ProxyMode::join);
  run_until([this] { return routes_.has_value(); });
  engine_->on("/v1.41/networks/shop", {{"", milliseconds(0), true}});
  join(shop, "ep1");
  EXPECT_EQ(answered_, 0);
  run_until([this] { return answered_ == 1; });
}

TEST_F(StewardTest, AnswersThatWaitAreGivenWhenItEnds) {
  start_engine();
  start(ProxyMode::join);
  run_until([this] { return routes_.has_value(); });
  engine_->on("/v1.41/networks/shop", {{"", milliseconds(0), true}});
  join(shop, "ep1");
  EXPECT_EQ(answered_, 0);
  steward_.reset();
  run_until([this] { return answered_ == 1; });
}

}  // namespace
}  // namespace drawbridge
