// The engine is a fake one; what is learned from it is seen in the driver and in its store.
#include "plugin/engine_view.h"

#include "docker/containers.h"
#include "plugin/core_loop.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_engine.h"
#include "tests/support/fake_host_ports.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_store.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

/// Longer than the worker's pauses at the start: when nothing came for so long, nothing comes.
constexpr std::chrono::milliseconds patience{3'000};

NetworkId const web{"n1"};
EndpointId const app{"e1"};
KnownNetwork const docker0{{"b0"}, "bridge", "docker0", {*IpPrefix::parse("172.17.0.0/16")}};

constexpr std::string_view bridge_listed = R"([{"Id":"b0","Name":"bridge","Driver":"bridge",
    "IPAM":{"Driver":"default","Config":[{"Subnet":"172.17.0.0/16"}]},
    "Options":{"com.docker.network.bridge.name":"docker0"}}])";
constexpr std::string_view web_listed = R"([{"Id":"n1","Name":"web","Driver":"drawbridge",
    "IPAM":{"Driver":"drawbridge","Config":[{"Subnet":"10.249.1.0/24"}]}}])";
constexpr std::string_view web_with_app = R"({"Id":"n1","Name":"web","Driver":"drawbridge",
    "IPAM":{"Driver":"drawbridge","Config":[{"Subnet":"10.249.1.0/24"}]},
    "Containers":{"ep-e1":{"Name":"app"}}})";
constexpr char const* all_containers = "/v1.41/containers/json?all=1";
constexpr std::string_view app_on_web =
    R"([{"Names":["/app"],"State":"running","NetworkSettings":{"Networks":{"web":
       {"NetworkID":"n1","EndpointID":"e1","IPAddress":"10.249.1.2","IPPrefixLen":24}}}}])";
constexpr std::string_view app_of_shop =
    R"([{"Names":["/app"],"Labels":{"com.docker.compose.project":"shop"}}])";

/// A network whose policy names peers, and depends on what its members are.
NetworkRequest network_that_wants_to_know(NetworkId const& id) {
  NetworkRequest request;
  request.id = id;
  request.subnets = {{*IpPrefix::parse("10.249.1.0/24"), *IpAddress::parse("10.249.1.1")}};
  request.options = {{"isolation", "project"}, {"allow_from", "bridge"}};
  return request;
}

/// The test's thread is the core thread.
class EngineViewTest : public testing::Test {
 protected:
  EngineViewTest() {
    docker_.give("/v1.41/networks", "[]");
    docker_.give(all_containers, "[]");
  }

  void start() { ASSERT_OK(view_.start(socket_, store_, post())); }

  /// Runs what was learned, until `is_learned` holds after some of it; fails when it never does.
  void run_until(std::function<bool()> is_learned) {
    is_learned_ = std::move(is_learned);
    core_.run(patience, [this] {
      core_.finish();
      return false;
    });
    view_.stop();
    EXPECT_TRUE(is_learned_());
  }

  void join_app() {
    ASSERT_OK(driver_.create_network(network_that_wants_to_know(web)));
    Endpoint endpoint;
    endpoint.id = app;
    endpoint.network = web;
    endpoint.ipv4 = *IpPrefix::parse("10.249.1.2/24");
    ASSERT_OK(driver_.create_endpoint(endpoint, {}));
    ASSERT_OK(driver_.join(web, app));
  }

  /// returns  empty ones until they are known
  MemberMarks marks_of_app() const {
    return driver_.endpoint(web, app)->marks.value_or(MemberMarks{});
  }
  bool app_is_known() const { return driver_.endpoint(web, app)->marks.has_value(); }
  auto was_asked(std::string const& path) const {
    std::vector<std::string> const asked = docker_.asked();
    return std::count(asked.begin(), asked.end(), path);
  }
  bool was_written(std::string const& call) const {
    return std::find(store_.calls.begin(), store_.calls.end(), call) != store_.calls.end();
  }

 private:
  DockerWorker::Post post() {
    return [this](std::function<void()> const& task) {
      core_.post([this, task] {
        task();
        if (is_learned_()) {
          core_.finish();
        }
      });
    };
  }

  TempDirectory directory_;
  CoreLoop core_;
  std::function<bool()> is_learned_;

