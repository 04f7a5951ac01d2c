#include "http/http_reply.h"
#include "tests/fuzz/targets.h"

#include <cassert>
#include <string>

namespace drawbridge {
namespace {

struct Outcome {
  std::string error;  // empty: a whole reply
  ApiReply reply;
};

/// What the decoder makes of `bytes`, given `step` at a time, and of the end of the connection.
Outcome outcome_of(std::string_view bytes, std::size_t step) {
  ReplyDecoder decoder;
  for (std::size_t at = 0; at < bytes.size() && !decoder.is_whole(); at += step) {
    if (Result<void> const fed = decoder.feed(bytes.substr(at, step)); !fed) {
      return {fed.error().message, {}};
    }
  }
  if (Result<void> const ended = decoder.end(); !ended) {
    return {ended.error().message, {}};
  }
  return {"", decoder.take()};
}

void check_same(Outcome const& one, Outcome const& other) {
  assert(one.error == other.error);
  assert(one.reply.status == other.reply.status);
  assert(one.reply.api_version == other.reply.api_version);
  assert(one.reply.body == other.reply.body);
}

}  // namespace

void fuzz_http_reply(std::string_view bytes) {
  Outcome const whole = outcome_of(bytes, bytes.size());
  check_same(whole, outcome_of(bytes, 1));
  check_same(whole, outcome_of(bytes, 7));
  assert(whole.error.find_first_of("\r\n") == std::string::npos);
  assert(whole.reply.body.size() <= max_api_body_bytes);
}

}  // namespace drawbridge
