#include "plugin/docker_worker.h"

#include "docker/containers.h"
#include "plugin/core_loop.h"
#include "tests/support/fake_engine.h"
#include "tests/support/temp_directory.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

namespace drawbridge {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds never_in_a_test{60'000};

/// Limits under which nothing takes long, and no engine that answers is given up on.
DockerWorkerLimits quick() {
  DockerWorkerLimits limits;
  limits.call = milliseconds(5'000);
  limits.list_again = milliseconds(2);
  limits.first_retry = milliseconds(1);
  limits.longest_retry = milliseconds(4);
  limits.gather = milliseconds(1);
  limits.network_pause = milliseconds(1);
  limits.longest_network_pause = milliseconds(4);
  return limits;
}

/// The test's thread is the core thread.
class DockerWorkerTest : public testing::Test {
 protected:
  std::filesystem::path socket() const { return directory_ / "d.sock"; }
  std::filesystem::path hidden_socket() const { return directory_ / "later.sock"; }
  /// The engine on the hidden socket becomes the one that the worker asks.
  void show_engine() const { std::filesystem::rename(hidden_socket(), socket()); }
  DockerWorker::Post post() {
    return [this](std::function<void()> task) { core_.post(std::move(task)); };
  }
  /// Runs what the worker posts, until a callback says core_.finish().
  void run_core() { core_.run(never_in_a_test, {}); }

  /// returns  a callback that writes the name down and ends the run with the last one
  DockerWorker::OnName note_name(std::string const& last) {
    return [this, last](EndpointName name) {
      notes_ += fmt::format("{} {} is {} on {}{}\n", name.network.value, name.endpoint.value,
                            name.container_name, name.network_name,
                            name.marks ? " of project " + name.marks->labels["project"] : "");
      ran_on_ = std::this_thread::get_id();
      if (name.endpoint.value == last) {
        core_.finish();
      }
    };
  }

  /// Looks, and again at once after each look that succeeded, until there were so many.
  void count_looks(DockerWorker& worker, int enough) {
    worker.on_look([this, enough, &worker](std::optional<DockerInventory> const& inventory) {
      ran_on_ = std::this_thread::get_id();
      if (!inventory) {
        notes_ += "no look\n";
        return;
      }
      notes_ += fmt::format("look {}: {} networks\n", ++looks_, inventory->networks.size());
      if (looks_ == enough) {
        core_.finish();
      } else {
        worker.look(milliseconds(2), no_doubts);
      }
    });
    worker.look(milliseconds(0), no_doubts);
  }
  static std::set<NetworkId> no_doubts(DockerInventory const&) { return {}; }

  /// returns  a callback that writes the network down and ends the run with the last one
  DockerWorker::OnNetwork note_network(std::string const& last) {
    return [this, last](KnownNetwork const& network) {
      notes_ += fmt::format("{} is {}\n", network.id.value, network.name);
      ran_on_ = std::this_thread::get_id();
      if (network.id.value == last) {
        core_.finish();
      }
    };
  }

  /// returns  a callback that counts lists and ends the run after so many; `more` is its answer
  DockerWorker::OnNetworks count_lists(int enough, bool more) {
    return [this, enough, more](std::vector<KnownNetwork> const& networks) {
      notes_ += fmt::format("list {}: {} networks\n", ++looks_, networks.size());
      ran_on_ = std::this_thread::get_id();
      if (looks_ == enough) {
        core_.finish();
      }
      return more;
    };
  }

  /// Ends the run once so many networks called "later" were found, each `network_pause` after the
  /// one before: what else is due meanwhile is done.
  void finish_after(int networks, DockerWorker& worker) {
    worker.find_network({"later"}, [this, networks, &worker](KnownNetwork const&) {
      if (networks == 1) {
        core_.finish();
      } else {
        finish_after(networks - 1, worker);
      }
    });
  }

  static std::string network_with(std::string const& endpoint, std::string const& name) {
    return fmt::format(R"({{"Id":"n1","Name":"web","Containers":{{"ep-{}":{{"Name":"{}"}}}}}})",
                       endpoint, name);
  }

  TempDirectory directory_;
  CoreLoop core_;
  std::string notes_;
  int looks_ = 0;
  std::thread::id ran_on_;
};

TEST_F(DockerWorkerTest, NamesAnEndpointOnTheCoreThread) {
  FakeEngine engine(socket());
  engine.give("/v1.41/networks/n1", network_with("e1", "app"));
  DockerWorker worker(socket(), post(), quick());
  worker.find_name({{"n1"}, {"e1"}}, note_name("e1"));
  run_core();
  EXPECT_EQ(notes_, "n1 e1 is app on web\n");
  EXPECT_EQ(ran_on_, std::this_thread::get_id());
}

TEST_F(DockerWorkerTest, NamesEndpointsInTheOrderOfTheirJoins) {
  FakeEngine engine(socket());
  engine.on("/v1.41/networks/n1", {{api_reply(200, network_with("e1", "a"))},
                                   {api_reply(200, network_with("e2", "b"))},
                                   {api_reply(200, network_with("e3", "c"))}});
  DockerWorker worker(socket(), post(), quick());
  for (std::string const endpoint : {"e1", "e2", "e3"}) {
    worker.find_name({{"n1"}, {endpoint}}, note_name("e3"));
  }
  run_core();
  EXPECT_EQ(notes_, "n1 e1 is a on web\nn1 e2 is b on web\nn1 e3 is c on web\n");
}

TEST_F(DockerWorkerTest, ForgetsEndpointsThatTheEngineDoesNotKnow) {
  FakeEngine engine(socket());
  engine.on("/v1.41/networks/gone", {{api_reply(404, "")}});
  engine.on("/v1.41/networks/bad", {{api_reply(200, "oops")}});
  engine.give("/v1.41/networks/n1", network_with("e1", "app"));
  DockerWorker worker(socket(), post(), quick());
  worker.find_name({{"gone"}, {"e0"}}, note_name(""));
  worker.find_name({{"bad"}, {"e0"}}, note_name(""));
  worker.find_name({{"n1"}, {"e0"}}, note_name(""));
  worker.find_name({{"n1"}, {"e1"}}, note_name("e1"));
  run_core();
  EXPECT_EQ(notes_, "n1 e1 is app on web\n");
}

TEST_F(DockerWorkerTest, NamesEndpointsOnceTheEngineAnswers) {
  DockerWorkerLimits limits = quick();
  limits.call = milliseconds(20);
  FakeEngine engine(socket());
  engine.on("/v1.41/networks/n1",
            {{"", milliseconds(0), true}, {""}, {api_reply(200, network_with("e1", "app"))}});
  DockerWorker worker(socket(), post(), limits);
  worker.find_name({{"n1"}, {"e1"}}, note_name("e1"));
  run_core();
  EXPECT_EQ(notes_, "n1 e1 is app on web\n");
}

TEST_F(DockerWorkerTest, DropsTheNewestWhenTooManyWait) {
  FakeEngine engine(hidden_socket());
  engine.on("/v1.41/networks/n1",
            {{api_reply(200, network_with("e1", "a"))}, {api_reply(200, network_with("e2", "b"))}});
  DockerWorkerLimits limits = quick();
  limits.queue = 2;
  DockerWorker worker(socket(), post(), limits);
  for (std::string const endpoint : {"e1", "e2", "e3"}) {
    worker.find_name({{"n1"}, {endpoint}}, note_name("e2"));
  }
  show_engine();
  run_core();
  EXPECT_EQ(notes_, "n1 e1 is a on web\nn1 e2 is b on web\n");
  EXPECT_EQ(engine.asked().size(), 3u) << "the version and two networks";
}

TEST_F(DockerWorkerTest, AsksForLabelsWhereTheyAreWanted) {
  FakeEngine engine(socket());
  std::string const containers = "/v1.41" + path_of_containers("app");
  engine.on("/v1.41/networks/n1", {{api_reply(200, network_with("e1", "app"))},
                                   {api_reply(200, network_with("e2", "app"))}});
  engine.give(containers, R"([{"Names":["/app"],"Labels":{"project":"shop"}}])");
  DockerWorker worker(socket(), post(), quick());
  worker.find_name({{"n1"}, {"e1"}, true}, note_name("e2"));
  worker.find_name({{"n1"}, {"e2"}, false}, note_name("e2"));
  run_core();
  EXPECT_EQ(notes_, "n1 e1 is app on web of project shop\nn1 e2 is app on web\n");
  std::vector<std::string> const asked = engine.asked();
  EXPECT_EQ(std::count(asked.begin(), asked.end(), containers), 1);
}

TEST_F(DockerWorkerTest, NamesAnEndpointWhoseContainerIsGone) {
  FakeEngine engine(socket());
  engine.give("/v1.41/networks/n1", network_with("e1", "app"));
  engine.give("/v1.41" + path_of_containers("app"), "[]");
  DockerWorker worker(socket(), post(), quick());
  worker.find_name({{"n1"}, {"e1"}, true}, note_name("e1"));
  run_core();
  EXPECT_EQ(notes_, "n1 e1 is app on web\n");
}

TEST_F(DockerWorkerTest, AsksForLabelsAgainUntilTheEngineAnswers) {
  FakeEngine engine(socket());
  engine.give("/v1.41/networks/n1", network_with("e1", "app"));
  engine.on("/v1.41" + path_of_containers("app"),
            {{""}, {api_reply(200, R"([{"Names":["/app"],"Labels":{"project":"shop"}}])")}});
  DockerWorker worker(socket(), post(), quick());
  worker.find_name({{"n1"}, {"e1"}, true}, note_name("e1"));
  run_core();
  EXPECT_EQ(notes_, "n1 e1 is app on web of project shop\n");
}

TEST_F(DockerWorkerTest, FindsANetworkOnceTheEngineListsIt) {
  FakeEngine engine(socket());
  engine.on("/v1.41/networks/n1", {{api_reply(404, "")},
                                   {""},
                                   {api_reply(404, "")},
                                   {api_reply(200, network_with("e1", "app"))}});
  DockerWorker worker(socket(), post(), quick());
  worker.find_network({"n1"}, note_network("n1"));
  run_core();
  EXPECT_EQ(notes_, "n1 is web\n");
  EXPECT_EQ(ran_on_, std::this_thread::get_id());
}

TEST_F(DockerWorkerTest, ForgetsANetworkThatNeverAppears) {
  DockerWorkerLimits limits = quick();
  limits.network_wait = milliseconds(0);
  FakeEngine engine(socket());
  engine.on("/v1.41/networks/n0", {{api_reply(404, "")}});
  engine.on("/v1.41/networks/bad", {{api_reply(200, "oops")}});
  engine.give("/v1.41/networks/later", R"({"Id":"later"})");
  DockerWorker worker(socket(), post(), limits);
  worker.find_network({"n0"}, note_network(""));
  worker.find_network({"bad"}, note_network(""));
  finish_after(5, worker);
  run_core();
  std::vector<std::string> const asked = engine.asked();
  EXPECT_EQ(std::count(asked.begin(), asked.end(), "/v1.41/networks/n0"), 1);
  EXPECT_EQ(std::count(asked.begin(), asked.end(), "/v1.41/networks/bad"), 1);
  EXPECT_EQ(notes_, "");
}

TEST_F(DockerWorkerTest, DropsTheNewestNetworkWhenTooManyWait) {
  DockerWorkerLimits limits = quick();
  limits.queue = 2;
  FakeEngine engine(hidden_socket());
  for (std::string const network : {"n1", "n2", "n3", "later"}) {
    engine.give("/v1.41/networks/" + network, fmt::format(R"({{"Id":"{}"}})", network));
  }
  DockerWorker worker(socket(), post(), limits);
  worker.find_network({"n1"}, note_network(""));
  worker.find_network({"n2"}, [&](KnownNetwork const&) { finish_after(5, worker); });
  worker.find_network({"n3"}, note_network(""));
  show_engine();
  run_core();
  EXPECT_EQ(notes_, "n1 is \n");
}

TEST_F(DockerWorkerTest, ListsNetworksWhileTheyAreWanted) {
  FakeEngine engine(socket());
  engine.on(
      "/v1.41/networks",
      {{api_reply(200, "[]")}, {api_reply(500, "")}, {""}, {api_reply(200, R"([{"Id":"n1"}])")}});
  DockerWorker worker(socket(), post(), quick());
  worker.watch_networks(count_lists(3, true));
  run_core();
  EXPECT_EQ(notes_, "list 1: 0 networks\nlist 2: 1 networks\nlist 3: 1 networks\n");
  EXPECT_EQ(ran_on_, std::this_thread::get_id());
}

TEST_F(DockerWorkerTest, ListsNetworksAgainWhenTheyChanged) {
  FakeEngine engine(socket());
  engine.on("/v1.41/networks", {{api_reply(200, "[]")}, {api_reply(200, R"([{"Id":"n1"}])")}});
  DockerWorker worker(socket(), post(), quick());
  worker.watch_networks([&](std::vector<KnownNetwork> const& networks) {
    notes_ += fmt::format("{} networks\n", networks.size());
    if (networks.empty()) {
      worker.networks_changed();
    } else {
      core_.finish();
    }
    return false;
  });
  run_core();
  EXPECT_EQ(notes_, "0 networks\n1 networks\n");
}

TEST_F(DockerWorkerTest, ListsNetworksOnceTheEngineAnswersOthers) {
  DockerWorkerLimits limits = quick();
  limits.first_retry = limits.longest_retry = never_in_a_test;
  FakeEngine engine(socket());
  engine.on("/v1.41/networks", {{""}, {api_reply(200, "[]")}});
  engine.give("/v1.41/networks/n1", network_with("e1", "app"));
  DockerWorker worker(socket(), post(), limits);
  worker.watch_networks(count_lists(1, false));
  while (engine.asked().size() < 2) {
    std::this_thread::yield();
  }
  worker.find_name({{"n1"}, {"e1"}}, note_name(""));
  run_core();
  EXPECT_EQ(notes_, "n1 e1 is app on web\nlist 1: 0 networks\n");
}

TEST_F(DockerWorkerTest, ListsNetworksOnceForChangesThatComeTogether) {
  DockerWorkerLimits limits = quick();
  limits.gather = milliseconds(30);
  limits.network_pause = milliseconds(10);
  FakeEngine engine(socket());
  engine.give("/v1.41/networks", "[]");
  engine.give("/v1.41/networks/later", R"({"Id":"later"})");
  DockerWorker worker(socket(), post(), limits);
  worker.watch_networks([&](std::vector<KnownNetwork> const&) {
    for (int i = 0; i < 10 && looks_ == 0; ++i) {
      worker.networks_changed();
    }
    if (++looks_ == 2) {
      finish_after(5, worker);
    }
    return false;
  });
  auto const begin = std::chrono::steady_clock::now();
  run_core();
  EXPECT_GE(std::chrono::steady_clock::now() - begin, limits.gather);
  std::vector<std::string> const asked = engine.asked();
  EXPECT_EQ(std::count(asked.begin(), asked.end(), "/v1.41/networks"), 2);
}

TEST_F(DockerWorkerTest, ListsNoNetworksThatNobodyWants) {
  FakeEngine engine(socket());
  engine.give("/v1.41/networks", "[]");
  engine.give("/v1.41/networks/later", R"({"Id":"later"})");
  DockerWorker worker(socket(), post(), quick());
  worker.watch_networks([&](std::vector<KnownNetwork> const&) {
    finish_after(5, worker);
    return false;
  });
  run_core();
  std::vector<std::string> const asked = engine.asked();
  EXPECT_EQ(std::count(asked.begin(), asked.end(), "/v1.41/networks"), 1);
}

TEST_F(DockerWorkerTest, LooksUntilItHasSeenEnough) {
  FakeEngine engine(socket());
  engine.give("/v1.41/containers/json?all=1", "[]");
  engine.give("/v1.41/networks", R"([{"Id":"n1"}])");
  DockerWorker worker(socket(), post(), quick());
  count_looks(worker, 3);
  run_core();
  EXPECT_EQ(notes_, "look 1: 1 networks\nlook 2: 1 networks\nlook 3: 1 networks\n");
  EXPECT_EQ(ran_on_, std::this_thread::get_id());
}

TEST_F(DockerWorkerTest, TellsOfLooksThatFailAndTriesAgain) {
  FakeEngine engine(socket());
  engine.give("/v1.41/containers/json?all=1", "[]");
  engine.on("/v1.41/networks", {{api_reply(200, "[]")},
                                {api_reply(500, "")},
                                {""},
                                {api_reply(200, "oops")},
                                {api_reply(200, R"([{"Id":"n1"}])")}});
  DockerWorker worker(socket(), post(), quick());
  count_looks(worker, 2);
  run_core();
  EXPECT_EQ(notes_, "look 1: 0 networks\nno look\nno look\nno look\nlook 2: 1 networks\n");
}

TEST_F(DockerWorkerTest, AsksForWhatIsInDoubtBeforeItTellsOfALook) {
  FakeEngine engine(socket());
  engine.give("/v1.41/networks", R"([{"Id":"n1"}])");
  engine.give("/v1.41/containers/json?all=1", "[]");
  engine.on("/v1.41/networks/n1", {{api_reply(500, "")}, {api_reply(404, "")}});
  DockerWorker worker(socket(), post(), quick());
  worker.on_look([this](std::optional<DockerInventory> const& inventory) {
    notes_ += inventory ? fmt::format("{} networks\n", inventory->networks.size()) : "no look\n";
    if (inventory) {
      core_.finish();
    }
  });
  worker.look(milliseconds(0), [](auto const&) { return std::set<NetworkId>{{"n1"}}; });
  run_core();
  EXPECT_EQ(notes_, "no look\n0 networks\n");
}

TEST_F(DockerWorkerTest, LooksOnceTheEngineIsThere) {
  FakeEngine engine(hidden_socket());
  engine.give("/v1.41/containers/json?all=1", "[]");
  engine.give("/v1.41/networks", "[]");
  DockerWorker worker(socket(), post(), quick());
  count_looks(worker, 1);
  show_engine();
  run_core();
  EXPECT_TRUE(notes_.ends_with("look 1: 0 networks\n")) << notes_;
}

TEST_F(DockerWorkerTest, NamesEndpointsBetweenFailingLooks) {
  FakeEngine engine(socket());
  engine.on("/v1.41/networks", {{api_reply(500, "")}});
  engine.give("/v1.41/networks/n1", network_with("e1", "app"));
  DockerWorker worker(socket(), post(), quick());
  count_looks(worker, 1);
  worker.find_name({{"n1"}, {"e1"}}, note_name("e1"));
  run_core();
  EXPECT_NE(notes_.find("n1 e1 is app on web\n"), std::string::npos) << notes_;
}

TEST_F(DockerWorkerTest, StopsWhileItWaits) {
  DockerWorkerLimits limits = quick();
  limits.first_retry = limits.longest_retry = never_in_a_test;
  DockerWorker worker(socket(), post(), limits);
  count_looks(worker, 1);
  worker.find_name({{"n1"}, {"e1"}}, note_name("e1"));
}

TEST_F(DockerWorkerTest, StopsWithTheCallInProgress) {
  DockerWorkerLimits limits = quick();
  limits.call = milliseconds(50);
  FakeEngine engine(socket());
  engine.on("/v1.41/networks", {{"", milliseconds(0), true}});
  {
    DockerWorker worker(socket(), post(), limits);
    count_looks(worker, 1);
    while (engine.asked().size() < 2) {
      std::this_thread::yield();
    }
  }
  std::vector<std::string> const asked = engine.asked();
  EXPECT_EQ(std::count(asked.begin(), asked.end(), "/v1.41/containers/json?all=1"), 0);
  EXPECT_EQ(notes_, "");
}

}  // namespace
}  // namespace drawbridge