 protected:
  FakeKernel kernel_;
  std::filesystem::path const socket_ = directory_ / "d.sock";
  FakeEngine docker_{socket_};
  FakeStore store_;
  Ipam ipam_{default_pool_config(), store_};
  FakeHostPorts ports_;
  Driver driver_{kernel_, store_, ports_, DriverSettings{{}, true}};
  CommitGroup group_{store_, [this] { ipam_.invalidate(); }};
  EngineView view_{driver_, ipam_, group_,
                   LookPauses{std::chrono::milliseconds(20), std::chrono::milliseconds(2)}};
};

TEST_F(EngineViewTest, LearnsAllNetworksAtTheStartAndKeepsThem) {
  docker_.give("/v1.41/networks", bridge_listed);
  start();
  run_until([this] { return !store_.contents.known_networks.empty(); });
  EXPECT_EQ(store_.load_known_networks().value(), std::vector<KnownNetwork>{docker0});
  EXPECT_EQ(view_.title({"b0"}), "bridge (b0)");
  EXPECT_EQ(view_.name_of({"b0"}), "bridge");
  EXPECT_EQ(view_.name_of({"b1"}), "");
}

TEST_F(EngineViewTest, ShowsLooksWithWholeNetworksUntilNoMoreAreWanted) {
  docker_.give("/v1.41/networks", web_listed);
  docker_.give("/v1.41/networks/n1", web_with_app);
  std::vector<std::size_t> endpoints;
  view_.show_looks_to(
      [&](DockerInventory const& look) {
        endpoints.push_back(look.networks.at(0).endpoints.size());
        return endpoints.size() < 2;
      },
      [](DockerInventory const&) { return std::set<NetworkId>{web}; });
  start();
  run_until([&] { return endpoints.size() == 2; });
  EXPECT_EQ(endpoints, (std::vector<std::size_t>{1, 1})) << "no container is listed as running";
  EXPECT_EQ(was_asked("/v1.41/networks/n1"), 2);
}

TEST_F(EngineViewTest, AfterTheLastThatIsWantedNoLookIsShown) {
  docker_.give("/v1.41/networks", web_listed);
  docker_.give(all_containers, app_on_web);
  join_app();
  int shown = 0;
  view_.show_looks_to(
      [&shown](DockerInventory const&) {
        ++shown;
        return false;
      },
      [](DockerInventory const&) { return std::set<NetworkId>(); });
  start();
  run_until([this] { return was_asked(all_containers) > 2; });
  EXPECT_EQ(shown, 1);
}

TEST_F(EngineViewTest, LearnsTheNameOfANetworkThatTheEngineListsLater) {
  docker_.on("/v1.41/networks/n1",
             {{api_reply(404, "")}, {api_reply(404, "")}, {api_reply(200, web_with_app)}});
  start();
  ASSERT_OK(driver_.create_network(network_that_wants_to_know(web)));
  view_.created(web);
  run_until([this] { return was_written("save known network n1"); });
  EXPECT_EQ(view_.title(web), "web (n1)");
}

TEST_F(EngineViewTest, ForgetsANetworkThatIsDeletedBeforeItsNameIsKnown) {
  docker_.give("/v1.41/networks/n1", web_with_app);
  docker_.give("/v1.41/networks/n2", R"({"Id":"n2","Name":"db"})");
  start();
  view_.created(web);
  view_.deleted(web);
  view_.created({"n2"});
  run_until([this] { return was_written("save known network n2"); });
  EXPECT_FALSE(was_written("save known network n1"));
  EXPECT_EQ(view_.title(web), "n1");
}

TEST_F(EngineViewTest, ListsNetworksAgainWhenTheHostsRoutesChanged) {
  join_app();
  docker_.on("/v1.41/networks", {{api_reply(200, "[]")}});
  start();
  bool told = false;
  run_until([&] {
    if (!told) {
      told = true;
      docker_.give("/v1.41/networks", bridge_listed);
      view_.networks_changed();
    }
    return store_.contents.known_networks.contains({"b0"});
  });
  EXPECT_EQ(store_.contents.known_networks.at({"b0"}), docker0);
}

TEST_F(EngineViewTest, LearnsWhatAMemberIs) {
  docker_.give("/v1.41/networks/n1", web_with_app);
  docker_.give("/v1.41" + path_of_containers("app"), app_of_shop);
  join_app();
  start();
  view_.joined(web, app);
  run_until([this] { return app_is_known(); });
  EXPECT_EQ(marks_of_app().container, "app");
  EXPECT_EQ(marks_of_app().project, "shop");
  EXPECT_EQ(store_.contents.endpoints.at(app).marks, marks_of_app());
}

