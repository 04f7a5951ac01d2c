// The JSON of the Docker API's replies, read member by member. Pure.
#pragma once

#include "base/result.h"
#include "model/address.h"

#include <boost/json.hpp>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace drawbridge {

/// errors  malformed   not JSON
Result<boost::json::value> parse_reply(std::string_view body);

/// Reads members of objects; the first thing that is wrong sticks. Absent, null and empty mean the
/// same.
class ReplyReader {
 public:
  std::string text(boost::json::object const& in, std::string_view key);
  boost::json::object const& object(boost::json::object const& in, std::string_view key);
  boost::json::array const& list(boost::json::object const& in, std::string_view key);
  std::string as_text(boost::json::value const& value, std::string_view name);
  boost::json::object const& as_object(boost::json::value const& value, std::string_view name);
  /// returns  0 where there is none
  std::int64_t number(boost::json::object const& in, std::string_view key);
  std::optional<IpAddress> address(boost::json::object const& in, std::string_view key);
  std::optional<IpPrefix> prefix(boost::json::object const& in, std::string_view key);
  /// Of an address and its length that are members of their own.
  std::optional<IpPrefix> prefix(boost::json::object const& in, std::string_view address_key,
                                 std::string_view length_key);

  std::optional<MacAddress> mac(boost::json::object const& in, std::string_view key);
  bool flag(boost::json::object const& in, std::string_view key);

  void refuse(std::string reason);

  /// returns  `value`, or the first thing that was wrong
  template <class T>
  Result<T> finish(T value) const {
    return error_ ? Result<T>(fail(*error_)) : Result<T>(std::move(value));
  }

 private:
  std::optional<Error> error_;
};

}  // namespace drawbridge
