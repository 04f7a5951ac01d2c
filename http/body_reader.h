// The body of one HTTP/1.1 message, by Content-Length, in chunks, or up to the end of the
// connection. No sockets. Pure.
//
// It is not read by Boost.Beast, whose chunk parser asserts on bytes that a peer may send ("0\r\n"
// and one byte later, Boost 1.81).
// source: RFC 9112, sections 6 and 7
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace drawbridge {

/// How the end of a body is found.
struct BodyFraming {
  enum class Kind : std::uint8_t { none, length, chunked, to_end };
  Kind kind = Kind::none;
  std::uint64_t length = 0;  // that the head announces, in bytes; 0 if it announces none
};

/// The most that is read of something, and its name in texts: "request body".
struct ByteLimit {
  std::string_view name;
  std::size_t bytes;
};

struct BodyLimits {
  ByteLimit body;
  ByteLimit trailer;  // all its lines together
};

/// Why bytes cannot become a body.
struct BodyError {
  int status;          // that a server answers: 413
  std::string reason;  // "request body is larger than 8388608 bytes"
};

/// Takes the bytes up to and including `end` from the front of `bytes`, unless they are more than
/// `limit` or not all there.
///
/// searched  how much of `bytes` holds no `end`: 0 at first, then as the last call left it
std::optional<std::string_view> take_through(std::string_view end, std::size_t limit,
                                             std::string_view& bytes, std::size_t& searched);

class BodyReader {
 public:
  BodyReader(BodyFraming framing, BodyLimits limits);

  /// Takes what belongs to the body from the front of `unread`. What it leaves there is to come
  /// again, with more behind it; once the body is whole, it is what follows the body.
  ///
  /// returns  why there will be no body: as soon as that is certain, and again from then on
  std::optional<BodyError> read(std::string_view& unread);
  /// Says that no more bytes will come.
  void end();

  bool is_whole() const { return part_ == Part::nothing; }
  /// returns  the body, once it is whole
  std::string take() { return std::exchange(body_, {}); }
  /// For a body without an end that anybody waits for: what was read since the last call, whole or
  /// not, no longer counts against the limit.
  std::string take_read() { return std::exchange(body_, {}); }

 private:
  enum class Part : std::uint8_t { data, to_end, chunk_line, chunk, chunk_end, trailer, nothing };

  bool read_part(std::string_view& unread);
  bool read_data(std::string_view& unread);
  bool read_to_end(std::string_view& unread);
  bool read_chunk_line(std::string_view& unread);
  bool read_chunk_end(std::string_view& unread);
  bool read_trailer(std::string_view& unread);
  bool refuse(int status, std::string reason);

  BodyLimits limits_;
  Part part_ = Part::data;         // that comes next
  std::size_t missing_ = 0;        // bytes of the body or chunk still to come
  std::size_t trailer_bytes_ = 0;  // so far
  std::size_t searched_ = 0;       // for take_through
  std::string body_;
  std::optional<BodyError> error_;
};

}  // namespace drawbridge
