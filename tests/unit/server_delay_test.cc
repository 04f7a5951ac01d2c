// Answers that are put off: connections wait for them without harm, whatever else happens.
#include "plugin/server.h"
#include "tests/support/expect_ok.h"
#include "tests/support/running_server.h"
#include "tests/support/unix_client.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>
#include <utility>

namespace drawbridge {
namespace {

/// A server that puts the answer to /later off until the test says so.
class ServerDelayTest : public ServerTest {
 protected:
  ServerDelayTest() {
    server_.emplace();
    EXPECT_OK(server_->listen({socket(), [this](HttpRequest const& request, Answer answer) {
                                 take(request, std::move(answer));
                               }}));
    run();
  }
  ~ServerDelayTest() override { stop(); }

  void go_on() {
    server_->post([this] { put_off_(HttpReply{200, "late"}); });
  }

  std::promise<void> is_put_off_;

 private:
  void take(HttpRequest const& request, Answer answer) {
    if (request.path != "/later") {
      answer(echo(request));
      return;
    }
    put_off_ = std::move(answer);
    is_put_off_.set_value();
  }

  Answer put_off_;  // the core thread's
};

TEST_F(ServerDelayTest, OtherConnectionsAreServedMeanwhile) {
  UnixClient waiting(socket());
  waiting.send(post_request("/later"));
  is_put_off_.get_future().wait();
  UnixClient other(socket());
  other.send(post_request("/a", "1"));
  EXPECT_EQ(body_of(other.read_reply()), "/a 1");
  go_on();
  EXPECT_EQ(body_of(waiting.read_reply()), "late");
  waiting.send(post_request("/a", "2"));
  EXPECT_EQ(body_of(waiting.read_reply()), "/a 2") << "the connection goes on";
}

TEST_F(ServerDelayTest, WhoClosesMeanwhileDoesNoHarm) {
  {
    UnixClient gone(socket());
    gone.send(post_request("/later"));
    is_put_off_.get_future().wait();
  }
  go_on();
  UnixClient other(socket());
  other.send(post_request("/a", "1"));
  EXPECT_EQ(body_of(other.read_reply()), "/a 1");
}

TEST_F(ServerDelayTest, AStopWaitsForWhatIsPutOff) {
  UnixClient waiting(socket());
  waiting.send(post_request("/later"));
  is_put_off_.get_future().wait();
  server_->stop();
  UnixClient second(socket());  // is served until the stop begins, and cut off by it
  EXPECT_EQ(second.read_to_end(), "");
  go_on();
  EXPECT_EQ(body_of(waiting.read_reply()), "late");
  EXPECT_EQ(ended.get_future().wait_for(std::chrono::seconds(5)), std::future_status::ready);
}

}  // namespace
}  // namespace drawbridge
