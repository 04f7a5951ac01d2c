#include "http/http_reply.h"

#include "http/head_parser.h"

#include <fmt/core.h>

#include <cassert>

namespace drawbridge {
namespace {

constexpr BodyLimits body_limits{{"the reply", max_api_body_bytes},
                                 {"the reply's trailer", max_api_header_bytes}};

tl::unexpected<Error> malformed(std::string reason) {
  return fail(Errc::malformed, std::move(reason));
}

}  // namespace

Result<void> ReplyDecoder::feed(std::string_view bytes) {
  unread_ += bytes;
  std::string_view rest = unread_;
  if (Result<void> const head = body_ ? Result<void>() : read_head(rest); !head) {
    return head;
  }
  if (std::optional<BodyError> error = body_ ? body_->read(rest) : std::nullopt) {
    return malformed(std::move(error->reason));
  }
  unread_.erase(0, is_whole() ? unread_.size() : unread_.size() - rest.size());
  return {};
}

Result<void> ReplyDecoder::end() {
  if (body_) {
    body_->end();
  }
  if (is_whole()) {
    return {};
  }
  return malformed(!body_ && unread_.empty() ? "the connection ended without a reply"
                                             : "the connection ended in the middle of the reply");
}

ApiReply ReplyDecoder::take() {
  assert(body_);
  reply_.body = body_->take();
  return std::move(reply_);
}

/// Once the head is there, takes it, and begins the body.
Result<void> ReplyDecoder::read_head(std::string_view& bytes) {
  std::optional<std::string_view> const head =
      take_through(head_end, max_api_header_bytes, bytes, searched_);
  if (!head) {
    return bytes.size() < max_api_header_bytes
               ? Result<void>()
               : malformed(fmt::format("the reply's header is larger than {} bytes",
                                       max_api_header_bytes));
  }
  HeadParser<false> parser;
  if (boost::system::error_code const error = parse_head(*head, max_api_header_bytes, parser)) {
    return malformed("not an HTTP reply: " + error.message());
  }
  std::optional<BodyFraming> framing = framing_of(parser);
  if (!framing) {
    return malformed("the reply has a transfer encoding that is not understood");
  }
  reply_.status = static_cast<int>(parser.get().result_int());
  reply_.api_version = parser.get()["Api-Version"];
  if (reply_.status == 204 || reply_.status == 304) {
    framing->kind = BodyFraming::Kind::none;
  }
  body_.emplace(*framing, body_limits);
  return {};
}

}  // namespace drawbridge
