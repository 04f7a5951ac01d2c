#include "plugin/socket_activation.h"

#include "plugin/unix_socket.h"
#include "tests/support/expect_ok.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace drawbridge {
namespace {

// Descriptors of tests begin here: those that a test has anyhow are below.
constexpr int first_number = 300;

/// A folder for two listening sockets, and what a service manager says of them.
class SocketActivationTest : public testing::Test {
 protected:
  ~SocketActivationTest() override {
    for (char const* const name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
      ::unsetenv(name);
    }
  }

  FileDescriptor listening(std::string const& file) {
    Result<UnixSocket> socket = UnixSocket::listen_on(directory / file);
    return socket ? socket->take_descriptor() : FileDescriptor();
  }

  /// Lets a descriptor come as a service manager passes it: open across exec, with the next number.
  void pass(FileDescriptor const& descriptor) {
    int const number = ::fcntl(descriptor.get(), F_DUPFD, first_number);
    ASSERT_EQ(number, first_number + passed_++);
  }

  void announce(int process, std::string const& count, std::string const& names = "") {
    ::setenv("LISTEN_PID", std::to_string(process).c_str(), 1);
    ::setenv("LISTEN_FDS", count.c_str(), 1);
    ::setenv("LISTEN_FDNAMES", names.c_str(), 1);
  }

  SocketPaths paths() const { return {directory / "plugin.sock", directory / "control.sock"}; }

  static std::vector<PassedDescriptor> named(FileDescriptor descriptor, std::string name) {
    std::vector<PassedDescriptor> passed;
    passed.push_back({std::move(descriptor), std::move(name)});
    return passed;
  }

  TempDirectory directory;

