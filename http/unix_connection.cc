#include "http/unix_connection.h"

#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <utility>

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

namespace drawbridge {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::size_t buffer_bytes = 65536;
/// How late a connect that waits for its place in the backlog hears that it is to stop: connect(2)
/// waits for no second descriptor.
constexpr microseconds connect_slice{50'000};

tl::unexpected<Error> fail_with(int code, std::string_view words) {
  return fail(Errc::kernel, fmt::format("{}: {}", words, std::strerror(code)));
}

/// errors  kernel   the time is over, or stopped
Result<void> check(Patience const& patience) {
  if (patience.stop != nullptr && patience.stop->is_raised()) {
    return fail(Errc::kernel, std::string(was_stopped));
  }
  return Clock::now() < patience.deadline ? Result<void>()
                                          : fail(Errc::kernel, std::string(timed_out));
}

Result<sockaddr_un> address_of(std::filesystem::path const& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string const& text = path.native();
  if (text.size() >= sizeof address.sun_path) {
    return fail(Errc::invalid_argument,
                fmt::format("the socket's path has {} characters, it may have {}", text.size(),
                            sizeof address.sun_path - 1));
  }
  text.copy(address.sun_path, text.size());
  return address;
}

/// returns  what poll(2) takes: 0 when `deadline` is past
int milliseconds_until(Clock::time_point deadline) {
  auto const left = std::chrono::ceil<milliseconds>(deadline - Clock::now()).count();
  constexpr decltype(left) longest = std::numeric_limits<int>::max();
  return static_cast<int>(std::clamp<decltype(left)>(left, 0, longest));
}

/// returns  whether `socket` is ready for `events` before the deadline
Result<bool> is_ready(int socket, short events, Patience const& patience) {
  int const stop = patience.stop == nullptr ? -1 : patience.stop->descriptor();
  while (true) {
    pollfd wanted[] = {{socket, events, 0}, {stop, POLLIN, 0}};
    int const ready = ::poll(wanted, std::size(wanted), milliseconds_until(patience.deadline));
    if (ready < 0 && errno != EINTR) {
      return fail_with(errno, "wait for the socket");
    }
    if (patience.stop != nullptr && patience.stop->is_raised()) {
      return fail(Errc::kernel, std::string(was_stopped));
    }
    if (ready >= 0) {
      return wanted[0].revents != 0;
    }
  }
}

/// errors  as UnixConnection::receive()
Result<void> wait_for(int socket, short events, Patience const& patience) {
  if (Result<void> const checked = check(patience); !checked) {
    return checked;
  }
  Result<bool> const ready = is_ready(socket, events, patience);
  if (!ready) {
    return fail(ready.error());
  }
  return *ready ? Result<void>() : fail(Errc::kernel, std::string(timed_out));
}

/// returns  whether a call that failed may be made again: interrupted, or not ready after all
bool may_repeat(int code) {
  return code == EINTR || code == EAGAIN;
}

/// Lets the next connect(2) on a blocking socket end after a slice of the time that is left.
void limit_connect(int socket, Clock::time_point deadline) {
  auto const left = std::chrono::ceil<microseconds>(deadline - Clock::now());
  // No time at all would mean: without an end.
  timeval const time{0, std::clamp(left, microseconds(1), connect_slice).count()};
  ::setsockopt(socket, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time);
}

}  // namespace

StopSignal::StopSignal() : event_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void StopSignal::raise() {
  raised_ = true;
  std::uint64_t const one = 1;
  // It can only fail when the signal is raised already.
  [[maybe_unused]] ssize_t const written = ::write(event_.get(), &one, sizeof one);
}

/// The descriptor blocks: a non-blocking one cannot wait for a place in the engine's backlog.
Result<UnixConnection> UnixConnection::open(std::filesystem::path const& socket,
                                            Patience const& patience) {
  Result<sockaddr_un> const address = address_of(socket);
  if (!address) {
    return fail(address.error());
  }
  FileDescriptor descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!descriptor.is_open()) {
    return fail_with(errno, "open a socket");
  }
  while (true) {
    if (Result<void> const checked = check(patience); !checked) {
      return fail(checked.error());
    }
    limit_connect(descriptor.get(), patience.deadline);
    auto const* generic = reinterpret_cast<sockaddr const*>(&*address);
    if (::connect(descriptor.get(), generic, sizeof *address) == 0) {
      return UnixConnection(std::move(descriptor));
    }
    if (!may_repeat(errno)) {
      return fail_with(errno, "connect");
    }
  }
}

Result<void> UnixConnection::send(std::string_view bytes, Patience const& patience) {
  while (!bytes.empty()) {
    if (Result<void> const ready = wait_for(socket_.get(), POLLOUT, patience); !ready) {
      return ready;
    }
    ssize_t const sent =
        ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && !may_repeat(errno)) {
      return fail_with(errno, "send the request");
    }
    bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
  }
  return {};
}

Result<bool> UnixConnection::is_readable(Patience const& patience) const {
  return is_ready(socket_.get(), POLLIN, patience);
}

Result<std::string_view> UnixConnection::receive(Patience const& patience) {
  buffer_.resize(buffer_bytes);
  while (true) {
    if (Result<void> const ready = wait_for(socket_.get(), POLLIN, patience); !ready) {
      return fail(ready.error());
    }
    ssize_t const got = ::recv(socket_.get(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (got >= 0) {
      return std::string_view(buffer_).substr(0, static_cast<std::size_t>(got));
    }
    if (!may_repeat(errno)) {
      return fail_with(errno, "read the reply");
    }
  }
}

}  // namespace drawbridge
