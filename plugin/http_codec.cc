#include "plugin/http_codec.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <deque>
#include <system_error>
#include <utility>

namespace drawbridge {
namespace {

namespace http = boost::beast::http;
// Without a body: Beast reads heads only. Its chunk parser asserts on bytes that a client may
// send ("0\r\n" and one byte later, Boost 1.81), and a whole head is the only exact limit.
using HeadParser = http::request_parser<http::empty_body>;

constexpr std::string_view line_end = "\r\n";
constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::size_t max_chunk_line_bytes = 256;
constexpr std::size_t max_method_bytes = 32;

bool is_upper_case_letter(char c) {
  return c >= 'A' && c <= 'Z';
}

/// returns  false as soon as the first bytes cannot be a method: a TLS hello, a line of text
bool may_be_request(std::string_view bytes) {
  std::string_view const first = bytes.substr(0, max_method_bytes + 1);
  auto const end = std::find_if_not(first.begin(), first.end(), is_upper_case_letter);
  return end == first.end() ? first.size() <= max_method_bytes
                            : *end == ' ' && end != first.begin();
}

/// returns  true when the body's framing is one that we read: none, a length, or plain chunks
bool has_known_framing(HeadParser const& head) {
  auto const [first, last] = head.get().equal_range(http::field::transfer_encoding);
  if (first == last) {
    return true;
  }
  return std::next(first) == last && boost::beast::iequals(first->value(), "chunked");
}

HttpRefusal refusal_of(boost::system::error_code error) {
  if (error == http::error::bad_version) {
    return {505, "only HTTP/1.0 and HTTP/1.1 are understood"};
  }
  if (error == http::error::need_more) {
    return {400, "not an HTTP request: the head ends too early"};
  }
  return {400, "not an HTTP request: " + error.message()};
}

HttpRefusal too_large_body() {
  return {413, fmt::format("request body is larger than {} bytes", max_body_bytes)};
}

/// returns  why a well-formed head is refused all the same
std::optional<HttpRefusal> objection_to(HeadParser const& head) {
  if (!head.get().target().starts_with('/')) {
    return HttpRefusal{400, "request target is not a path"};
  }
  if (!has_known_framing(head)) {
    return HttpRefusal{501, "only the transfer encoding chunked is understood"};
  }
  if (!head.get()[http::field::expect].empty()) {
    return HttpRefusal{417, "header Expect is not supported: send the body at once"};
  }
  if (head.content_length().value_or(0) > max_body_bytes) {
    return too_large_body();
  }
  return std::nullopt;
}

HttpRequest request_of(HeadParser const& head) {
  HttpRequest request;
  std::string_view const target = head.get().target();
  request.method = head.get().method_string();
  request.path = target.substr(0, target.find('?'));
  request.keep_alive = head.keep_alive();
  return request;
}

/// returns  the number before any ";extension" of a chunk's first line
std::optional<std::uint64_t> chunk_size(std::string_view line) {
  std::uint64_t size = 0;
  auto const [end, error] = std::from_chars(line.data(), line.data() + line.size(), size, 16);
  std::string_view rest(end, static_cast<std::size_t>(line.data() + line.size() - end));
  rest.remove_prefix(std::min(rest.find_first_not_of(" \t"), rest.size()));
  if (error != std::errc{} || (!rest.empty() && rest.front() != ';')) {
    return std::nullopt;
  }
  return size;
}

std::string_view phrase_of(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 417:
      return "Expectation Failed";
    case 431:
      return "Request Header Fields Too Large";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 505:
      return "HTTP Version Not Supported";
    default:
      return "Other";
  }
}

}  // namespace

/// Reads a request in parts; each read_ function takes its part once all of it has arrived.
struct HttpDecoder::Impl {
  enum class Part : std::uint8_t { head, body, chunk_line, chunk_data, chunk_end, trailer };

  std::string unread;        // bytes that do not make a whole part yet
  std::string_view rest;     // of `unread`, while feeding
  std::size_t searched = 0;  // how much of `rest` has no end of a part in it
  Part part = Part::head;
  std::size_t missing = 0;        // bytes of the body or chunk still to come
  std::size_t trailer_bytes = 0;  // of this request, so far
  HttpRequest request;            // being read
  std::deque<HttpRequest> whole;
  std::optional<HttpRefusal> refusal;

  void feed(std::string_view bytes);
  bool read_part();
  bool read_head();
  bool read_data();
  bool read_chunk_line();
  bool read_chunk_end();
  bool read_trailer();

  void begin_body(HeadParser const& head);
  void finish_request();
  bool refuse(HttpRefusal reason);
  std::optional<std::string_view> take_through(std::string_view end, std::size_t limit);
};

void HttpDecoder::Impl::feed(std::string_view bytes) {
  if (refusal) {
    return;
  }
  unread += bytes;
  rest = unread;
  while (read_part()) {
  }
  unread.erase(0, refusal ? unread.size() : unread.size() - rest.size());
}

/// returns  true when a part was taken and the next may be there already
bool HttpDecoder::Impl::read_part() {
  switch (part) {
    case Part::head:
      return read_head();
    case Part::body:
    case Part::chunk_data:
      return read_data();
    case Part::chunk_line:
      return read_chunk_line();
    case Part::chunk_end:
      return read_chunk_end();
    case Part::trailer:
      return read_trailer();
  }
  return false;
}

