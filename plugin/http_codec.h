// HTTP/1.1 as bytes: what a plugin socket receives and sends. No sockets, no coroutines. Pure.
//
// The engine sends an empty Host, no Content-Type and often no body; all of that is accepted.
// http/ reads heads and bodies; limits, and what is refused beyond bad HTTP, are ours.
// source: docs/PROTOCOL.md "Transport"
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace drawbridge {

constexpr std::size_t max_header_bytes = std::size_t{16} * 1024;
// All ports of a protocol, published one by one, make 7.2 MB of JSON.
constexpr std::size_t max_body_bytes = std::size_t{8} * 1024 * 1024;

struct HttpRequest {
  std::string method;  // "POST"
  std::string path;    // "/NetworkDriver.CreateNetwork", without a query
  std::string body;
  bool keep_alive = true;
};

struct HttpReply {
  int status = 200;
  std::string body = "{}";
  std::string content_type = "application/json";
};

/// Why a connection cannot go on: what to answer before closing it.
struct HttpRefusal {
  int status = 400;
  std::string reason;  // "request body is larger than 8388608 bytes"
};

/// Turns the bytes of one connection into requests.
class HttpDecoder {
 public:
  HttpDecoder();
  ~HttpDecoder();
  HttpDecoder(HttpDecoder&&) noexcept;

  /// Takes in bytes as they arrive.
  void feed(std::string_view bytes);
  /// returns  the next whole request, once its last byte has arrived; those before a refusal too
  std::optional<HttpRequest> next();
  /// returns  set once the bytes cannot become a request
  std::optional<HttpRefusal> const& refusal() const;
  /// returns  true while a request has begun and is not whole
  bool in_request() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// returns  status line, headers with Content-Length, and body, ready to be written
std::string encode(HttpReply const& reply, bool keep_alive);

/// returns  the refusal as both plugin protocols read errors: under "Err" and "Error". The reason
///          is one of this folder's own texts: it needs no escaping.
HttpReply reply_to(HttpRefusal const& refusal);

}  // namespace drawbridge
