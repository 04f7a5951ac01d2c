// What the core thread reads from, while the io thread waits for it.
#include "plugin/server.h"
#include "tests/support/running_server.h"
#include "tests/support/unix_client.h"

#include <gtest/gtest.h>

#include <functional>
#include <future>
#include <string>
#include <thread>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace drawbridge {
namespace {

/// A pipe and a server that watches it.
class ServerWatchTest : public ServerTest {
 protected:
  ServerWatchTest() {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    reading = FileDescriptor(ends[0]);
    writing = FileDescriptor(ends[1]);
  }
  // Before the pipe goes.
  ~ServerWatchTest() override { stop(); }

  void start_watching(std::function<void()> on_readable) {
    server_.emplace();
    ASSERT_OK(server_->listen({socket(), at_once(echo)}));
    ASSERT_OK(server_->watch(reading.get(), std::move(on_readable)));
    run();
  }

  void write(char byte) { EXPECT_EQ(::write(writing.get(), &byte, 1), 1); }

  char read() {
    char byte = 0;
    EXPECT_EQ(::read(reading.get(), &byte, 1), 1);
    return byte;
  }

  FileDescriptor reading;
  FileDescriptor writing;
};

TEST_F(ServerWatchTest, TellsTheCoreThreadWhatItCanRead) {
  std::promise<std::pair<char, std::thread::id>> seen;
  start_watching([&] { seen.set_value({read(), std::this_thread::get_id()}); });
  std::promise<std::thread::id> core;
  server_->post([&] { core.set_value(std::this_thread::get_id()); });
  write('x');
  EXPECT_EQ(seen.get_future().get(), std::pair('x', core.get_future().get()));
}

TEST_F(ServerWatchTest, TellsOfEachNewsOnce) {
  std::string seen;
  std::promise<void> all;
  start_watching([&] {
    seen += read();
    if (seen.size() == 3) {
      all.set_value();
    }
  });
  for (char const byte : {'x', 'y', 'z'}) {
    write(byte);
  }
  all.get_future().wait();
  stop();
  EXPECT_EQ(seen, "xyz");
}

TEST_F(ServerWatchTest, CallsAgainForWhatWasLeftUnreadBehindWhatIsQueuedMeanwhile) {
  int calls = 0;
  std::promise<void> first;
  std::promise<void> second;
  std::promise<void> open;
  start_watching([&] {
    ++calls;
    if (calls == 1) {
      first.set_value();
      open.get_future().wait();
    } else if (calls == 2) {
      second.set_value();
    }
  });
  write('x');
  first.get_future().wait();
  std::promise<int> calls_until_queued;
  server_->post([&] { calls_until_queued.set_value(calls); });
  open.set_value();
  EXPECT_EQ(calls_until_queued.get_future().get(), 1);
  second.get_future().wait();
  stop();
}

TEST_F(ServerWatchTest, ServesBesideACallbackThatReadsNothing) {
  start_watching([] {});
  write('x');
  UnixClient client(socket());
  for (int i = 0; i < 20; ++i) {
    client.send(post_request("/a"));
    EXPECT_EQ(status_of(client.read_reply()), 200);
  }
}

TEST_F(ServerWatchTest, StopsWhileItTellsTheCoreThread) {
  std::promise<void> entered;
  std::promise<void> open;
  start_watching([&] {
    read();
    entered.set_value();
    open.get_future().wait();
  });
  write('x');
  entered.get_future().wait();
  server_->stop();
  open.set_value();
  stop();
  write('y');
  EXPECT_EQ(read(), 'y');
}

TEST_F(ServerWatchTest, StopsWhileItWaits) {
  bool called = false;
  start_watching([&] { called = true; });
  stop();
  EXPECT_FALSE(called);
}

TEST_F(ServerWatchTest, WatchesNothingWhereThereIsNoDescriptor) {
  Server server;
  EXPECT_OK(server.watch(-1, [] {}));
}

TEST_F(ServerWatchTest, RefusesToWatchWhatIsNotOpen) {
  Server server;
  EXPECT_TRUE(fails_with(server.watch(1 << 20, [] {}), Errc::kernel, "watch descriptor 1048576"));
}

}  // namespace
}  // namespace drawbridge
