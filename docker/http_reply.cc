#include "docker/http_reply.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <optional>
#include <system_error>

namespace drawbridge {
namespace {

namespace http = boost::beast::http;
// Without a body: Beast reads heads only (see the top of the header).
using HeadParser = http::response_parser<http::empty_body>;

constexpr std::string_view line_end = "\r\n";
constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::size_t max_chunk_line_bytes = 256;

tl::unexpected<Error> malformed(std::string reason) {
  return fail(Errc::malformed, std::move(reason));
}

tl::unexpected<Error> too_large() {
  return malformed(fmt::format("the reply is larger than {} bytes", max_api_body_bytes));
}

/// returns  true when the body's framing is one that we read: none, a length, or plain chunks
bool has_known_framing(HeadParser const& head) {
  auto const [first, last] = head.get().equal_range(http::field::transfer_encoding);
  return first == last ||
         (std::next(first) == last && boost::beast::iequals(first->value(), "chunked"));
}

bool has_no_body(int status) {
  return status == 204 || status == 304;
}

/// returns  the number before any ";extension" of a chunk's first line
std::optional<std::size_t> chunk_size(std::string_view line) {
  std::size_t size = 0;
  auto const [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  std::string_view rest(end, static_cast<std::size_t>(line.data() + line.size() - end));
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  if (error != std::errc{} || (!rest.empty() && rest.front() != ';')) {
    return std::nullopt;
  }
  return size;
}

}  // namespace

Result<void> ReplyDecoder::feed(std::string_view bytes) {
  unread_ += bytes;
  rest_ = unread_;
  Result<bool> more = true;
  while (more && *more) {
    more = read_part();
  }
  unread_.erase(0, unread_.size() - rest_.size());
  return more ? Result<void>() : fail(more.error());
}

Result<void> ReplyDecoder::end() {
  if (part_ == Part::body_to_end) {
    part_ = Part::nothing;
  }
  if (is_whole()) {
    return {};
  }
  return malformed(part_ == Part::head && unread_.empty()
                       ? "the connection ended without a reply"
                       : "the connection ended in the middle of the reply");
}

/// returns  true when a part was taken and the next may be there already
Result<bool> ReplyDecoder::read_part() {
  switch (part_) {
    case Part::head:
      return read_head();
    case Part::body:
      return read_body();
    case Part::body_to_end:
      return read_to_end();
    case Part::chunk_line:
      return read_chunk_line();
    case Part::chunk:
      return read_chunk();
    case Part::trailer:
      return read_trailer();
    case Part::nothing:
      break;
  }
  rest_ = {};
  return false;
}

Result<bool> ReplyDecoder::read_head() {
  std::size_t const end = rest_.substr(0, max_api_header_bytes).find(head_end);
  if (end == std::string_view::npos) {
    return rest_.size() < max_api_header_bytes
               ? Result<bool>(false)
               : malformed(fmt::format("the reply's header is larger than {} bytes",
                                       max_api_header_bytes));
  }
  std::string_view const head = take_bytes(end + head_end.size());
  HeadParser parser;
  parser.header_limit(max_api_header_bytes);
  parser.skip(true);
  boost::system::error_code error;
  parser.put(boost::asio::buffer(head.data(), head.size()), error);
  if (error) {
    return malformed("not an HTTP reply: " + error.message());
  }
  if (!has_known_framing(parser)) {
    return malformed("the reply has a transfer encoding that is not understood");
  }
  if (parser.content_length().value_or(0) > max_api_body_bytes) {
    return too_large();
  }
  reply_.status = static_cast<int>(parser.get().result_int());
  reply_.api_version = parser.get()["Api-Version"];
  size_ = static_cast<std::size_t>(parser.content_length().value_or(0));
  part_ = has_no_body(reply_.status) ? Part::nothing
          : parser.chunked()         ? Part::chunk_line
          : parser.content_length()  ? Part::body
                                     : Part::body_to_end;
  return true;
}

Result<bool> ReplyDecoder::read_body() {
  if (rest_.size() < size_) {
    return false;
  }
  reply_.body = take_bytes(size_);
  part_ = Part::nothing;
  return true;
}

Result<bool> ReplyDecoder::read_to_end() {
  if (rest_.size() > max_api_body_bytes - reply_.body.size()) {
    return too_large();
  }
  reply_.body += take_bytes(rest_.size());
  return false;
}

Result<bool> ReplyDecoder::read_chunk_line() {
  std::size_t const end = rest_.substr(0, max_chunk_line_bytes).find(line_end);
  if (end == std::string_view::npos) {
    return rest_.size() < max_chunk_line_bytes ? Result<bool>(false)
                                               : malformed("bad chunk: its line is too long");
  }
  std::optional<std::size_t> const size =
      chunk_size(take_bytes(end + line_end.size()).substr(0, end));
  if (!size) {
    return malformed("bad chunk: it does not begin with its size");
  }
  if (*size > max_api_body_bytes - reply_.body.size()) {
    return too_large();
  }
  size_ = *size;
  part_ = size_ == 0 ? Part::trailer : Part::chunk;
  return true;
}

Result<bool> ReplyDecoder::read_chunk() {
  if (rest_.size() < size_ + line_end.size()) {
    return false;
  }
  reply_.body += take_bytes(size_);
  if (take_bytes(line_end.size()) != line_end) {
    return malformed("bad chunk: it is longer than its size");
  }
  part_ = Part::chunk_line;
  return true;
}

/// Trailers carry nothing for us; they are counted and dropped.
Result<bool> ReplyDecoder::read_trailer() {
  std::size_t const limit = max_api_header_bytes - trailer_bytes_;
  std::size_t const end = rest_.substr(0, limit).find(line_end);
  if (end == std::string_view::npos) {
    return rest_.size() < limit
               ? Result<bool>(false)
               : malformed(fmt::format("the reply's trailer is larger than {} bytes",
                                       max_api_header_bytes));
  }
  trailer_bytes_ += take_bytes(end + line_end.size()).size();
  if (end == 0) {
    part_ = Part::nothing;
  }
  return true;
}

std::string_view ReplyDecoder::take_bytes(std::size_t count) {
  std::string_view const taken = rest_.substr(0, count);
  rest_.remove_prefix(taken.size());
  return taken;
}

}  // namespace drawbridge
