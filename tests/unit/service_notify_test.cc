#include "plugin/service_notify.h"

#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <array>
#include <cstddef>
#include <cstdlib>
#include <string>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace drawbridge {
namespace {

/// A service manager that hears what it is told.
class ServiceNotifyTest : public testing::Test {
 protected:
  ~ServiceNotifyTest() override {
    for (char const* const name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
      ::unsetenv(name);
    }
  }

  /// name  as in NOTIFY_SOCKET: `@` stands for the zero byte of an abstract one
  void listen_on(std::string const& name) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    name.copy(address.sun_path, name.size());
    if (name.front() == '@') {
      address.sun_path[0] = '\0';
    }
    auto const size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
    ASSERT_EQ(::bind(manager.get(), reinterpret_cast<sockaddr*>(&address), size), 0);
    ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  }

  std::string listen() {
    std::string name = directory / "notify";
    listen_on(name);
    return name;
  }

  /// returns  the next datagram; empty when there is none
  std::string heard() const {
    std::array<char, 512> text{};
    ssize_t const size = ::recv(manager.get(), text.data(), text.size(), MSG_DONTWAIT);
    return std::string(text.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  }

  TempDirectory directory;
  FileDescriptor manager{::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)};
};

TEST_F(ServiceNotifyTest, SaysThatItIsReady) {
  listen();
  ServiceNotify notify = ServiceNotify::from_environment();
  notify.ready("serves 2 networks");
  EXPECT_EQ(heard(), "READY=1\nSTATUS=serves 2 networks");
}

TEST_F(ServiceNotifyTest, KnowsAbstractSockets) {
  listen_on("@drawbridge-test-" + std::to_string(::getpid()));
  ServiceNotify::from_environment().stopping();
  EXPECT_EQ(heard(), "STOPPING=1");
}

TEST_F(ServiceNotifyTest, SaysWhenAReloadBeginsAndEnds) {
  listen();
  ServiceNotify notify = ServiceNotify::from_environment();
  notify.reloading();
  std::string const begin = "RELOADING=1\nMONOTONIC_USEC=";
  std::string const first = heard();
  ASSERT_EQ(first.substr(0, begin.size()), begin);
  EXPECT_GT(std::stoull(first.substr(begin.size())), 0U);
  notify.ready("serves");
  EXPECT_EQ(heard(), "READY=1\nSTATUS=serves");
}

TEST_F(ServiceNotifyTest, SaysAnotherStatusOnly) {
  listen();
  ServiceNotify notify = ServiceNotify::from_environment();
  notify.status("one");
  notify.status("one");
  notify.status("two");
  EXPECT_EQ(heard(), "STATUS=one");
  EXPECT_EQ(heard(), "STATUS=two");
  EXPECT_EQ(heard(), "");
}

TEST_F(ServiceNotifyTest, UnsetsTheVariables) {
  listen();
  ::setenv("WATCHDOG_USEC", "2000000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid()).c_str(), 1);
  ServiceNotify::from_environment();
  for (char const* const name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) {
    EXPECT_EQ(std::getenv(name), nullptr) << name;
  }
}

TEST_F(ServiceNotifyTest, SaysThatItIsAliveTwiceInEachInterval) {
  listen();
  ::setenv("WATCHDOG_USEC", "2000", 1);
  ServiceNotify notify = ServiceNotify::from_environment();
  for (int times = 0; times < 2; ++times) {
    pollfd due{notify.watchdog(), POLLIN, 0};
    ASSERT_EQ(::poll(&due, 1, 5'000), 1);
    notify.alive();
    EXPECT_EQ(heard(), "WATCHDOG=1");
  }
}

TEST_F(ServiceNotifyTest, IsNotAliveBeforeItsTime) {
  listen();
  ::setenv("WATCHDOG_USEC", "7200000000", 1);
  ServiceNotify notify = ServiceNotify::from_environment();
  ASSERT_GE(notify.watchdog(), 0);
  notify.alive();
  EXPECT_EQ(heard(), "");
}

TEST_F(ServiceNotifyTest, IsNotWatchedInPlaceOfAnotherProcess) {
  listen();
  ::setenv("WATCHDOG_USEC", "2000", 1);
  ::setenv("WATCHDOG_PID", std::to_string(::getpid() + 1).c_str(), 1);
  EXPECT_EQ(ServiceNotify::from_environment().watchdog(), -1);
}

TEST_F(ServiceNotifyTest, TellsNobodyWhereThereIsNoManager) {
  std::string const name = listen();
  for (std::string const none : {"", "relative", "vsock:2:1234"}) {
    ::setenv("NOTIFY_SOCKET", none.c_str(), 1);
    ::setenv("WATCHDOG_USEC", "2000", 1);
    ServiceNotify notify = ServiceNotify::from_environment();
    notify.ready("serves");
    EXPECT_EQ(notify.watchdog(), -1) << none;
  }
  EXPECT_EQ(heard(), "");
  ::setenv("NOTIFY_SOCKET", name.c_str(), 1);
  ServiceNotify::from_environment().stopping();
  EXPECT_EQ(heard(), "STOPPING=1");
}

TEST_F(ServiceNotifyTest, OutlivesAManagerThatIsGone) {
  ::setenv("NOTIFY_SOCKET", (directory / "gone").c_str(), 1);
  ServiceNotify notify = ServiceNotify::from_environment();
  notify.ready("serves");
  EXPECT_EQ(heard(), "");
}

}  // namespace
}  // namespace drawbridge