 private:
  int passed_ = 0;
};

TEST_F(SocketActivationTest, FindsNothingWhenNothingIsSaid) {
  Result<std::vector<PassedDescriptor>> const passed = take_passed_descriptors(first_number);
  ASSERT_OK(passed);
  EXPECT_TRUE(passed->empty());
}

TEST_F(SocketActivationTest, TakesDescriptorsWithTheirNamesAndUnsetsTheVariables) {
  pass(listening("plugin.sock"));
  pass(listening("control.sock"));
  announce(::getpid(), "2", "plugin:control");
  Result<std::vector<PassedDescriptor>> const passed = take_passed_descriptors(first_number);
  ASSERT_OK(passed);
  ASSERT_EQ(passed->size(), 2U);
  EXPECT_EQ(passed->front().descriptor.get(), first_number);
  EXPECT_EQ(passed->front().name, "plugin");
  EXPECT_EQ(passed->back().name, "control");
  EXPECT_TRUE(::fcntl(first_number, F_GETFD) & FD_CLOEXEC);
  for (char const* const name : {"LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}) {
    EXPECT_EQ(std::getenv(name), nullptr) << name;
  }
}

TEST_F(SocketActivationTest, TakesDescriptorsWithoutNames) {
  pass(listening("plugin.sock"));
  announce(::getpid(), "1");
  Result<std::vector<PassedDescriptor>> const passed = take_passed_descriptors(first_number);
  ASSERT_OK(passed);
  ASSERT_EQ(passed->size(), 1U);
  EXPECT_EQ(passed->front().name, "");
}

TEST_F(SocketActivationTest, LeavesWhatIsForAnotherProcess) {
  announce(::getpid() + 1, "2", "plugin:control");
  Result<std::vector<PassedDescriptor>> const passed = take_passed_descriptors(first_number);
  ASSERT_OK(passed);
  EXPECT_TRUE(passed->empty());
  EXPECT_EQ(std::getenv("LISTEN_FDS"), nullptr) << "it would be handed down once more";
}

TEST_F(SocketActivationTest, SaysThatTheNumberIsNone) {
  for (char const* const count : {"", "two", "2x", "-1", "65"}) {
    announce(::getpid(), count);
    EXPECT_TRUE(fails_with(take_passed_descriptors(first_number), Errc::invalid_argument,
                           "LISTEN_FDS is \"" + std::string(count) + "\", not a number"));
  }
}

TEST_F(SocketActivationTest, SaysThatADescriptorIsNotThere) {
  announce(::getpid(), "1", "plugin");
  EXPECT_TRUE(fails_with(take_passed_descriptors(first_number), Errc::invalid_argument,
                         "descriptor 300: Bad file descriptor"));
}

TEST_F(SocketActivationTest, TellsSocketsApartByName) {
  std::vector<PassedDescriptor> passed = named(listening("a.sock"), "control");
  passed.push_back({listening("b.sock"), "plugin"});
  int const control = passed.front().descriptor.get();
  int const plugin = passed.back().descriptor.get();
  Result<ActivatedSockets> const sockets = tell_apart(std::move(passed), paths());
  ASSERT_OK(sockets);
  EXPECT_EQ(sockets->plugin.get(), plugin);
  EXPECT_EQ(sockets->control.get(), control);
}

TEST_F(SocketActivationTest, TellsSocketsApartByPathWhenTheUnitGaveThemNoNames) {
  std::vector<PassedDescriptor> passed = named(listening("control.sock"), "drawbridge.socket");
  passed.push_back({listening("plugin.sock"), ""});
  int const control = passed.front().descriptor.get();
  int const plugin = passed.back().descriptor.get();
  Result<ActivatedSockets> const sockets = tell_apart(std::move(passed), paths());
  ASSERT_OK(sockets);
  EXPECT_EQ(sockets->plugin.get(), plugin);
  EXPECT_EQ(sockets->control.get(), control);
}

TEST_F(SocketActivationTest, TakesOneOfTheTwo) {
  Result<ActivatedSockets> const sockets = tell_apart(named(listening("plugin.sock"), ""), paths());
  ASSERT_OK(sockets);
  EXPECT_TRUE(sockets->plugin.is_open());
  EXPECT_FALSE(sockets->control.is_open());
}

TEST_F(SocketActivationTest, RefusesAForeignSocket) {
  EXPECT_TRUE(fails_with(tell_apart(named(listening("web.sock"), "web.socket"), paths()),
                         Errc::invalid_argument, "web.sock\", which is neither"));
}

TEST_F(SocketActivationTest, RefusesASocketThatOthersMayOpen) {
  Result<UnixSocket> socket = UnixSocket::listen_on(directory / "control.sock");
  ASSERT_OK(socket);
  FileDescriptor const listening = socket->take_descriptor();
  auto const passed = [&] { return named(FileDescriptor(::dup(listening.get())), "control"); };
  EXPECT_OK(tell_apart(passed(), paths()));
  std::filesystem::permissions(directory / "control.sock", std::filesystem::perms(0666));
  EXPECT_TRUE(fails_with(tell_apart(passed(), paths()), Errc::invalid_argument,
                         "control.sock, which has mode 0666: use SocketMode=0600"));
}

TEST_F(SocketActivationTest, RefusesTwoOfOneKind) {
  std::vector<PassedDescriptor> passed = named(listening("plugin.sock"), "plugin");
  passed.push_back({listening("other.sock"), "plugin"});
  EXPECT_TRUE(fails_with(tell_apart(std::move(passed), paths()), Errc::invalid_argument,
                         "is for what another one is for already"));
}

TEST_F(SocketActivationTest, RefusesWhatIsNoListeningUnixStreamSocket) {
  FileDescriptor file(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  EXPECT_TRUE(fails_with(tell_apart(named(std::move(file), "plugin"), paths()),
                         Errc::invalid_argument, "\"plugin\" is no socket"));
  FileDescriptor datagrams(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  EXPECT_TRUE(fails_with(tell_apart(named(std::move(datagrams), "plugin"), paths()),
                         Errc::invalid_argument, "is no unix stream socket"));
  FileDescriptor tcp(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_TRUE(fails_with(tell_apart(named(std::move(tcp), "plugin"), paths()),
                         Errc::invalid_argument, "is no unix stream socket"));
  FileDescriptor silent(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  EXPECT_TRUE(fails_with(tell_apart(named(std::move(silent), "plugin"), paths()),
                         Errc::invalid_argument, "does not listen"));
}

}  // namespace
}  // namespace drawbridge
