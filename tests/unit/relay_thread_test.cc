// The relay on this machine's loopback: what two threads share, so that the thread sanitizer sees
// it. What needs addresses of its own is in tests/kernel/port_relay_test.cc.
#include "ports/relay_thread.h"

#include "ports/port_socket.h"
#include "tests/support/dial.h"
#include "tests/support/expect_ok.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <memory>
#include <utility>

#include <netinet/in.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

class RelayThreadTest : public testing::Test {
 protected:
  /// Opens a port of 127.0.0.1 that is relayed to that of `server`.
  RelayedPort relay(std::uint8_t protocol, FileDescriptor const& server) {
    IpAddress const loopback = IpAddress::parse("127.0.0.1").value();
    PortHold hold{{protocol, loopback, {}, port_of(server)}, loopback, {}, {{loopback, 32}}};
    Result<FileDescriptor> socket =
        open_port_socket({protocol, loopback, 0}, PortFilter(hold.relayed));
    EXPECT_OK(socket);
    holder_ = std::move(*socket);
    hold.port.host_ports = {port_of(holder_), port_of(holder_)};
    relay_->serve({hold, {holder_.get()}});
    return {hold, {holder_.get()}};
  }

  FileDescriptor holder_;
  std::unique_ptr<RelayThread> relay_ = RelayThread::start({}).value();
};

TEST_F(RelayThreadTest, CarriesBothWays) {
  FileDescriptor const server = serve(SOCK_STREAM, "127.0.0.1", 0);
  relay(IPPROTO_TCP, server);
  FileDescriptor const client = dial(SOCK_STREAM, "127.0.0.1", port_of(holder_));
  FileDescriptor const served = accept_from(server);
  say(client, "ping");
  EXPECT_EQ(hear(served, 4), "ping");
  say(served, "pong");
  EXPECT_EQ(hear(client, 4), "pong");
}

TEST_F(RelayThreadTest, AMappingThatIsForgottenIsUsedNoMore) {
  FileDescriptor const server = serve(SOCK_STREAM, "127.0.0.1", 0);
  RelayedPort const port = relay(IPPROTO_TCP, server);
  FileDescriptor const client = dial(SOCK_STREAM, "127.0.0.1", port_of(holder_));
  FileDescriptor const served = accept_from(server);

  relay_->forget(port.hold.port);

  EXPECT_TRUE(ends(client, ECONNRESET));
  EXPECT_TRUE(ends(served, ECONNRESET));
  relay_->forget(port.hold.port);
}

TEST_F(RelayThreadTest, ChangesWhileItRelays) {
  FileDescriptor const server = serve(SOCK_STREAM, "127.0.0.1", 0);
  RelayedPort const port = relay(IPPROTO_TCP, server);
  for (int count = 0; count < 50; ++count) {
    FileDescriptor const client = dial(SOCK_STREAM, "127.0.0.1", port_of(holder_));
    FileDescriptor const served = accept_from(server);
    relay_->serve(port);
    say(client, "ping");
    EXPECT_EQ(hear(served, 4), "ping");
  }
}

TEST_F(RelayThreadTest, CarriesDatagramsAndTheirAnswers) {
  FileDescriptor const server = serve(SOCK_DGRAM, "127.0.0.1", 0);
  relay(IPPROTO_UDP, server);
  FileDescriptor const client = dial(SOCK_DGRAM, "127.0.0.1", port_of(holder_));
  say(client, "ping");
  EXPECT_EQ(hear(server, 4), "ping");
}

TEST_F(RelayThreadTest, EndsInTheMiddleOfItsWork) {
  FileDescriptor const server = serve(SOCK_STREAM, "127.0.0.1", 0);
  relay(IPPROTO_TCP, server);
  FileDescriptor const client = dial(SOCK_STREAM, "127.0.0.1", port_of(holder_));
  FileDescriptor const served = accept_from(server);
  relay_.reset();
  EXPECT_TRUE(ends(client));
  EXPECT_TRUE(ends(served));
}

}  // namespace
}  // namespace drawbridge
