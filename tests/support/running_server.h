// A server on a socket of its own, and handlers for it.
#pragma once

#include "plugin/server.h"
#include "tests/support/expect_ok.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <future>
#include <optional>
#include <thread>
#include <utility>

namespace drawbridge {

/// Replies with the path and the body.
inline HttpReply echo(HttpRequest const& request) {
  return {200, request.path + " " + request.body};
}

/// A handler that says when it has been entered, and waits to be let go.
struct Gate {
  std::promise<void> entered;
  std::promise<void> open;

  std::function<HttpReply(HttpRequest const&)> handler() {
    return [this](HttpRequest const& request) {
      if (request.path == "/wait") {
        entered.set_value();
        open.get_future().wait();
      }
      return echo(request);
    };
  }
};

/// The thread that runs the server is its core thread.
class ServerTest : public testing::Test {
 protected:
  ~ServerTest() override { stop(); }

  void start(std::function<HttpReply(HttpRequest const&)> reply = echo, ServerLimits limits = {}) {
    server_.emplace(limits);
    ASSERT_OK(server_->listen({socket(), at_once(std::move(reply))}));
    run();
  }

  void run() {
    core_ = std::thread([this] {
      CoreWork work;
      work.on_hangup = [this] { hung_up.set_value(); };
      server_->run(work);
      ended.set_value();
    });
  }

  void stop() {
    if (core_.joinable()) {
      server_->stop();
      core_.join();
    }
  }

  std::filesystem::path socket() const { return directory / "p.sock"; }

  TempDirectory directory;
  std::optional<Server> server_;
  std::promise<void> hung_up;
  std::promise<void> ended;

 private:
  std::thread core_;
};

}  // namespace drawbridge
