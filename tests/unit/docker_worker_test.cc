#include "plugin/docker_worker.h"

#include "plugin/core_loop.h"
#include "tests/support/fake_engine.h"
#include "tests/support/temp_directory.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
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
  limits.look_again = milliseconds(2);
  limits.first_retry = milliseconds(1);
  limits.longest_retry = milliseconds(4);
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
    return [this, last](EndpointName const& name) {
      notes_ += fmt::format("{} {} is {} on {}\n", name.network.value, name.endpoint.value,
                            name.container_name, name.network_name);
      ran_on_ = std::this_thread::get_id();
      if (name.endpoint.value == last) {
        core_.finish();
      }
    };
  }

  /// returns  a callback that counts looks and has had enough after so many
  DockerWorker::OnLook count_looks(int enough) {
    return [this, enough](DockerInventory const& inventory) {
      notes_ += fmt::format("look {}: {} networks\n", ++looks_, inventory.networks.size());
      ran_on_ = std::this_thread::get_id();
      if (looks_ == enough) {
        core_.finish();
      }
      return looks_ < enough;
    };
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
  worker.find_name({"n1"}, {"e1"}, note_name("e1"));
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
    worker.find_name({"n1"}, {endpoint}, note_name("e3"));
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
  worker.find_name({"gone"}, {"e0"}, note_name(""));
  worker.find_name({"bad"}, {"e0"}, note_name(""));
  worker.find_name({"n1"}, {"e0"}, note_name(""));
  worker.find_name({"n1"}, {"e1"}, note_name("e1"));
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
  worker.find_name({"n1"}, {"e1"}, note_name("e1"));
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
    worker.find_name({"n1"}, {endpoint}, note_name("e2"));
  }
  show_engine();
  run_core();
  EXPECT_EQ(notes_, "n1 e1 is a on web\nn1 e2 is b on web\n");
  EXPECT_EQ(engine.asked().size(), 3u) << "the version and two networks";
}

TEST_F(DockerWorkerTest, LooksUntilItHasSeenEnough) {
  FakeEngine engine(socket());
  engine.give("/v1.41/networks", R"([{"Id":"n1"}])");
  DockerWorker worker(socket(), post(), quick());
  worker.look(count_looks(3));
  run_core();
  EXPECT_EQ(notes_, "look 1: 1 networks\nlook 2: 1 networks\nlook 3: 1 networks\n");
  EXPECT_EQ(ran_on_, std::this_thread::get_id());
}

TEST_F(DockerWorkerTest, CountsOnlyLooksThatSucceed) {
  FakeEngine engine(socket());
  engine.on("/v1.41/networks", {{api_reply(200, "[]")},
                                {api_reply(500, "")},
                                {""},
                                {api_reply(200, "oops")},
                                {api_reply(200, R"([{"Id":"n1"}])")}});
  DockerWorker worker(socket(), post(), quick());
  worker.look(count_looks(2));
  run_core();
  EXPECT_EQ(notes_, "look 1: 0 networks\nlook 2: 1 networks\n");
}

TEST_F(DockerWorkerTest, LooksOnceTheEngineIsThere) {
  FakeEngine engine(hidden_socket());
  engine.give("/v1.41/networks", "[]");
  DockerWorker worker(socket(), post(), quick());
  worker.look(count_looks(1));
  show_engine();
  run_core();
  EXPECT_EQ(notes_, "look 1: 0 networks\n");
}

TEST_F(DockerWorkerTest, NamesEndpointsBetweenFailingLooks) {
  FakeEngine engine(socket());
  engine.on("/v1.41/networks", {{api_reply(500, "")}});
  engine.give("/v1.41/networks/n1", network_with("e1", "app"));
  DockerWorker worker(socket(), post(), quick());
  worker.look(count_looks(1));
  worker.find_name({"n1"}, {"e1"}, note_name("e1"));
  run_core();
  EXPECT_EQ(notes_, "n1 e1 is app on web\n");
}

TEST_F(DockerWorkerTest, StopsWhileItWaits) {
  DockerWorkerLimits limits = quick();
  limits.first_retry = limits.longest_retry = never_in_a_test;
  DockerWorker worker(socket(), post(), limits);
  worker.look(count_looks(1));
  worker.find_name({"n1"}, {"e1"}, note_name("e1"));
}

TEST_F(DockerWorkerTest, StopsWithTheCallInProgress) {
  DockerWorkerLimits limits = quick();
  limits.call = milliseconds(50);
  FakeEngine engine(socket());
  engine.give("/v1.41/networks", R"([{"Id":"a","IPAM":{"Config":[{"Subnet":"10.1.0.0/16"}]}},
                                   {"Id":"b","IPAM":{"Config":[{"Subnet":"10.2.0.0/16"}]}}])");
  engine.on("/v1.41/networks/a", {{"", milliseconds(0), true}});
  {
    DockerWorker worker(socket(), post(), limits);
    worker.look(count_looks(1));
    while (engine.asked().size() < 3) {
      std::this_thread::yield();
    }
  }
  std::vector<std::string> const asked = engine.asked();
  EXPECT_EQ(std::count(asked.begin(), asked.end(), "/v1.41/networks/b"), 0);
  EXPECT_EQ(notes_, "");
}

}  // namespace
}  // namespace drawbridge