TEST_F(EngineViewTest, LearnsAtTheStartWhatItMissed) {
  docker_.give("/v1.41/networks", web_listed);
  docker_.give("/v1.41/networks/n1", web_with_app);
  docker_.give("/v1.41" + path_of_containers("app"), app_of_shop);
  join_app();
  start();
  run_until([this] { return app_is_known(); });
  EXPECT_EQ(marks_of_app().project, "shop");
}

TEST_F(EngineViewTest, LearnsAtTheStartThatAContainerHasAnotherName) {
  docker_.give("/v1.41/networks", web_listed);
  docker_.give("/v1.41/networks/n1", web_with_app);
  docker_.give("/v1.41" + path_of_containers("app"), app_of_shop);
  join_app();
  driver_.learn_member(app, web, {"former", {}});
  start();
  run_until([this] { return marks_of_app().container != "former"; });
  EXPECT_EQ(marks_of_app().container, "app");
}

TEST_F(EngineViewTest, EndsAGroupThatIsOpenBeforeItWrites) {
  docker_.give("/v1.41/networks", bridge_listed);
  bool answered = false;
  group_.add([] { return CommitGroup::Outcome(""); }, [&](auto const&) { answered = true; });
  start();
  run_until([this] { return !store_.contents.known_networks.empty(); });
  EXPECT_TRUE(answered);
}

TEST_F(EngineViewTest, LearnsWhatAMemberIsOnceItIsPublished) {
  docker_.give("/v1.41/networks/n1", web_with_app);
  docker_.give("/v1.41" + path_of_containers("app"), app_of_shop);
  join_app();
  start();
  view_.published(web, app);
  run_until([this] { return app_is_known(); });
  EXPECT_EQ(marks_of_app().container, "app");
}

TEST_F(EngineViewTest, DoesNotAskForAMemberAgainThatItKnows) {
  docker_.give("/v1.41/networks/n1", web_with_app);
  docker_.give("/v1.41/networks/n2", R"({"Id":"n2","Name":"db"})");
  docker_.give("/v1.41/networks", web_listed);
  docker_.give(all_containers, app_on_web);
  join_app();
  driver_.learn_member(app, web, {"app", {}});
  start();
  view_.published(web, app);
  view_.created({"n2"});  // is asked for later than endpoints are
  run_until([this] { return was_written("save known network n2"); });
  std::vector<std::string> const asked = docker_.asked();
  EXPECT_EQ(std::count(asked.begin(), asked.end(), "/v1.41/networks/n1"), 0);
}

TEST_F(EngineViewTest, KnowsARenamedContainerByItsNewNameAtTheNextLook) {
  docker_.give("/v1.41/networks", web_listed);
  docker_.give("/v1.41/networks/n1", web_with_app);
  docker_.give("/v1.41" + path_of_containers("app"), app_of_shop);
  join_app();
  driver_.learn_member(app, web, {"app", {}});
  EXPECT_EQ(view_.container_of(web, app), "app") << "what the store knows, before any look";
  std::string renamed(app_on_web);
  docker_.on(all_containers, {{api_reply(200, app_on_web)},
                              {api_reply(200, renamed.replace(renamed.find("/app"), 4, "/new"))}});
  start();
  run_until([this] { return view_.container_of(web, app) == "new"; });
  EXPECT_EQ(view_.name_of(web), "web");
}

TEST_F(EngineViewTest, ReleasesANetworkThatDockerDoesNotHave) {
  docker_.give("/v1.41/networks", bridge_listed);
  join_app();
  kernel_.state.veths.clear();  // the pair went with its sandbox
  start();
  run_until([this] { return driver_.network_count() == 0; });
  EXPECT_TRUE(store_.contents.networks.empty());
  EXPECT_TRUE(store_.contents.endpoints.empty());
  std::vector<std::string> const asked = docker_.asked();
  EXPECT_GE(std::count(asked.begin(), asked.end(), all_containers), 2) << "two looks";
  EXPECT_GE(std::count(asked.begin(), asked.end(), "/v1.41/networks/n1"), 2) << "confirmed";
}

TEST_F(EngineViewTest, KeepsANetworkThatAContainerRunsIn) {
  docker_.give("/v1.41/networks", bridge_listed);
  join_app();
  start();
  run_until([this] { return was_asked("/v1.41/networks/n1") >= 4; });
  EXPECT_EQ(driver_.network_count(), 1U);
  EXPECT_EQ(driver_.endpoint_count(), 1U);
}

