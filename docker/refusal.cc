#include "docker/refusal.h"

#include <boost/json.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string>

namespace drawbridge {
namespace {

namespace json = boost::json;

constexpr std::size_t max_message_bytes = 200;

/// returns  the engine's own words, on one line and not too many; nothing if it is not the engine
///          that speaks
std::optional<std::string> message_in(std::string const& body) {
  boost::system::error_code error;
  json::value const value = json::parse(body, error);
  json::object const* const object = error ? nullptr : value.if_object();
  json::value const* const message = object == nullptr ? nullptr : object->if_contains("message");
  if (message == nullptr || !message->is_string()) {
    return std::nullopt;
  }
  std::string text(message->as_string());
  std::replace_if(text.begin(), text.end(), [](char c) { return c >= '\0' && c < ' '; }, ' ');
  text.resize(std::min(text.size(), max_message_bytes));
  return text;
}

Error refusal_of_engine(int status, std::string const& message) {
  std::string text = fmt::format("{}: {}", status, message);
  switch (status) {
    case 400:
      return {Errc::invalid_argument, std::move(text)};
    case 404:
      return {Errc::not_found, std::move(text)};
    case 403:
    case 409:
      return {Errc::conflict, std::move(text)};
    default:
      return {Errc::unsupported, std::move(text)};
  }
}

/// Not in the engine's form: what stands before its socket speaks, or an engine without words.
Error refusal_without_message(int status) {
  switch (status) {
    case 401:
    case 403:
    case 405:
      return {Errc::unsupported,
              fmt::format("{}: a proxy before the socket does not allow this call: allow it there",
                          status)};
    case 502:
    case 503:
    case 504:
      return {Errc::kernel,
              fmt::format("{}: a proxy before the socket does not reach the engine", status)};
    default:
      return refusal_of_engine(status, "no reason given");
  }
}

}  // namespace

bool is_success(ApiReply const& reply) {
  return reply.status == 200 || reply.status == 201 || reply.status == 204;
}

Error refusal_in(ApiReply const& reply) {
  std::optional<std::string> const message = message_in(reply.body);
  return message ? refusal_of_engine(reply.status, *message)
                 : refusal_without_message(reply.status);
}

}  // namespace drawbridge
