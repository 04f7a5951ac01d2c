#include "plugin/server.h"

#include "plugin/unix_socket.h"
#include "tests/support/running_server.h"
#include "tests/support/unix_client.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <csignal>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include <unistd.h>

namespace drawbridge {
namespace {

TEST_F(ServerTest, AnswersARequest) {
  start();
  UnixClient client(socket());
  client.send(post_request("/a", "hello"));
  EXPECT_EQ(client.read_reply(),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 8\r\n"
            "Connection: keep-alive\r\n\r\n/a hello");
}

TEST_F(ServerTest, KeepsAConnectionOpen) {
  start();
  UnixClient client(socket());
  for (std::string const body : {"one", "two", "three"}) {
    client.send(post_request("/a", body));
    EXPECT_EQ(body_of(client.read_reply()), "/a " + body);
  }
}

TEST_F(ServerTest, AnswersPipelinedRequestsInOrder) {
  start();
  UnixClient client(socket());
  client.send(post_request("/a", "1") + post_request("/b", "2") + post_request("/c", "3"));
  EXPECT_EQ(body_of(client.read_reply()), "/a 1");
  EXPECT_EQ(body_of(client.read_reply()), "/b 2");
  EXPECT_EQ(body_of(client.read_reply()), "/c 3");
}

TEST_F(ServerTest, AnswersAClientThatHasFinishedSending) {
  start();
  UnixClient client(socket());
  client.send(post_request("/a", "last words"));
  client.end_sending();
  EXPECT_EQ(body_of(client.read_to_end()), "/a last words");
}

TEST_F(ServerTest, ClosesWhenTheClientAsksForIt) {
  start();
  UnixClient client(socket());
  client.send("GET /a HTTP/1.1\r\nConnection: close\r\n\r\n");
  std::string const reply = client.read_to_end();
  EXPECT_NE(reply.find("Connection: close"), std::string::npos);
  EXPECT_EQ(body_of(reply), "/a ");
}

TEST_F(ServerTest, TakesTheLargestBody) {
  std::size_t size = 0;
  start([&size](HttpRequest const& request) {
    size = request.body.size();
    return HttpReply{};
  });
  UnixClient client(socket());
  client.send(post_request("/a", std::string(max_body_bytes, 'x')));
  EXPECT_EQ(status_of(client.read_reply()), 200);
  EXPECT_EQ(size, max_body_bytes);
}

TEST_F(ServerTest, ServesTwoHundredConnectionsAtOnce) {
  start();
  std::vector<UnixClient> clients;
  for (int i = 0; i < 200; ++i) {
    clients.emplace_back(socket());
    ASSERT_TRUE(clients.back().is_connected());
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    clients[i].send(post_request("/a", std::to_string(i)));
  }
  for (std::size_t i = 0; i < clients.size(); ++i) {
    EXPECT_EQ(body_of(clients[i].read_reply()), fmt::format("/a {}", i));
  }
}

TEST_F(ServerTest, HandlesOneRequestAtATimeOnTheCoreThread) {
  int inside = 0;
  bool overlapped = false;
  start([&](HttpRequest const& request) {
    overlapped = overlapped || inside != 0;
    ++inside;
    std::this_thread::yield();
    --inside;
    return echo(request);
  });
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([this] {
      UnixClient client(socket());
      for (int round = 0; round < 20; ++round) {
        client.send(post_request("/a"));
        client.read_reply();
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_FALSE(overlapped);
}

TEST_F(ServerTest, AnswersGarbageOnceAndLivesOn) {
  start();
  UnixClient rude(socket());
  rude.send("what is this?\n");
  std::string const reply = rude.read_to_end();
  EXPECT_EQ(status_of(reply), 400);
  EXPECT_EQ(body_of(reply), R"({"Err":"not an HTTP request: bad method",)"
                            R"("Error":"not an HTTP request: bad method"})");
  UnixClient polite(socket());
  polite.send(post_request("/a"));
  EXPECT_EQ(status_of(polite.read_reply()), 200);
}

TEST_F(ServerTest, AnswersWhatCameBeforeGarbage) {
  start();
  UnixClient client(socket());
  client.send(post_request("/a", "1") + "nonsense");
  EXPECT_EQ(body_of(client.read_reply()), "/a 1");
  EXPECT_EQ(status_of(client.read_to_end()), 400);
}

TEST_F(ServerTest, LetsAClientReadWhyItsHugeBodyIsRefused) {
  start();
  UnixClient client(socket());
  std::string const body(2 * max_body_bytes, 'x');
  EXPECT_TRUE(client.send(post_request("/a", body)));
  std::string const reply = client.read_to_end();
  EXPECT_EQ(status_of(reply), 413);
  EXPECT_EQ(body_of(reply), R"({"Err":"request body is larger than 8388608 bytes",)"
                            R"("Error":"request body is larger than 8388608 bytes"})");
}

TEST_F(ServerTest, TellsAClientThatItStoppedInTheMiddle) {
  start();
  UnixClient client(socket());
  client.send("POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nab");
  client.end_sending();
  EXPECT_EQ(status_of(client.read_to_end()), 400);
}

TEST_F(ServerTest, OutlivesClientsThatLeaveInTheMiddle) {
  Gate gate;
  start(gate.handler());
  {
    UnixClient(socket()).send("POST /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nab");
  }
  {
    UnixClient(socket()).send(post_request("/wait"));
  }
  gate.entered.get_future().wait();
  gate.open.set_value();
  UnixClient client(socket());
  client.send(post_request("/a"));
  EXPECT_EQ(status_of(client.read_reply()), 200);
}

TEST_F(ServerTest, AnswersWhatIsInProgressWhenStopped) {
  Gate gate;
  start(gate.handler());
  UnixClient idle(socket());
  idle.send(post_request("/a"));
  idle.read_reply();
  UnixClient busy(socket());
  busy.send(post_request("/wait"));
  gate.entered.get_future().wait();
  server_->stop();
  EXPECT_EQ(idle.read_to_end(), "");
  EXPECT_FALSE(std::filesystem::exists(socket()));
  EXPECT_FALSE(UnixClient(socket()).is_connected());
  gate.open.set_value();
  std::string const reply = busy.read_to_end();
  EXPECT_EQ(body_of(reply), "/wait ");
  EXPECT_NE(reply.find("Connection: close"), std::string::npos);
}

TEST_F(ServerTest, StopsOnSigterm) {
  start();
  ::kill(::getpid(), SIGTERM);
  ended.get_future().wait();
  EXPECT_FALSE(std::filesystem::exists(socket()));
}

TEST_F(ServerTest, HangsUpOnSighup) {
  start();
  ::kill(::getpid(), SIGHUP);
  hung_up.get_future().wait();
  UnixClient client(socket());
  client.send(post_request("/a"));
  EXPECT_EQ(status_of(client.read_reply()), 200);
}

TEST_F(ServerTest, StopsBeforeItRuns) {
  server_.emplace();
  ASSERT_OK(server_->listen({socket(), at_once(echo)}));
  server_->stop();
  run();
  ended.get_future().wait();
}

TEST_F(ServerTest, ServesEachSocketWithItsOwnHandler) {
  server_.emplace();
  ASSERT_OK(server_->listen({socket(), at_once(echo)}));
  ASSERT_OK(server_->listen({directory / "control.sock", at_once([](HttpRequest const&) {
                               return HttpReply{200, "control"};
                             })}));
  run();
  UnixClient plugin(socket());
  plugin.send(post_request("/a"));
  EXPECT_EQ(body_of(plugin.read_reply()), "/a ");
  UnixClient control(directory / "control.sock");
  control.send(post_request("/a"));
  EXPECT_EQ(body_of(control.read_reply()), "control");
}

TEST_F(ServerTest, ServesASocketThatListensAlready) {
  Result<UnixSocket> outer = UnixSocket::listen_on(socket());
  ASSERT_OK(outer);
  UnixClient early(socket());
  early.send(post_request("/a"));
  server_.emplace();
  ASSERT_OK(server_->listen({socket(), at_once(echo), outer->take_descriptor()}));
  run();
  EXPECT_EQ(body_of(early.read_reply()), "/a ");
  stop();
  EXPECT_TRUE(std::filesystem::exists(socket()));
}

TEST_F(ServerTest, SurvivesAHandlerThatThrows) {
  start([](HttpRequest const&) -> HttpReply { throw std::runtime_error("a bug"); });
  UnixClient client(socket());
  client.send(post_request("/a"));
  EXPECT_EQ(status_of(client.read_reply()), 500);
  client.send(post_request("/a"));
  EXPECT_EQ(status_of(client.read_reply()), 500);
}

TEST_F(ServerTest, RunsPostedTasksOnTheCoreThread) {
  std::thread::id core;
  start([&](HttpRequest const&) {
    core = std::this_thread::get_id();
    return HttpReply{};
  });
  UnixClient client(socket());
  client.send(post_request("/a"));
  client.read_reply();
  std::promise<std::thread::id> ran_on;
  server_->post([&] { ran_on.set_value(std::this_thread::get_id()); });
  EXPECT_EQ(ran_on.get_future().get(), core);
}

TEST_F(ServerTest, RefusesAPathThatAnotherServerHolds) {
  start();
  Server second;
  EXPECT_TRUE(
      fails_with(second.listen({socket(), at_once(echo)}), Errc::conflict, "another process"));
}

}  // namespace
}  // namespace drawbridge
