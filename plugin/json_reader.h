// Reads a JSON document field by field; the first thing that is wrong sticks and is told at the
// end.
//
//   JsonDocument document(body);
//   JsonReader const in = document.root();
//   PoolId id{in.text("PoolID")};
//   return document.finish(id);
//
// Absent, null and empty mean the same: engines differ in which they send. For the *_messages.cc
// files and config.cc; shows Boost.JSON, so no other folder includes it.
#pragma once

#include "base/result.h"
#include "model/address.h"

#include <boost/json.hpp>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drawbridge {

class JsonDocument;

/// One object of a document that outlives it.
class JsonReader {
 public:
  std::string text(std::string_view key) const;
  bool flag(std::string_view key) const;
  std::optional<int> number(std::string_view key) const;
  /// returns  a whole number that is not negative; absent is 0
  std::uint64_t count(std::string_view key) const;
  std::vector<std::string> texts(std::string_view key) const;
  std::map<std::string, std::string> text_map(std::string_view key) const;
  std::optional<IpAddress> address(std::string_view key) const;
  std::optional<IpPrefix> prefix(std::string_view key) const;
  std::optional<MacAddress> mac(std::string_view key) const;
  JsonReader object(std::string_view key) const;
  std::vector<JsonReader> objects(std::string_view key) const;
  std::vector<std::string> keys() const;
  boost::json::object const& raw() const { return *object_; }

  /// Says that what was read cannot be.
  void refuse(Error error) const;

 private:
  friend class JsonDocument;
  JsonReader(JsonDocument& document, boost::json::object const& object)
      : document_(&document), object_(&object) {}

  boost::json::value const* find(std::string_view key) const;
  boost::json::array const& list(std::string_view key) const;
  template <class T>
  std::optional<T> parsed(std::string_view key) const;
  void refuse_kind(std::string_view key, std::string_view wanted,
                   boost::json::value const& value) const;

  JsonDocument* document_;
  boost::json::object const* object_;
};

class JsonDocument {
 public:
  explicit JsonDocument(std::string_view body);
  explicit JsonDocument(boost::json::object root) : root_(std::move(root)) {}
  JsonDocument(JsonDocument const&) = delete;
  JsonDocument& operator=(JsonDocument const&) = delete;

  JsonReader root() { return {*this, root_}; }
  std::optional<Error> const& error() const { return error_; }

  /// returns  `value`, or the first thing that was wrong
  template <class T>
  Result<T> finish(T value) const {
    return error_ ? Result<T>(fail(*error_)) : Result<T>(std::move(value));
  }

 private:
  friend class JsonReader;
  void refuse(Error error);

  boost::json::object root_;
  std::optional<Error> error_;
};

}  // namespace drawbridge
