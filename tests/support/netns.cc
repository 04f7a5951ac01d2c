#include "tests/support/netns.h"

#include "base/handle.h"

#include <fmt/core.h>

#include <cassert>
#include <cerrno>
#include <cstdio>
#include <cstring>

#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

namespace drawbridge {
namespace {

bool write_file(char const* path, std::string const& text) {
  FileDescriptor const file(::open(path, O_WRONLY | O_CLOEXEC));
  return file.is_open() &&
         ::write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

void bring_up_loopback() {
  FileDescriptor const socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP;
  int const done = ::ioctl(socket.get(), SIOCSIFFLAGS, &request);
  assert(done == 0);
}

}  // namespace

std::string enter_private_namespaces() {
  std::string const uid_map = fmt::format("0 {} 1", ::getuid());
  std::string const gid_map = fmt::format("0 {} 1", ::getgid());
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    return fmt::format("unshare: {}", std::strerror(errno));
  }
  // Without this an unprivileged process may not write its group map. See user_namespaces(7).
  write_file("/proc/self/setgroups", "deny");
  if (!write_file("/proc/self/uid_map", uid_map) || !write_file("/proc/self/gid_map", gid_map)) {
    return fmt::format("write the id maps: {}", std::strerror(errno));
  }
  return {};
}

std::string shell(std::string const& command) {
  Handle<FILE, ::pclose> pipe(::popen((command + " 2>&1").c_str(), "r"));
  std::string output;
  char chunk[4096];
  while (std::size_t const size = ::fread(chunk, 1, sizeof chunk, pipe.get())) {
    output.append(chunk, size);
  }
  int const status = ::pclose(pipe.release());
  EXPECT_EQ(status, 0) << command << "\n" << output;
  return output;
}

std::string host_snapshot() {
  // A carrier comes and goes by itself a moment after what causes it.
  return shell(
      "(ip -oneline link && ip -oneline address && ip route show table all && "
      "ip -6 route show table all) | sed -E "
      "'s/NO-CARRIER,|,LOWER_UP|,M-DOWN| state [A-Z]+| linkdown//g'");
}

FileDescriptor Netns::open_current() {
  return FileDescriptor(::open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC));
}

void Netns::enter(FileDescriptor const& netns) {
  int const entered = ::setns(netns.get(), CLONE_NEWNET);
  assert(entered == 0);
}

Netns::Netns() {
  FileDescriptor const home = open_current();
  int const made = ::unshare(CLONE_NEWNET);
  assert(made == 0);
  bring_up_loopback();
  namespace_ = open_current();
  enter(home);
}

void Netns::take_link(std::string const& name) const {
  shell(fmt::format("ip link set {} netns /proc/{}/fd/{}", name, ::getpid(), namespace_.get()));
}

void NetnsTest::SetUp() {
  ASSERT_EQ(::unshare(CLONE_NEWNET), 0) << std::strerror(errno);
  bring_up_loopback();
}

}  // namespace drawbridge
