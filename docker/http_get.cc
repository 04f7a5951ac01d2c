#include "docker/http_get.h"

#include "base/file_descriptor.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

namespace drawbridge {
namespace {

using TimePoint = std::chrono::steady_clock::time_point;

tl::unexpected<Error> fail_with(int code, std::string_view words) {
  return fail(Errc::kernel, fmt::format("{}: {}", words, std::strerror(code)));
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

/// Lets the next calls of one kind on a socket end at `deadline`.
///
/// kind    SO_RCVTIMEO or SO_SNDTIMEO, which holds for connect(2) too
/// errors  kernel   it is past
Result<void> set_deadline(int socket, int kind, TimePoint deadline) {
  using std::chrono::microseconds;
  auto const left = std::chrono::ceil<microseconds>(deadline - std::chrono::steady_clock::now());
  if (left.count() <= 0) {
    return fail(Errc::kernel, std::string(timed_out));
  }
  timeval const time{left.count() / 1'000'000, left.count() % 1'000'000};
  ::setsockopt(socket, SOL_SOCKET, kind, &time, sizeof time);
  return {};
}

/// returns  whether a call that failed may be made again: interrupted, or its time is over
bool may_repeat(int code) {
  return code == EINTR || code == EAGAIN;
}

/// The descriptor blocks: a non-blocking one cannot wait for a place in the engine's backlog.
Result<FileDescriptor> connect_to(std::filesystem::path const& path, TimePoint deadline) {
  Result<sockaddr_un> const address = address_of(path);
  if (!address) {
    return fail(address.error());
  }
  FileDescriptor descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  if (!descriptor.is_open()) {
    return fail_with(errno, "open a socket");
  }
  while (true) {
    if (Result<void> const set = set_deadline(descriptor.get(), SO_SNDTIMEO, deadline); !set) {
      return fail(set.error());
    }
    auto const* generic = reinterpret_cast<sockaddr const*>(&*address);
    if (::connect(descriptor.get(), generic, sizeof *address) == 0) {
      return descriptor;
    }
    if (!may_repeat(errno)) {
      return fail_with(errno, "connect");
    }
  }
}

Result<void> send_all(int socket, std::string_view bytes, TimePoint deadline) {
  while (!bytes.empty()) {
    if (Result<void> const set = set_deadline(socket, SO_SNDTIMEO, deadline); !set) {
      return set;
    }
    ssize_t const sent = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0 && !may_repeat(errno)) {
      return fail_with(errno, "send the request");
    }
    bytes.remove_prefix(static_cast<std::size_t>(std::max<ssize_t>(sent, 0)));
  }
  return {};
}

/// returns  what has arrived, at the end of the connection nothing
Result<std::string_view> receive_some(int socket, std::array<char, 65536>& buffer,
                                      TimePoint deadline) {
  while (true) {
    if (Result<void> const set = set_deadline(socket, SO_RCVTIMEO, deadline); !set) {
      return fail(set.error());
    }
    ssize_t const got = ::recv(socket, buffer.data(), buffer.size(), 0);
    if (got >= 0) {
      return std::string_view(buffer.data(), static_cast<std::size_t>(got));
    }
    if (!may_repeat(errno)) {
      return fail_with(errno, "read the reply");
    }
  }
}

Result<ApiReply> receive_reply(int socket, TimePoint deadline) {
  std::array<char, 65536> buffer;
  ReplyDecoder decoder;
  while (!decoder.is_whole()) {
    Result<std::string_view> const bytes = receive_some(socket, buffer, deadline);
    if (!bytes) {
      return fail(bytes.error());
    }
    Result<void> const taken = bytes->empty() ? decoder.end() : decoder.feed(*bytes);
    if (!taken) {
      // An engine that goes away is none that answers wrongly.
      return fail(bytes->empty() ? Errc::kernel : taken.error().code, taken.error().message);
    }
  }
  return decoder.take();
}

/// head   the request line without the version
/// extra  more header lines
Result<ApiReply> exchange(std::filesystem::path const& socket, std::string_view head,
                          std::string_view extra, TimePoint deadline) {
  Result<FileDescriptor> const connection = connect_to(socket, deadline);
  if (!connection) {
    return fail(connection.error());
  }
  std::string const request = fmt::format(
      "{} HTTP/1.1\r\nHost: localhost\r\nUser-Agent: drawbridge\r\nConnection: close\r\n{}\r\n",
      head, extra);
  if (Result<void> const sent = send_all(connection->get(), request, deadline); !sent) {
    return fail(sent.error());
  }
  return receive_reply(connection->get(), deadline);
}

}  // namespace

Result<ApiReply> http_get(std::filesystem::path const& socket, std::string const& target,
                          TimePoint deadline) {
  return exchange(socket, "GET " + target, "", deadline);
}

Result<ApiReply> http_post(std::filesystem::path const& socket, std::string const& target,
                           TimePoint deadline) {
  return exchange(socket, "POST " + target, "Content-Length: 0\r\n", deadline);
}

}  // namespace drawbridge
