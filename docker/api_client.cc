#include "docker/api_client.h"

#include "docker/refusal.h"
#include "http/target.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

namespace drawbridge {
namespace {

using std::chrono::milliseconds;
using TimePoint = ApiClient::Clock::time_point;

constexpr int oldest_minor_version = 40;  // Docker 19.03
constexpr int newest_minor_version = 48;  // that Docker 28 brought, for GwPriority

/// What tells the version of the engine, the cheapest first. The last asks for a network that
/// cannot be, by a path that must be allowed anyway where a proxy allows only some.
constexpr std::array<std::string_view, 3> version_questions = {
    "/_ping", "/version", "/networks?filters=%7B%22name%22%3A%5B%22%5E%24%22%5D%7D"};

std::string in_words(milliseconds time) {
  return time.count() % 1000 == 0 ? fmt::format("{} s", time.count() / 1000)
                                  : fmt::format("{} ms", time.count());
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

/// returns  whether a proxy before the engine's socket let the question not pass
bool is_not_allowed(ApiReply const& reply) {
  return reply.api_version.empty() &&
         (reply.status == 401 || reply.status == 403 || reply.status == 405);
}

/// returns  whether the engine may be another one than that which named its version as `agreed`: it
///          names another, it refuses without naming any (a proxy drops headers), or it went away
bool may_be_another(Result<ApiReply> const& reply, std::string_view agreed) {
  if (!reply) {
    return reply.error().message != timed_out;
  }
  return reply->api_version.empty() ? reply->status == 400 : reply->api_version != agreed;
}

}  // namespace

ApiClient::ApiClient(std::filesystem::path socket, milliseconds limit)
    : socket_(std::move(socket)), limit_(limit) {}

Result<std::string> ApiClient::get(std::string const& path) {
  return call({"GET", path});
}

Result<std::string> ApiClient::post(std::string const& path, std::string body) {
  return call({"POST", path, std::move(body)});
}

Result<std::string> ApiClient::remove(std::string const& path) {
  return call({"DELETE", path});
}

Result<int> ApiClient::minor_version() {
  return minor_version_ ? Result<int>(*minor_version_) : agree_anew();
}

Result<int> ApiClient::agree_anew() {
  TimePoint const end = deadline();
  if (Result<void> const agreed = agree_on_version(end); !agreed) {
    return fail(in_call("/_ping", told(agreed.error(), end)));
  }
  return *minor_version_;
}

Error ApiClient::in_call(std::string_view method, std::string const& path,
                         Error const& error) const {
  return error.within(fmt::format("{} {}", method, path)).within("docker api " + socket_.native());
}

Result<std::string> ApiClient::call(HttpCall const& call) {
  TimePoint const end = deadline();
  Result<ApiReply> reply = ask(call, end);
  if (reply && is_success(*reply)) {
    return std::move(reply->body);
  }
  Error const error = reply ? refusal_in(*reply) : told(reply.error(), end);
  return fail(in_call(call.method, call.target, error));
}

/// An engine that was exchanged since the version was agreed on refuses it, and has done nothing.
Result<ApiReply> ApiClient::ask(HttpCall const& call, TimePoint deadline) {
  if (!is_target(call.target)) {
    return fail(Errc::invalid_argument, "holds characters that no path has");
  }
  bool const version_is_old = minor_version_.has_value();
  Result<ApiReply> reply = ask_once(call, deadline);
  bool const is_refused = reply && reply->status == 400 && !minor_version_;
  return version_is_old && is_refused ? ask_once(call, deadline) : reply;
}

Result<ApiReply> ApiClient::ask_once(HttpCall const& call, TimePoint deadline) {
  if (!minor_version_) {
    if (Result<void> const agreed = agree_on_version(deadline); !agreed) {
      return fail(agreed.error());
    }
  }
  HttpCall versioned = call;
  versioned.target = fmt::format("/v1.{}{}", *minor_version_, call.target);
  Result<ApiReply> reply = exchange(versioned, deadline);
  if (may_be_another(reply, engine_version_)) {
    minor_version_.reset();
  }
  return reply;
}

Result<void> ApiClient::agree_on_version(TimePoint deadline) {
  minor_version_.reset();
  Result<ApiReply> const reply = ask_for_version(deadline);
  if (!reply) {
    return fail(reply.error());
  }
  if (!is_success(*reply)) {
    std::string_view const asked = is_not_allowed(*reply)
                                       ? "ask /_ping, /version or /networks for its version"
                                       : "ask for its version";
    return fail(refusal_in(*reply).within(asked));
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
  minor_version_ = std::min(*newest, newest_minor_version);
  engine_version_ = reply->api_version;
  return {};
}

Result<ApiReply> ApiClient::ask_for_version(TimePoint deadline) const {
  Result<ApiReply> reply = exchange({"GET", std::string(version_questions.front())}, deadline);
  for (std::size_t next = 1; next < version_questions.size() && reply && is_not_allowed(*reply);
       ++next) {
    reply = exchange({"GET", std::string(version_questions[next])}, deadline);
  }
  return reply;
}

Result<ApiReply> ApiClient::exchange(HttpCall const& call, TimePoint deadline) const {
  return http_call(socket_, call, {deadline, &stop_});
}

TimePoint ApiClient::deadline() const {
  return std::min(Clock::now() + limit_, latest_);
}

/// returns  the error with the limit, if it was that which passed
Error ApiClient::told(Error error, TimePoint deadline) const {
  if (error.message == timed_out && deadline < latest_) {
    error.message += " after " + in_words(limit_);
  }
  return error;
}

}  // namespace drawbridge
