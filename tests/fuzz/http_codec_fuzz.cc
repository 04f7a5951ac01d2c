#include "plugin/http_codec.h"
#include "tests/fuzz/targets.h"

#include <cassert>
#include <optional>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

struct Outcome {
  std::vector<HttpRequest> requests;
  std::optional<HttpRefusal> refusal;
  bool in_request = false;
};

void collect(HttpDecoder& decoder, Outcome& outcome) {
  while (std::optional<HttpRequest> request = decoder.next()) {
    outcome.requests.push_back(std::move(*request));
  }
  outcome.refusal = decoder.refusal();
  outcome.in_request = decoder.in_request();
}

/// What the decoder makes of `bytes`, given `step` at a time.
Outcome outcome_of(std::string_view bytes, std::size_t step) {
  HttpDecoder decoder;
  Outcome outcome;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    decoder.feed(bytes.substr(at, step));
    collect(decoder, outcome);
  }
  return outcome;
}

bool is_same(HttpRequest const& one, HttpRequest const& other) {
  return one.method == other.method && one.path == other.path && one.body == other.body &&
         one.keep_alive == other.keep_alive;
}

void check_same(Outcome const& one, Outcome const& other) {
  assert(one.requests.size() == other.requests.size());
  for (std::size_t i = 0; i < one.requests.size(); ++i) {
    assert(is_same(one.requests[i], other.requests[i]));
  }
  assert(one.in_request == other.in_request);
  assert(one.refusal.has_value() == other.refusal.has_value());
  assert(!one.refusal || one.refusal->status == other.refusal->status);
  assert(!one.refusal || one.refusal->reason == other.refusal->reason);
}

void check_request(HttpRequest const& request) {
  assert(!request.method.empty());
  assert(request.method.find_first_of(" \r\n") == std::string::npos);
  assert(request.path.starts_with('/'));
  assert(request.path.find_first_of("? \r\n") == std::string::npos);
  assert(request.method.size() + request.path.size() < max_header_bytes);
  assert(request.body.size() <= max_body_bytes);
}

/// The reason goes into JSON as it is.
void check_refusal(HttpRefusal const& refusal) {
  assert(refusal.status >= 400);
  assert(!refusal.reason.empty());
  for (char const c : refusal.reason) {
    assert(c >= ' ' && c <= '~' && c != '"' && c != '\\');
  }
}

}  // namespace

void fuzz_http_codec(std::string_view bytes) {
  Outcome const whole = outcome_of(bytes, bytes.size());
  check_same(whole, outcome_of(bytes, 1));
  check_same(whole, outcome_of(bytes, 7));
  for (HttpRequest const& request : whole.requests) {
    check_request(request);
  }
  if (whole.refusal) {
    assert(!whole.in_request);
    check_refusal(*whole.refusal);
  }
}

}  // namespace drawbridge
