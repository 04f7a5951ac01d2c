// One HTTP/1.1 reply as bytes: what the Docker API sends on a connection. No sockets. Pure.
//
// The head is parsed by Boost.Beast; the body is read here, by Content-Length, in chunks, or up to
// the end of the connection, because Beast's chunk parser asserts on bytes that a peer may send.
// source: RFC 9112
#pragma once

#include "base/result.h"

#include <cstddef>
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

  bool is_whole() const { return part_ == Part::nothing; }
  /// returns  the reply, once it is whole
  ApiReply take() { return std::move(reply_); }

 private:
  enum class Part { head, body, body_to_end, chunk_line, chunk, trailer, nothing };

  Result<bool> read_part();
  Result<bool> read_head();
  Result<bool> read_body();
  Result<bool> read_to_end();
  Result<bool> read_chunk_line();
  Result<bool> read_chunk();
  Result<bool> read_trailer();
  std::string_view take_bytes(std::size_t count);

  std::string unread_;      // bytes that do not make a whole part yet
  std::string_view rest_;   // of `unread_`, while feeding
  Part part_ = Part::head;  // that comes next
  std::size_t size_ = 0;    // of the body or chunk that comes next
  std::size_t trailer_bytes_ = 0;
  ApiReply reply_;
};

}  // namespace drawbridge
