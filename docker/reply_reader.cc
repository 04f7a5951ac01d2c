#include "docker/reply_reader.h"

#include <fmt/core.h>

namespace drawbridge {
namespace json = boost::json;
namespace {

json::object const no_members;
json::array const no_elements;

json::value const* find(json::object const& in, std::string_view key) {
  json::value const* const value = in.if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

}  // namespace

Result<json::value> parse_reply(std::string_view body) {
  boost::system::error_code error;
  json::value value = json::parse(body, error);
  return error ? Result<json::value>(fail(Errc::malformed, "not JSON: " + error.message()))
               : Result<json::value>(std::move(value));
}

std::string ReplyReader::text(json::object const& in, std::string_view key) {
  json::value const* const value = find(in, key);
  return value == nullptr ? std::string() : as_text(*value, key);
}

std::string ReplyReader::as_text(json::value const& value, std::string_view name) {
  if (!value.is_string()) {
    refuse(fmt::format("\"{}\" is not a text", name));
    return {};
  }
  return std::string(value.as_string());
}

json::object const& ReplyReader::as_object(json::value const& value, std::string_view name) {
  if (!value.is_object()) {
    refuse(fmt::format("\"{}\" is not an object", name));
    return no_members;
  }
  return value.as_object();
}

json::object const& ReplyReader::object(json::object const& in, std::string_view key) {
  json::value const* const value = find(in, key);
  return value == nullptr ? no_members : as_object(*value, key);
}

json::array const& ReplyReader::list(json::object const& in, std::string_view key) {
  json::value const* const value = find(in, key);
  if (value == nullptr) {
    return no_elements;
  }
  if (!value->is_array()) {
    refuse(fmt::format("\"{}\" is not a list", key));
    return no_elements;
  }
  return value->as_array();
}

std::int64_t ReplyReader::number(json::object const& in, std::string_view key) {
  json::value const* const value = find(in, key);
  if (value == nullptr) {
    return 0;
  }
  if (!value->is_int64()) {
    refuse(fmt::format("\"{}\" is not a whole number", key));
    return 0;
  }
  return value->as_int64();
}

/// Some engines write the gateway of an IPv6 subnet with its prefix length.
std::optional<IpAddress> ReplyReader::address(json::object const& in, std::string_view key) {
  std::string const value = text(in, key);
  if (value.empty()) {
    return std::nullopt;
  }
  if (value.find('/') != std::string::npos) {
    std::optional<IpPrefix> const with_length = prefix(in, key);
    return with_length ? std::optional(with_length->address) : std::nullopt;
  }
  Result<IpAddress> const result = IpAddress::parse(value);
  if (!result) {
    refuse(fmt::format("\"{}\": {}", key, result.error().message));
    return std::nullopt;
  }
  return *result;
}

std::optional<IpPrefix> ReplyReader::prefix(json::object const& in, std::string_view key) {
  std::string const value = text(in, key);
  if (value.empty()) {
    return std::nullopt;
  }
  Result<IpPrefix> const result = IpPrefix::parse(value);
  if (!result) {
    refuse(fmt::format("\"{}\": {}", key, result.error().message));
    return std::nullopt;
  }
  return *result;
}

std::optional<IpPrefix> ReplyReader::prefix(json::object const& in, std::string_view address_key,
                                            std::string_view length_key) {
  std::optional<IpAddress> const own = address(in, address_key);
  if (!own) {
    return std::nullopt;
  }
  json::value const* const length = find(in, length_key);
  std::int64_t const bits = length != nullptr && length->is_int64() ? length->as_int64() : -1;
  if (bits < 0 || bits > (own->family == Family::ipv4 ? 32 : 128)) {
    refuse(fmt::format("\"{}\" is not a prefix length", length_key));
    return std::nullopt;
  }
  return IpPrefix{*own, static_cast<int>(bits)};
}

std::optional<MacAddress> ReplyReader::mac(json::object const& in, std::string_view key) {
  std::string const value = text(in, key);
  if (value.empty()) {
    return std::nullopt;
  }
  Result<MacAddress> const result = MacAddress::parse(value);
  if (!result) {
    refuse(fmt::format("\"{}\": {}", key, result.error().message));
    return std::nullopt;
  }
  return *result;
}

bool ReplyReader::flag(json::object const& in, std::string_view key) {
  json::value const* const value = find(in, key);
  bool const* const flag = value == nullptr ? nullptr : value->if_bool();
  if (value != nullptr && flag == nullptr) {
    refuse(fmt::format("\"{}\" is neither true nor false", key));
  }
  return flag != nullptr && *flag;
}

void ReplyReader::refuse(std::string reason) {
  if (!error_) {
    error_ = Error{Errc::malformed, std::move(reason)};
  }
}

}  // namespace drawbridge