TEST_F(EngineViewTest, KeepsANetworkWhileTheKernelDoesNotSayWhetherAContainerRunsInIt) {
  docker_.give("/v1.41/networks", bridge_listed);
  join_app();
  kernel_.is_blind = true;
  start();
  run_until([this] { return was_asked("/v1.41/networks/n1") >= 4; });
  EXPECT_EQ(driver_.network_count(), 1U);
}

TEST_F(EngineViewTest, KeepsANetworkThatTheEngineIsStillMaking) {
  docker_.give("/v1.41/networks", bridge_listed);
  start();
  ASSERT_OK(driver_.create_network(network_that_wants_to_know(web)));
  view_.created(web);
  run_until([this] { return was_asked(all_containers) >= 5; });
  EXPECT_EQ(driver_.network_count(), 1U);
}

TEST_F(EngineViewTest, ReleasesAnEndpointThatDockerDoesNotHave) {
  docker_.give("/v1.41/networks", web_listed);
  docker_.give("/v1.41/networks/n1", web_listed.substr(1, web_listed.size() - 2));
  join_app();
  start();
  run_until([this] { return driver_.endpoint_count() == 0; });
  EXPECT_EQ(driver_.network_count(), 1U);
}

TEST_F(EngineViewTest, KeepsAnEndpointThatTheListOfContainersDoesNotShowYet) {
  docker_.give("/v1.41/networks", web_listed);
  docker_.give("/v1.41/networks/n1", web_with_app);
  docker_.give("/v1.41" + path_of_containers("app"), app_of_shop);
  join_app();
  start();
  run_until([this] {
    std::vector<std::string> const asked = docker_.asked();
    return std::count(asked.begin(), asked.end(), all_containers) >= 5;
  });
  EXPECT_EQ(driver_.endpoint_count(), 1U);
}

TEST_F(EngineViewTest, LooksAgainOnceThereIsSomethingOfOurs) {
  start();
  bool is_made = false;
  run_until([&] {
    if (!is_made && was_asked(all_containers) == 1) {
      is_made = true;
      join_app();
      view_.created(web);
      return false;
    }
    return was_asked(all_containers) >= 3;
  });
  EXPECT_TRUE(is_made);
}

TEST_F(EngineViewTest, ReleasesLeasesThatDockerDoesNotHold) {
  docker_.give("/v1.41/networks", bridge_listed);
  HostRoutes const nothing_else;
  PoolRequest request;
  request.address_space = local_address_space;
  PoolId const pool = ipam_.request_pool(request, nothing_else)->pool.id;
  AddressRequest address;
  address.pool = pool;
  ASSERT_OK(ipam_.request_address(address));
  start();
  run_until([this] { return store_.contents.pools.empty(); });
  EXPECT_TRUE(ipam_.leases().empty());
  EXPECT_TRUE(store_.contents.leases.empty());
}

TEST_F(EngineViewTest, ReleasesNothingByOneLookWhenTheNextOnesFail) {
  join_app();
  kernel_.state.veths.clear();
  docker_.on("/v1.41/networks",
             {{api_reply(200, "[]")}, {api_reply(200, "[]")}, {api_reply(500, "")}});
  start();
  run_until([this] { return docker_.asked().size() >= 7; });
  EXPECT_EQ(driver_.network_count(), 1U);
}

TEST_F(EngineViewTest, NamesContainersWhileARequestWaits) {
  docker_.give("/v1.41/networks/n1", web_with_app);
  docker_.give("/v1.41/containers/json?all=1", R"([{"Names":["/app"]},{"Names":["/other"]}])");
  start();
  PublishRequest request{web, app, {}};
  view_.name_containers(request);
  view_.stop();
  EXPECT_EQ(request.container, "app");
  EXPECT_EQ(request.containers, (std::set<std::string>{"app", "other"}));
}

TEST_F(EngineViewTest, AsksNothingWithoutASocket) {
  PublishRequest request{web, app, {}};
  join_app();
  view_.created(web);
  view_.joined(web, app);
  view_.networks_changed();
  view_.name_containers(request);
  view_.published(web, app);
  view_.deleted(web);
  EXPECT_EQ(request.containers, std::nullopt);
  EXPECT_TRUE(docker_.asked().empty());
  EXPECT_EQ(view_.title(web), "n1");
}

}  // namespace
}  // namespace drawbridge