bool HttpDecoder::Impl::read_head() {
  // Some clients end a body with a line break that Content-Length does not count.
  rest.remove_prefix(std::min(rest.find_first_not_of(line_end), rest.size()));
  if (!may_be_request(rest)) {
    return refuse({400, "not an HTTP request: bad method"});
  }
  std::optional<std::string_view> const head = take_through(head_end, max_header_bytes);
  if (!head) {
    return rest.size() >= max_header_bytes &&
           refuse({431, fmt::format("request header is larger than {} bytes", max_header_bytes)});
  }
  HeadParser parser;
  parser.header_limit(max_header_bytes);
  parser.skip(true);
  boost::system::error_code error;
  parser.put(boost::asio::buffer(head->data(), head->size()), error);
  if (error) {
    return refuse(refusal_of(error));
  }
  if (std::optional<HttpRefusal> objection = objection_to(parser)) {
    return refuse(std::move(*objection));
  }
  begin_body(parser);
  return true;
}

void HttpDecoder::Impl::begin_body(HeadParser const& head) {
  request = request_of(head);
  trailer_bytes = 0;
  if (head.chunked()) {
    part = Part::chunk_line;
    return;
  }
  missing = static_cast<std::size_t>(head.content_length().value_or(0));
  part = Part::body;
  if (missing == 0) {
    finish_request();
  }
}

bool HttpDecoder::Impl::read_data() {
  std::size_t const size = std::min(missing, rest.size());
  request.body.append(rest.substr(0, size));
  rest.remove_prefix(size);
  missing -= size;
  if (missing > 0) {
    return false;
  }
  if (part == Part::chunk_data) {
    part = Part::chunk_end;
  } else {
    finish_request();
  }
  return true;
}

bool HttpDecoder::Impl::read_chunk_line() {
  std::optional<std::string_view> const line = take_through(line_end, max_chunk_line_bytes);
  if (!line) {
    return rest.size() >= max_chunk_line_bytes && refuse({400, "bad chunk: its line is too long"});
  }
  std::optional<std::uint64_t> const size = chunk_size(line->substr(0, line->size() - 2));
  if (!size) {
    return refuse({400, "bad chunk: it does not begin with its size"});
  }
  if (*size > max_body_bytes - request.body.size()) {
    return refuse(too_large_body());
  }
  missing = static_cast<std::size_t>(*size);
  part = missing == 0 ? Part::trailer : Part::chunk_data;
  return true;
}

bool HttpDecoder::Impl::read_chunk_end() {
  if (!line_end.starts_with(rest.substr(0, line_end.size()))) {
    return refuse({400, "bad chunk: it is longer than its size"});
  }
  if (rest.size() < line_end.size()) {
    return false;
  }
  rest.remove_prefix(line_end.size());
  part = Part::chunk_line;
  return true;
}

/// Trailers carry nothing for us; they are counted and dropped.
bool HttpDecoder::Impl::read_trailer() {
  std::size_t const limit = max_header_bytes - trailer_bytes;
  std::optional<std::string_view> const line = take_through(line_end, limit);
  if (!line) {
    return rest.size() >= limit &&
           refuse({431, fmt::format("request trailer is larger than {} bytes", max_header_bytes)});
  }
  trailer_bytes += line->size();
  if (line->size() == line_end.size()) {
    finish_request();
  }
  return true;
}

void HttpDecoder::Impl::finish_request() {
  whole.push_back(std::exchange(request, {}));
  part = Part::head;
}

/// returns  false: nothing more is read
bool HttpDecoder::Impl::refuse(HttpRefusal reason) {
  refusal = std::move(reason);
  return false;
}

/// Takes the bytes up to and including `end`, unless they are more than `limit` or not all there.
std::optional<std::string_view> HttpDecoder::Impl::take_through(std::string_view end,
                                                                std::size_t limit) {
  std::size_t const overlap = std::min(searched, end.size() - 1);
  std::size_t const found = rest.substr(0, limit).find(end, searched - overlap);
  if (found == std::string_view::npos) {
    searched = std::min(rest.size(), limit);
    return std::nullopt;
  }
  searched = 0;
  std::string_view const taken = rest.substr(0, found + end.size());
  rest.remove_prefix(taken.size());
  return taken;
}

HttpDecoder::HttpDecoder() : impl_(std::make_unique<Impl>()) {}
HttpDecoder::~HttpDecoder() = default;
HttpDecoder::HttpDecoder(HttpDecoder&&) noexcept = default;

void HttpDecoder::feed(std::string_view bytes) {
  impl_->feed(bytes);
}

std::optional<HttpRequest> HttpDecoder::next() {
  if (impl_->whole.empty()) {
    return std::nullopt;
  }
  std::optional<HttpRequest> request = std::move(impl_->whole.front());
  impl_->whole.pop_front();
  return request;
}

std::optional<HttpRefusal> const& HttpDecoder::refusal() const {
  return impl_->refusal;
}

bool HttpDecoder::in_request() const {
  return !impl_->refusal && (impl_->part != Impl::Part::head || !impl_->unread.empty());
}

std::string encode(HttpReply const& reply, bool keep_alive) {
  return fmt::format(
      "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: {}\r\n\r\n{}",
      reply.status, phrase_of(reply.status), reply.content_type, reply.body.size(),
      keep_alive ? "keep-alive" : "close", reply.body);
}

HttpReply reply_to(HttpRefusal const& refusal) {
  HttpReply reply;
  reply.status = refusal.status;
  reply.body = fmt::format(R"({{"Err":"{0}","Error":"{0}"}})", refusal.reason);
  return reply;
}

}  // namespace drawbridge
