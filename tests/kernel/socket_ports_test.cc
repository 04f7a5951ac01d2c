// Ports that are held, shown by what others can still do with them.
#include "ports/socket_ports.h"

#include "tests/support/dial.h"
#include "tests/support/expect_ok.h"
#include "tests/support/netns.h"
#include "tests/support/sockets.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cerrno>
#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace drawbridge {
namespace {

constexpr std::uint16_t port = 8080;

std::optional<IpAddress> host(char const* text) {
  return *text == '\0' ? std::nullopt : std::optional(IpAddress::parse(text).value());
}

PortHold hold_of(std::uint8_t protocol, char const* address, std::uint16_t first = port,
                 std::uint16_t last = port) {
  PublishedPort const published{protocol, host(address), {first, last}, 80};
  return {published, IpAddress::parse("10.1.0.2").value(), {}, {}};
}

int type_of(std::uint8_t protocol) {
  return protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM;
}

bool can_serve(std::uint8_t protocol, char const* address, std::uint16_t wanted = port) {
  return serve(type_of(protocol), address, wanted).is_open();
}

long number_in(char const* file, std::string const& name) {
  std::ifstream stream(file);
  for (std::string word; stream >> word;) {
    if (word == name) {
      long number = 0;
      stream >> number;
      return number;
    }
  }
  return 0;
}

/// A process called nginx that listens.
class Nginx {
 public:
  explicit Nginx(std::uint8_t protocol) {
    int ready[2];
    EXPECT_EQ(::pipe(ready), 0);
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_NAME, "nginx");
      FileDescriptor const socket = serve(type_of(protocol), "0.0.0.0", port);
      ::write(ready[1], "x", socket.is_open() ? 1 : 0);
      ::pause();
    }
    ::close(ready[1]);
    char byte = 0;
    EXPECT_EQ(::read(ready[0], &byte, 1), 1);
    ::close(ready[0]);
  }
  Nginx(Nginx const&) = delete;
  Nginx& operator=(Nginx const&) = delete;
  ~Nginx() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

class SocketPortsTest : public NetnsTest {
 protected:
  void SetUp() override {
    NetnsTest::SetUp();
    add_loopback_address("192.0.2.1");
    add_loopback_address("2001:db8::1");
    ports_ = SocketPorts::open().value();
  }

  std::unique_ptr<SocketPorts> ports_;
};

TEST_F(SocketPortsTest, NobodyElseGetsAPortThatIsHeld) {
  for (std::uint8_t const protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
    int const type = type_of(protocol);
    ASSERT_OK(ports_->hold(hold_of(protocol, "")));
    for (char const* address : {"0.0.0.0", "127.0.0.1", "192.0.2.1", "::", "::1", "2001:db8::1"}) {
      EXPECT_FALSE(serve(type, address, port).is_open()) << address;
      EXPECT_FALSE(serve(type, address, port, {SO_REUSEADDR}).is_open()) << address;
      EXPECT_FALSE(serve(type, address, port, {SO_REUSEPORT}).is_open()) << address;
      EXPECT_FALSE(serve(type, address, port, {SO_REUSEADDR, SO_REUSEPORT}).is_open()) << address;
    }
    EXPECT_TRUE(can_serve(protocol, "::", port + 1));
  }
}

TEST_F(SocketPortsTest, HoldsOneFamilyOrOneAddressAndLeavesTheRest) {
  for (std::uint8_t const protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
    ASSERT_OK(ports_->hold(hold_of(protocol, "0.0.0.0", 81, 81)));
    EXPECT_FALSE(can_serve(protocol, "192.0.2.1", 81));
    EXPECT_TRUE(can_serve(protocol, "2001:db8::1", 81));
    ASSERT_OK(ports_->hold(hold_of(protocol, "::", 82, 82)));
    EXPECT_FALSE(can_serve(protocol, "2001:db8::1", 82));
    EXPECT_TRUE(can_serve(protocol, "0.0.0.0", 82));
    ASSERT_OK(ports_->hold(hold_of(protocol, "192.0.2.1", 83, 83)));
    EXPECT_FALSE(can_serve(protocol, "192.0.2.1", 83));
    EXPECT_TRUE(can_serve(protocol, "127.0.0.1", 83));
  }
}

TEST_F(SocketPortsTest, ARangeIsTakenWholeOrNotAtAll) {
  FileDescriptor const other = serve(SOCK_STREAM, "127.0.0.1", 8085);
  EXPECT_TRUE(fails_with(ports_->hold(hold_of(IPPROTO_TCP, "", 8080, 8089)), Errc::already_exists,
                         "tcp port 0.0.0.0:8085 is taken by"));
  EXPECT_TRUE(can_serve(IPPROTO_TCP, "::", 8080));
  ASSERT_OK(ports_->hold(hold_of(IPPROTO_TCP, "", 8086, 8089)));
  EXPECT_FALSE(can_serve(IPPROTO_TCP, "::", 8086));
  EXPECT_FALSE(can_serve(IPPROTO_TCP, "::", 8089));
  EXPECT_TRUE(can_serve(IPPROTO_TCP, "::", 8090));
}

