#include "plugin/http_codec.h"

#include "http/head_parser.h"

#include <fmt/core.h>

#include <algorithm>
#include <deque>
#include <utility>

namespace drawbridge {
namespace {

namespace http = boost::beast::http;

constexpr std::size_t max_method_bytes = 32;
constexpr BodyLimits body_limits{{"request body", max_body_bytes},
                                 {"request trailer", max_header_bytes}};

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

HttpRefusal refusal_of(boost::system::error_code error) {
  if (error == http::error::bad_version) {
    return {505, "only HTTP/1.0 and HTTP/1.1 are understood"};
  }
  if (error == http::error::need_more) {
    return {400, "not an HTTP request: the head ends too early"};
  }
  return {400, "not an HTTP request: " + error.message()};
}

/// returns  why a well-formed head is refused all the same
std::optional<HttpRefusal> objection_to(HeadParser<true> const& head) {
  if (!head.get().target().starts_with('/')) {
    return HttpRefusal{400, "request target is not a path"};
  }
  if (!framing_of(head)) {
    return HttpRefusal{501, "only the transfer encoding chunked is understood"};
  }
  if (!head.get()[http::field::expect].empty()) {
    return HttpRefusal{417, "header Expect is not supported: send the body at once"};
  }
  return std::nullopt;
}

HttpRequest request_of(HeadParser<true> const& head) {
  HttpRequest request;
  std::string_view const target = head.get().target();
  request.method = head.get().method_string();
  request.path = target.substr(0, target.find('?'));
  request.keep_alive = head.keep_alive();
  return request;
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

/// Reads a head, then its body, then the next head.
struct HttpDecoder::Impl {
  std::string unread;              // bytes that do not make a whole part yet
  std::string_view rest;           // of `unread`, while feeding
  std::size_t searched = 0;        // how much of a head in `rest` has no end in it
  HttpRequest request;             // being read
  std::optional<BodyReader> body;  // of `request`, once its head has been read
  std::deque<HttpRequest> whole;
  std::optional<HttpRefusal> refusal;

  void feed(std::string_view bytes);
  bool read_head();
  bool read_body();
  bool refuse(HttpRefusal reason);
};

void HttpDecoder::Impl::feed(std::string_view bytes) {
  if (refusal) {
    return;
  }
  unread += bytes;
  rest = unread;
  while (body ? read_body() : read_head()) {
  }
  unread.erase(0, refusal ? unread.size() : unread.size() - rest.size());
}

/// returns  true when the head was taken and the body may be there already
bool HttpDecoder::Impl::read_head() {
  // Some clients end a body with a line break that Content-Length does not count.
  rest.remove_prefix(std::min(rest.find_first_not_of("\r\n"), rest.size()));
  if (!may_be_request(rest)) {
    return refuse({400, "not an HTTP request: bad method"});
  }
  std::optional<std::string_view> const bytes =
      take_through(head_end, max_header_bytes, rest, searched);
  if (!bytes) {
    return rest.size() >= max_header_bytes &&
           refuse({431, fmt::format("request header is larger than {} bytes", max_header_bytes)});
  }
  HeadParser<true> head;
  if (boost::system::error_code const error = parse_head(*bytes, max_header_bytes, head)) {
    return refuse(refusal_of(error));
  }
  if (std::optional<HttpRefusal> objection = objection_to(head)) {
    return refuse(std::move(*objection));
  }
  request = request_of(head);
  body.emplace(*framing_of(head), body_limits);
  return true;
}

/// returns  true when the body was taken and the next head may be there already
bool HttpDecoder::Impl::read_body() {
  if (std::optional<BodyError> error = body->read(rest)) {
    return refuse({error->status, std::move(error->reason)});
  }
  if (!body->is_whole()) {
    return false;
  }
  request.body = body->take();
  whole.push_back(std::exchange(request, {}));
  body.reset();
  return true;
}

/// returns  false: nothing more is read
bool HttpDecoder::Impl::refuse(HttpRefusal reason) {
  refusal = std::move(reason);
  return false;
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
  return !impl_->refusal && (impl_->body || !impl_->unread.empty());
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
