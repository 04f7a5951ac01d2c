#include "tests/support/running_server.h"
#include "tests/support/unix_client.h"

#include <gtest/gtest.h>

#include <string>

#include <sys/resource.h>
#include <unistd.h>

namespace drawbridge {
namespace {

using std::chrono::milliseconds;

/// Allows the process only so many descriptors more than it has.
class DescriptorLimit {
 public:
  explicit DescriptorLimit(int more) {
    ::getrlimit(RLIMIT_NOFILE, &before_);
    FileDescriptor const lowest_free(::dup(STDERR_FILENO));
    rlimit const fewer{static_cast<rlim_t>(lowest_free.get() + more), before_.rlim_max};
    ::setrlimit(RLIMIT_NOFILE, &fewer);
  }
  ~DescriptorLimit() { ::setrlimit(RLIMIT_NOFILE, &before_); }
  DescriptorLimit(DescriptorLimit const&) = delete;
  DescriptorLimit& operator=(DescriptorLimit const&) = delete;

 private:
  rlimit before_{};
};

class ServerLimitsTest : public ServerTest {};

TEST_F(ServerLimitsTest, EndsARequestThatIsTooSlow) {
  ServerLimits limits;
  limits.request = milliseconds(5);
  start(echo, limits);
  UnixClient client(socket());
  client.send("POST /a HTTP/1.1\r\nContent-");
  EXPECT_EQ(status_of(client.read_to_end()), 408);
}

TEST_F(ServerLimitsTest, DropsAClientThatDoesNotReadItsReply) {
  ServerLimits limits;
  limits.reply = milliseconds(0);  // also: over between two writes, with none to cancel
  limits.connections = 1;          // so that the second client waits for the end of the first
  std::string const large(max_body_bytes, 'x');
  start(
      [&](HttpRequest const& request) {
        return HttpReply{200, request.path == "/large" ? large : "small"};
      },
      limits);
  UnixClient first(socket());
  first.send(post_request("/large"));
  UnixClient second(socket());
  second.send(post_request("/small"));
  EXPECT_EQ(body_of(second.read_reply()), "small");
  EXPECT_LT(first.read_to_end().size(), large.size());
}

TEST_F(ServerLimitsTest, ClosesTheLongestIdleConnectionForANewOne) {
  ServerLimits limits;
  limits.connections = 2;
  start(echo, limits);
  UnixClient first(socket());
  first.send(post_request("/a"));
  first.read_reply();
  UnixClient second(socket());
  second.send(post_request("/b"));
  second.read_reply();
  UnixClient third(socket());
  third.send(post_request("/c"));
  EXPECT_EQ(status_of(third.read_reply()), 200);
  EXPECT_EQ(first.read_to_end(), "");
  second.send(post_request("/b"));
  EXPECT_EQ(status_of(second.read_reply()), 200);
}

TEST_F(ServerLimitsTest, LetsANewConnectionWaitWhileNoneIsIdle) {
  Gate gate;
  ServerLimits limits;
  limits.connections = 1;
  start(gate.handler(), limits);
  UnixClient first(socket());
  first.send(post_request("/wait"));
  gate.entered.get_future().wait();
  UnixClient second(socket());
  second.send(post_request("/a"));
  gate.open.set_value();
  EXPECT_EQ(body_of(first.read_reply()), "/wait ");
  EXPECT_EQ(body_of(second.read_reply()), "/a ");
}

TEST_F(ServerLimitsTest, ClosesAnIdleConnectionWhenDescriptorsRunOut) {
  start();
  UnixClient idle(socket());
  idle.send(post_request("/a"));
  idle.read_reply();
  DescriptorLimit const one_more(1);
  UnixClient client(socket());  // takes the last one, so that accept fails
  client.send(post_request("/a"));
  EXPECT_EQ(status_of(client.read_reply()), 200);
  EXPECT_EQ(idle.read_to_end(), "");
}

}  // namespace
}  // namespace drawbridge
