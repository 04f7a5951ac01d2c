#include "docker/api_client.h"

#include "base/file_descriptor.h"

#include <boost/json.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <system_error>
#include <utility>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

namespace drawbridge {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using TimePoint = ApiClient::Clock::time_point;

constexpr int oldest_minor_version = 40;  // Docker 19.03
constexpr int newest_minor_version = 44;  // that Docker 25 brought and 29 still speaks
constexpr std::size_t max_message_bytes = 200;
constexpr std::string_view timed_out = "timed out";

tl::unexpected<Error> fail_with(int code, std::string_view words) {
  return fail(Errc::kernel, fmt::format("{}: {}", words, std::strerror(code)));
}

std::string in_words(milliseconds time) {
  return time.count() % 1000 == 0 ? fmt::format("{} s", time.count() / 1000)
                                  : fmt::format("{} ms", time.count());
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
  auto const left = std::chrono::ceil<microseconds>(deadline - ApiClient::Clock::now());
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

bool is_target(std::string_view text) {
  return text.starts_with('/') &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < '\x7f'; });
}

/// returns  N of "1.N"
std::optional<int> minor_version_in(std::string_view text) {
  constexpr std::string_view major = "1.";
  int minor = 0;
  if (!text.starts_with(major)) {
    return std::nullopt;
  }
  char const* const end = text.data() + text.size();
  auto const [stop, error] = std::from_chars(text.data() + major.size(), end, minor);
  return error == std::errc{} && stop == end ? std::optional(minor) : std::nullopt;
}

Errc code_of(int status) {
  switch (status) {
    case 400:
      return Errc::invalid_argument;
    case 404:
      return Errc::not_found;
    case 409:
      return Errc::conflict;
    default:
      return Errc::unsupported;
  }
}

/// returns  the engine's own words, on one line and not too many
std::string message_in(std::string const& body) {
  boost::system::error_code error;
  json::value const value = json::parse(body, error);
  json::object const* const object = error ? nullptr : value.if_object();
  json::value const* const message = object == nullptr ? nullptr : object->if_contains("message");
  std::string text = message != nullptr && message->is_string() ? std::string(message->as_string())
                                                                : "no reason given";
  std::replace_if(text.begin(), text.end(), [](char c) { return c >= '\0' && c < ' '; }, ' ');
  text.resize(std::min(text.size(), max_message_bytes));
  return text;
}

}  // namespace

ApiClient::ApiClient(std::filesystem::path socket, milliseconds limit)
    : socket_(std::move(socket)), limit_(limit) {}

Result<std::string> ApiClient::get(std::string const& path) {
  TimePoint const deadline = Clock::now() + limit_;
  bool const version_is_old = minor_version_.has_value();
  Result<ApiReply> reply = ask(path, deadline);
  if (version_is_old && reply && reply->status == 400) {
    minor_version_.reset();  // the engine may be another one since
    reply = ask(path, deadline);
  }
  if (reply && reply->status == 200) {
    return std::move(reply->body);
  }
  Error error = reply ? error_of(*reply) : reply.error();
  if (error.message == timed_out) {
    error.message += " after " + in_words(limit_);
  }
  return fail(in_call(path, error));
}

Error ApiClient::in_call(std::string const& path, Error const& error) const {
  return error.within("GET " + path).within("docker api " + socket_.native());
}

Result<ApiReply> ApiClient::ask(std::string const& path, TimePoint deadline) {
  if (!is_target(path)) {
    return fail(Errc::invalid_argument, "holds characters that no path has");
  }
  if (!minor_version_) {
    Result<int> const agreed = agree_on_version(deadline);
    if (!agreed) {
      return fail(agreed.error());
    }
    minor_version_ = *agreed;
  }
  return exchange(fmt::format("/v1.{}{}", *minor_version_, path), deadline);
}

Result<int> ApiClient::agree_on_version(TimePoint deadline) const {
  Result<ApiReply> const reply = exchange("/_ping", deadline);
  if (!reply) {
    return fail(reply.error());
  }
  if (reply->status != 200) {
    return fail(error_of(*reply).within("ask for its version"));
  }
  std::optional<int> const newest = minor_version_in(reply->api_version);
  if (!newest) {
    return fail(Errc::malformed, "what answers names no version of the Docker API");
  }
  if (*newest < oldest_minor_version) {
    return fail(Errc::unsupported,
                fmt::format("the engine speaks API 1.{}, 1.{} is needed: Docker 19.03 or newer",
                            *newest, oldest_minor_version));
  }
  return std::min(*newest, newest_minor_version);
}

Result<ApiReply> ApiClient::exchange(std::string const& target, TimePoint deadline) const {
  if (stopped_) {
    return fail(Errc::kernel, "stopped");
  }
  Result<FileDescriptor> const connection = connect_to(socket_, deadline);
  if (!connection) {
    return fail(connection.error());
  }
  std::string const request = fmt::format(
      "GET {} HTTP/1.1\r\nHost: docker\r\nUser-Agent: drawbridge\r\nConnection: close\r\n\r\n",
      target);
  if (Result<void> const sent = send_all(connection->get(), request, deadline); !sent) {
    return fail(sent.error());
  }
  return receive_reply(connection->get(), deadline);
}

Error ApiClient::error_of(ApiReply const& reply) const {
  return {code_of(reply.status), fmt::format("{}: {}", reply.status, message_in(reply.body))};
}

}  // namespace drawbridge