TEST_F(SocketPortsTest, NamesTheProcessThatHasThePort) {
  ports_.reset();  // no thread while there is a fork
  for (std::uint8_t const protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
    Nginx const nginx(protocol);
    auto const ports = SocketPorts::open().value();
    std::string const name = protocol == IPPROTO_TCP ? "tcp" : "udp";
    // A search ends after 100 ms, which a busy machine with many processes may need several of.
    Result<void> held = ports->hold(hold_of(protocol, ""));
    for (int more = 100; more > 0 && fails_with(held, Errc::already_exists, "another process");
         --more) {
      ::usleep(50'000);
      held = ports->hold(hold_of(protocol, ""));
    }
    EXPECT_TRUE(fails_with(
        held, Errc::already_exists,
        fmt::format("{} port 0.0.0.0:8080 is taken by nginx (pid {})", name, nginx.pid())));
  }
}

TEST_F(SocketPortsTest, NamesTheContainerThatHasThePort) {
  ASSERT_OK(ports_->hold(hold_of(IPPROTO_TCP, "", 8080, 8089)));
  EXPECT_TRUE(
      fails_with(ports_->hold(hold_of(IPPROTO_TCP, "::", 8089, 8089)), Errc::already_exists,
                 "tcp port [::]:8089 is taken by the published port of container 10.1.0.2"));
}

TEST_F(SocketPortsTest, SaysWhichAddressIsNotHere) {
  EXPECT_TRUE(fails_with(ports_->hold(hold_of(IPPROTO_TCP, "198.51.100.9")), Errc::invalid_argument,
                         "address 198.51.100.9 is none of this host: "));
  EXPECT_TRUE(fails_with(ports_->hold(hold_of(IPPROTO_UDP, "2001:db8::9")), Errc::invalid_argument,
                         "address 2001:db8::9 is none of this host: "));
  EXPECT_TRUE(fails_with(ports_->hold(hold_of(IPPROTO_ESP, "")), Errc::unsupported,
                         "protocol 50 has no ports: "));
}

TEST_F(SocketPortsTest, SaysThatThereAreNoDescriptorsLeft) {
  std::size_t const before = open_descriptors();
  rlimit const usual = [] {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit;
  }();
  rlimit const low{before + 20, usual.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &low);
  Result<void> const held = ports_->hold(hold_of(IPPROTO_TCP, "", 8000, 8099));
  ::setrlimit(RLIMIT_NOFILE, &usual);
  EXPECT_TRUE(fails_with(held, Errc::kernel, "raise LimitNOFILE"));
  EXPECT_EQ(open_descriptors(), before);
}

/// Lets a server end a connection, so that its port waits.
void end_a_connection(std::initializer_list<int> options) {
  FileDescriptor const server = serve(SOCK_STREAM, "127.0.0.1", port, options);
  FileDescriptor const client = dial(SOCK_STREAM, "127.0.0.1", port);
  FileDescriptor served = accept_from(server);
  served = FileDescriptor();
  EXPECT_TRUE(ends(client));
}

TEST_F(SocketPortsTest, AConnectionThatEndedAMomentAgoIsNotInTheWay) {
  end_a_connection({SO_REUSEADDR});
  EXPECT_FALSE(can_serve(IPPROTO_TCP, "0.0.0.0"));
  EXPECT_OK(ports_->hold(hold_of(IPPROTO_TCP, "")));
}

TEST_F(SocketPortsTest, SaysThatAConnectionIsInTheWayWhoseServerDidNotLetItsPortBeReused) {
  end_a_connection({});
  EXPECT_TRUE(fails_with(ports_->hold(hold_of(IPPROTO_TCP, "")), Errc::already_exists,
                         "is taken by a connection that ended less than a minute ago"));
}

TEST_F(SocketPortsTest, PacketsToAHeldPortAreNeitherAnsweredNorTaken) {
  EXPECT_FALSE(is_unanswered("127.0.0.1", port));
  for (std::uint8_t const protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
    ASSERT_OK(ports_->hold(hold_of(protocol, "")));
  }
  EXPECT_TRUE(is_unanswered("127.0.0.1", port));
  EXPECT_TRUE(is_unanswered("::1", port));
  FileDescriptor const client = dial(SOCK_DGRAM, "127.0.0.1", port);
  say(client, "ping");
  EXPECT_FALSE(becomes_readable(client, 200));  // not even an error
  ports_->release(hold_of(IPPROTO_UDP, "").port);
  say(client, "ping");
  EXPECT_TRUE(becomes_readable(client, 5000));
}

TEST_F(SocketPortsTest, APortIsFreeOnceItIsReleased) {
  std::size_t const before = open_descriptors();
  for (std::uint8_t const protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
    for (int count = 0; count < 20; ++count) {
      PortHold hold = hold_of(protocol, "");
      hold.relayed = {IpPrefix::parse("::1/128").value()};
      ASSERT_OK(ports_->hold(hold));
      ports_->release(hold.port);
      ASSERT_TRUE(can_serve(protocol, "::"));
    }
    ports_->release(hold_of(protocol, "").port);
  }
  EXPECT_EQ(open_descriptors(), before);
}

TEST_F(SocketPortsTest, FindsAFreePortThatIsNotReserved) {
  shell("cd /proc/sys/net/ipv4; echo 40000 40009 > ip_local_port_range");
  shell("cd /proc/sys/net/ipv4; echo 40000-40006,40008 > ip_local_reserved_ports");
  EXPECT_EQ(ports_->ephemeral(), (PortRange{40000, 40009}));
  EXPECT_EQ(ports_->reserved(), (std::vector<PortRange>{{40000, 40006}, {40008, 40008}}));
  for (std::uint8_t const protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
    FileDescriptor const other = serve(type_of(protocol), "127.0.0.1", 40007);
    Result<std::uint16_t> const found = ports_->hold_any(hold_of(protocol, ""));
    ASSERT_OK(found);
    EXPECT_EQ(*found, 40009);
    EXPECT_FALSE(can_serve(protocol, "127.0.0.1", 40009));
    EXPECT_FALSE(can_serve(protocol, "::1", 40009));
    EXPECT_TRUE(
        fails_with(ports_->hold_any(hold_of(protocol, "")), Errc::exhausted, "no port is free"));
    PortHold hold = hold_of(protocol, "", 40009, 40009);
    ports_->release(hold.port);
    EXPECT_TRUE(can_serve(protocol, "::", 40009));
  }
}

TEST_F(SocketPortsTest, HoldsWhatTheKernelKnows) {
  FileDescriptor const sctp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP));
  EXPECT_OK(ports_->hold(hold_of(IPPROTO_SCTP, "")));
  EXPECT_OK(ports_->hold(hold_of(IPPROTO_SCTP, "")));
  ports_->release(hold_of(IPPROTO_SCTP, "").port);
  Result<std::uint16_t> const one = ports_->hold_any(hold_of(IPPROTO_SCTP, ""));
  Result<std::uint16_t> const other = ports_->hold_any(hold_of(IPPROTO_SCTP, ""));
  ASSERT_OK(one);
  ASSERT_OK(other);
  EXPECT_TRUE(*one != 0 && *other != 0 && *one != *other) << *one << " and " << *other;
  if (!sctp.is_open()) {
    GTEST_SKIP() << "this kernel has no sctp: nothing can take its ports";
  }
}

