// One HTTP/1.1 reply as bytes: what the Docker API sends on a connection. No sockets. Pure.
#pragma once

#include "base/result.h"
#include "http/body_reader.h"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace drawbridge {

constexpr std::size_t max_api_header_bytes = std::size_t{16} * 1024;
constexpr std::size_t max_api_body_bytes = std::size_t{16} * 1024 * 1024;

struct ApiReply {
  int status = 0;
  std::string api_version;  // header Api-Version: "1.41"
  std::string body;
};

/// Turns the bytes of one connection into one reply.
class ReplyDecoder {
 public:
  /// Takes in bytes as they arrive; what follows the reply is dropped.
  ///
  /// errors  malformed   the bytes cannot become a reply, or one larger than the limits
  Result<void> feed(std::string_view bytes);
  /// Says that no more bytes will come.
  ///
  /// errors  malformed   the reply is not whole
  Result<void> end();

  bool is_whole() const { return body_ && body_->is_whole(); }
  /// returns  the reply's status, once its head has been read; 0 before
  int status() const { return reply_.status; }
  /// returns  the next part of the body: all that has arrived since the last call. Only what is not
  ///          taken counts against the limit, so that a stream may go on for ever.
  std::string take_part() { return body_ ? body_->take_read() : std::string(); }
  /// returns  the reply, once it is whole
  ApiReply take();

 private:
  Result<void> read_head(std::string_view& bytes);

  std::string unread_;              // bytes that do not make a whole part yet
  std::size_t searched_ = 0;        // how much of a head in it has no end in it
  std::optional<BodyReader> body_;  // once the head has been read
  ApiReply reply_;
};

}  // namespace drawbridge
