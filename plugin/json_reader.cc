#include "plugin/json_reader.h"

#include "base/text.h"

#include <fmt/core.h>

#include <utility>

namespace drawbridge {
namespace json = boost::json;
namespace {

json::object const no_members;
json::array const no_elements;
constexpr std::size_t max_depth = 16;

/// returns  ": " and the value, of objects and lists nothing
std::string shown(json::value const& value) {
  if (value.is_structured()) {
    return {};
  }
  return ": " + (value.is_string() ? in_quotes(value.as_string()) : json::serialize(value));
}

}  // namespace

JsonDocument::JsonDocument(std::string_view body) {
  if (body.find_first_not_of(" \t\r\n") == std::string_view::npos) {
    // The engine repeats a call whose connection broke without its body.
    refuse({Errc::malformed, "empty request body: nothing done"});
    return;
  }
  boost::system::error_code error;
  json::parse_options options;
  options.max_depth = max_depth;
  json::value value = json::parse(body, error, {}, options);
  if (error) {
    refuse({Errc::malformed, "request body is not JSON: " + error.message()});
  } else if (!value.is_object()) {
    refuse({Errc::malformed, "request body is not a JSON object"});
  } else {
    root_ = std::move(value.as_object());
  }
}

void JsonDocument::refuse(Error error) {
  if (!error_) {
    error_ = std::move(error);
  }
}

void JsonReader::refuse(Error error) const {
  document_->refuse(std::move(error));
}

void JsonReader::refuse_kind(std::string_view key, std::string_view wanted,
                             json::value const& value) const {
  refuse({Errc::invalid_argument, fmt::format("\"{}\" is not {}{}", key, wanted, shown(value))});
}

json::value const* JsonReader::find(std::string_view key) const {
  json::value const* value = object_->if_contains(key);
  return value != nullptr && value->is_null() ? nullptr : value;
}

std::string JsonReader::text(std::string_view key) const {
  json::value const* value = find(key);
  if (value == nullptr) {
    return {};
  }
  if (!value->is_string()) {
    refuse_kind(key, "a text", *value);
    return {};
  }
  return std::string(value->as_string());
}

bool JsonReader::flag(std::string_view key) const {
  json::value const* value = find(key);
  if (value != nullptr && !value->is_bool()) {
    refuse_kind(key, "true or false", *value);
    return false;
  }
  return value != nullptr && value->as_bool();
}

std::optional<int> JsonReader::number(std::string_view key) const {
  json::value const* value = find(key);
  if (value == nullptr) {
    return std::nullopt;
  }
  boost::system::error_code error;
  int const number = value->to_number<int>(error);
  if (error) {
    refuse_kind(key, "a number", *value);
    return std::nullopt;
  }
  return number;
}

std::uint64_t JsonReader::count(std::string_view key) const {
  json::value const* value = find(key);
  if (value == nullptr) {
    return 0;
  }
  boost::system::error_code error;
  auto const count = value->to_number<std::uint64_t>(error);
  if (error) {
    refuse_kind(key, "a count", *value);
    return 0;
  }
  return count;
}

json::array const& JsonReader::list(std::string_view key) const {
  json::value const* value = find(key);
  if (value == nullptr) {
    return no_elements;
  }
  if (!value->is_array()) {
    refuse_kind(key, "a list", *value);
    return no_elements;
  }
  return value->as_array();
}

std::vector<std::string> JsonReader::texts(std::string_view key) const {
  std::vector<std::string> texts;
  for (json::value const& element : list(key)) {
    if (element.is_string()) {
      texts.emplace_back(element.as_string());
    } else {
      refuse_kind(key, "a list of texts", element);
    }
  }
  return texts;
}

JsonReader JsonReader::object(std::string_view key) const {
  json::value const* value = find(key);
  if (value != nullptr && !value->is_object()) {
    refuse_kind(key, "an object", *value);
    value = nullptr;
  }
  return {*document_, value == nullptr ? no_members : value->as_object()};
}

std::vector<JsonReader> JsonReader::objects(std::string_view key) const {
  std::vector<JsonReader> readers;
  for (json::value const& element : list(key)) {
    if (element.is_object()) {
      readers.push_back({*document_, element.as_object()});
    } else {
      refuse_kind(key, "a list of objects", element);
    }
  }
  return readers;
}

std::vector<std::string> JsonReader::keys() const {
  std::vector<std::string> keys;
  for (json::key_value_pair const& member : *object_) {
    keys.emplace_back(member.key());
  }
  return keys;
}

std::map<std::string, std::string> JsonReader::text_map(std::string_view key) const {
  JsonReader const inner = object(key);
  std::map<std::string, std::string> texts;
  for (std::string const& name : inner.keys()) {
    texts.emplace(name, inner.text(name));
  }
  return texts;
}

template <class T>
std::optional<T> JsonReader::parsed(std::string_view key) const {
  std::string const value = text(key);
  if (value.empty()) {
    return std::nullopt;
  }
  Result<T> const result = T::parse(value);
  if (!result) {
    refuse(result.error().within(fmt::format("\"{}\"", key)));
    return std::nullopt;
  }
  return *result;
}

std::optional<IpAddress> JsonReader::address(std::string_view key) const {
  return parsed<IpAddress>(key);
}

std::optional<IpPrefix> JsonReader::prefix(std::string_view key) const {
  return parsed<IpPrefix>(key);
}

std::optional<MacAddress> JsonReader::mac(std::string_view key) const {
  return parsed<MacAddress>(key);
}

}  // namespace drawbridge
