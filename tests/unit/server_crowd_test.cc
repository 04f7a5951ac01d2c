// Many connections at once through server, router and commit group: what several threads touch.
#include "plugin/commit_group.h"
#include "plugin/router.h"
#include "tests/support/fake_store.h"
#include "tests/support/running_server.h"
#include "tests/support/unix_client.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

namespace drawbridge {
namespace {

constexpr int connections = 200;
constexpr int rounds = 3;

/// Leases are saved in groups, networks each by itself, as the two protocols of the plugin are.
class ServerCrowdTest : public ServerTest {
 protected:
  ServerCrowdTest() {
    auto const save_pool = [this](Call& call) {
      return saved(Pool{{std::string(call.body)}, "", {}, {}});
    };
    router_.add("/lease", {ErrorKey::error, LogAs::debug, save_pool, Commit::in_group});
    router_.add("/network", {ErrorKey::err, LogAs::debug, save_pool});
  }
  ~ServerCrowdTest() override { stop_crowd(); }

  Result<std::string> saved(Pool const& pool) {
    Result<void> const done = store_.save(pool);
    return done ? Result<std::string>(pool.id.value) : fail(done.error());
  }

  void serve() {
    server_.emplace();
    auto const handle = [this](HttpRequest const& request, Answer answer) {
      router_.handle(request, std::move(answer));
    };
    ASSERT_OK(server_->listen({socket(), handle}));
    core_ = std::thread([this] {
      CoreWork work;
      work.on_drained = [this] { group_.finish(); };
      work.on_idle = [] { return false; };
      work.idle_after = std::chrono::milliseconds(1);
      server_->run(work);
    });
  }

  void stop_crowd() {
    if (core_.joinable()) {
      server_->stop();
      core_.join();
    }
  }

  /// One client's requests, each of which must get its own answer.
  void ask(int number) {
    UnixClient client(socket());
    for (int round = 0; round < rounds; ++round) {
      for (char const* path : {"/lease", "/network"}) {
        std::string const body = fmt::format("{}-{}-{}", path, number, round);
        client.send(post_request(path, body));
        right_answers_ += body_of(client.read_reply()) == body ? 1 : 0;
      }
    }
  }

  FakeStore store_;
  CommitGroup group_{store_, [] {}};
  Router router_{group_};
  std::atomic<int> right_answers_{0};

 private:
  std::thread core_;
};

TEST_F(ServerCrowdTest, TwoHundredClientsAtOnceEachGetTheirOwnAnswers) {
  serve();
  std::vector<std::thread> clients;
  clients.reserve(connections);
  for (int number = 0; number < connections; ++number) {
    clients.emplace_back([this, number] { ask(number); });
  }
  for (std::thread& client : clients) {
    client.join();
  }
  stop_crowd();
  constexpr int all = connections * rounds * 2;
  EXPECT_EQ(right_answers_, all);
  EXPECT_EQ(store_.contents.pools.size(), static_cast<std::size_t>(all));
}

}  // namespace
}  // namespace drawbridge
