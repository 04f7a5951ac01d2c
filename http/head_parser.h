// The head of one HTTP/1.1 message, from its bytes, by Boost.Beast. For .cc files alone.
#pragma once

#include "http/body_reader.h"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>

#include <iterator>

namespace drawbridge {

constexpr std::string_view head_end = "\r\n\r\n";

/// Without a body: Beast is given heads only (see the top of body_reader.h), and whole ones, which
/// is the only exact limit.
template <bool is_request>
using HeadParser = boost::beast::http::parser<is_request, boost::beast::http::empty_body>;

/// head  up to and including its empty line
template <bool is_request>
boost::system::error_code parse_head(std::string_view head, std::uint32_t limit,
                                     HeadParser<is_request>& parser) {
  boost::system::error_code error;
  parser.header_limit(limit);
  parser.skip(true);
  parser.put(boost::asio::buffer(head.data(), head.size()), error);
  return error;
}

/// returns  how the body's end is found, if that is one of the ways that we read
template <bool is_request>
std::optional<BodyFraming> framing_of(HeadParser<is_request> const& head) {
  using Kind = BodyFraming::Kind;
  auto const [first, last] = head.get().equal_range(boost::beast::http::field::transfer_encoding);
  if (first != last &&
      (std::next(first) != last || !boost::beast::iequals(first->value(), "chunked"))) {
    return std::nullopt;
  }
  Kind const kind = head.chunked()          ? Kind::chunked
                    : head.content_length() ? Kind::length
                    : is_request            ? Kind::none
                                            : Kind::to_end;
  return BodyFraming{kind, head.content_length().value_or(0)};
}

}  // namespace drawbridge
