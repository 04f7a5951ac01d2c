#include "plugin/service_notify.h"

#include "base/log.h"
#include "plugin/environment.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <ctime>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

namespace drawbridge {
namespace {

// A manager that does not read holds the daemon up for so long at most.
constexpr timeval patience{1, 0};

/// returns  a name as sockaddr_un holds it; empty for what is none
std::string socket_name(std::string name) {
  if (name.empty() || name.size() >= sizeof(sockaddr_un::sun_path)) {
    return {};
  }
  if (name.front() == '@') {
    name.front() = '\0';
    return name;
  }
  return name.front() == '/' ? name : std::string();
}

bool is_for_this_process(std::string const& process) {
  return process.empty() || number_in<pid_t>(process) == ::getpid();
}

std::uint64_t monotonic_microseconds() {
  timespec now{};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000 +
         static_cast<std::uint64_t>(now.tv_nsec) / 1'000;
}

}  // namespace

ServiceNotify ServiceNotify::from_environment() {
  ServiceNotify notify;
  notify.socket_ = socket_name(take_variable("NOTIFY_SOCKET"));
  std::string const process = take_variable("WATCHDOG_PID");
  std::string const interval = take_variable("WATCHDOG_USEC");
  if (!notify.socket_.empty() && is_for_this_process(process)) {
    notify.set_watchdog(interval);
  }
  return notify;
}

/// Half of the interval leaves room for one that comes late.
void ServiceNotify::set_watchdog(std::string_view microseconds) {
  std::uint64_t const half = number_in<std::uint64_t>(microseconds).value_or(0) / 2;
  if (half == 0) {
    return;
  }
  timer_ = FileDescriptor(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK));
  itimerspec each{};
  each.it_interval.tv_sec = static_cast<std::time_t>(half / 1'000'000);
  each.it_interval.tv_nsec = static_cast<long>(half % 1'000'000 * 1'000);
  each.it_value = each.it_interval;
  if (::timerfd_settime(timer_.get(), 0, &each, nullptr) != 0) {
    log::warn("watchdog of the service manager: {}", std::strerror(errno));
  }
}

void ServiceNotify::ready(std::string_view status) {
  status_ = status;
  send(fmt::format("READY=1\nSTATUS={}", status));
}

void ServiceNotify::reloading() {
  send(fmt::format("RELOADING=1\nMONOTONIC_USEC={}", monotonic_microseconds()));
}

void ServiceNotify::stopping() {
  send("STOPPING=1");
}

void ServiceNotify::status(std::string_view status) {
  if (status != status_) {
    status_ = status;
    send(fmt::format("STATUS={}", status));
  }
}

void ServiceNotify::alive() {
  std::uint64_t times = 0;
  if (::read(timer_.get(), &times, sizeof times) > 0) {
    send("WATCHDOG=1");
  }
}

void ServiceNotify::send(std::string_view text) const {
  if (socket_.empty()) {
    return;
  }
  FileDescriptor const sender(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ::setsockopt(sender.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket_.copy(address.sun_path, socket_.size());
  auto const size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
  auto const* const to = reinterpret_cast<sockaddr const*>(&address);
  if (::sendto(sender.get(), text.data(), text.size(), MSG_NOSIGNAL, to, size) < 0) {
    log::warn("tell the service manager {}: {}", text.substr(0, text.find('\n')),
              std::strerror(errno));
  }
}

}  // namespace drawbridge
