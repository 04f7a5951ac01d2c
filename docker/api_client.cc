#include "docker/api_client.h"

#include "docker/http_get.h"

#include <boost/json.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

namespace drawbridge {
namespace {

namespace json = boost::json;
using std::chrono::milliseconds;
using TimePoint = ApiClient::Clock::time_point;

constexpr int oldest_minor_version = 40;  // Docker 19.03
constexpr int newest_minor_version = 44;  // that Docker 25 brought and 29 still speaks
constexpr std::size_t max_message_bytes = 200;

std::string in_words(milliseconds time) {
  return time.count() % 1000 == 0 ? fmt::format("{} s", time.count() / 1000)
                                  : fmt::format("{} ms", time.count());
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
  TimePoint const deadline = std::min(Clock::now() + limit_, latest_);
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
  if (error.message == timed_out && deadline < latest_) {
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
  return http_get(socket_, target, deadline);
}

Error ApiClient::error_of(ApiReply const& reply) const {
  return {code_of(reply.status), fmt::format("{}: {}", reply.status, message_in(reply.body))};
}

}  // namespace drawbridge