TEST_F(SocketPortsTest, GivesEachAPortOfItsOwnWhetherTheKernelHasSocketsOfTheProtocolOrNot) {
  shell("cd /proc/sys/net/ipv4; echo 40000 40004 > ip_local_port_range");
  shell("cd /proc/sys/net/ipv4; echo 40000,40002 > ip_local_reserved_ports");
  for (std::uint8_t const protocol : {IPPROTO_UDP, IPPROTO_SCTP}) {
    std::set<std::uint16_t> given;
    for (int count = 0; count < 3; ++count) {
      given.insert(ports_->hold_any(hold_of(protocol, "")).value_or(0));
    }
    EXPECT_EQ(given, (std::set<std::uint16_t>{40001, 40003, 40004})) << int{protocol};
    EXPECT_TRUE(fails_with(ports_->hold_any(hold_of(protocol, "")), Errc::exhausted, "free"));
    EXPECT_EQ(ports_->hold_first(hold_of(protocol, ""), {40001, 50000}).value_or(0), 50000);
  }
  EXPECT_TRUE(fails_with(ports_->hold(hold_of(IPPROTO_SCTP, "0.0.0.0", 50000, 50000)),
                         Errc::already_exists, "sctp port 0.0.0.0:50000 is taken by"));
}

TEST_F(SocketPortsTest, TenThousandPortsAreCheap) {
  PortHold hold = hold_of(IPPROTO_TCP, "", 20000, 29999);
  hold.relayed = {IpPrefix::parse("::1/128").value()};
  std::size_t const before = open_descriptors();
  long const memory = number_in("/proc/self/smaps_rollup", "Rss:");

  ASSERT_OK(ports_->hold(hold));

  long const grown = number_in("/proc/self/smaps_rollup", "Rss:") - memory;
  EXPECT_LT(grown, 10'000);  // kB, 1 for each; 0.1 where no sanitizer keeps books
  EXPECT_FALSE(can_serve(IPPROTO_TCP, "127.0.0.1", 29999));
  ports_->release(hold.port);
  EXPECT_EQ(open_descriptors(), before);
}

}  // namespace
}  // namespace drawbridge
