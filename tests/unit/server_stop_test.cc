// What clients of a server that stops have asked is answered, and what is left waits for the next.
#include "plugin/server.h"
#include "plugin/unix_socket.h"
#include "tests/support/expect_ok.h"
#include "tests/support/running_server.h"
#include "tests/support/unix_client.h"

#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include <unistd.h>

namespace drawbridge {
namespace {

/// A server on a socket that listens before it runs and after it has stopped.
class ServerStopTest : public ServerTest {
 protected:
  ~ServerStopTest() override { stop(); }

  void inherit() {
    Result<UnixSocket> outer = UnixSocket::listen_on(socket());
    ASSERT_OK(outer);
    outer_ = outer->take_descriptor();
    file_.emplace(std::move(*outer));
  }

  void listen_with(Server& server) {
    Listener listener{{}, at_once(echo)};
    listener.inherited = FileDescriptor(::dup(outer_.get()));
    ASSERT_OK(server.listen(std::move(listener)));
  }

 private:
  FileDescriptor outer_;
  std::optional<UnixSocket> file_;
};

TEST_F(ServerStopTest, AnswersWhoConnectedBeforeItStopped) {
  server_.emplace();
  ASSERT_OK(server_->listen({socket(), at_once(echo)}));
  UnixClient client(socket());
  client.send(post_request("/a", "asked in time"));
  server_->stop();
  run();
  EXPECT_EQ(body_of(client.read_reply()), "/a asked in time");
  ended.get_future().wait();
}

TEST_F(ServerStopTest, AnswersWhoAsksRightAfterConnecting) {
  server_.emplace();
  ASSERT_OK(server_->listen({socket(), at_once(echo)}));
  UnixClient client(socket());
  server_->stop();
  run();
  client.send(post_request("/a", "just in time"));
  EXPECT_EQ(body_of(client.read_reply()), "/a just in time");
}

TEST_F(ServerStopTest, EndsIdleConnectionsInOrder) {
  start();
  UnixClient client(socket());
  client.send(post_request("/a", "1"));
  EXPECT_EQ(body_of(client.read_reply()), "/a 1");
  server_->stop();
  ended.get_future().wait();
  EXPECT_EQ(client.read_to_end(), "");
}

TEST_F(ServerStopTest, DoesNotWaitLongForWhoNeverAsks) {
  start();
  UnixClient const silent(socket());
  server_->stop();
  EXPECT_EQ(ended.get_future().wait_for(std::chrono::seconds(2)), std::future_status::ready);
}

TEST_F(ServerStopTest, LeavesToTheNextWhoWaitsAtAnInheritedSocket) {
  inherit();
  Server first;
  listen_with(first);
  UnixClient client(socket());
  client.send(post_request("/a", "asked in the gap"));
  first.stop();
  first.run({});
  listen_with(server_.emplace());
  run();
  EXPECT_EQ(body_of(client.read_reply()), "/a asked in the gap");
}

TEST_F(ServerStopTest, SaysOnTheCoreThreadThatItStops) {
  server_.emplace();
  ASSERT_OK(server_->listen({socket(), at_once(echo)}));
  std::thread::id said_on;
  CoreWork work;
  work.on_stop = [&] { said_on = std::this_thread::get_id(); };
  server_->stop();
  server_->run(work);
  EXPECT_EQ(said_on, std::this_thread::get_id());
}

}  // namespace
}  // namespace drawbridge
