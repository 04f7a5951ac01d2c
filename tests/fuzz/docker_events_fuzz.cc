#include "docker/events.h"
#include "tests/fuzz/targets.h"

#include <cassert>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

struct Outcome {
  std::vector<DockerEvent> events;
  Error end;

  bool operator==(Outcome const&) const = default;
};

/// Takes the events that have arrived.
///
/// returns  why there will be no more
std::optional<Error> take(EventDecoder& decoder, std::vector<DockerEvent>& events) {
  while (true) {
    Result<std::optional<DockerEvent>> event = decoder.next();
    if (!event || !*event) {
      return event ? std::nullopt : std::optional(event.error());
    }
    events.push_back(std::move(**event));
  }
}

/// What the decoder makes of `bytes`, given `step` at a time, and of the end of the connection.
Outcome outcome_of(std::string_view bytes, std::size_t step) {
  EventDecoder decoder;
  Outcome outcome{{}, {Errc::kernel, ""}};
  for (std::size_t at = 0; at < bytes.size() && !decoder.is_over(); at += step) {
    Result<void> const fed = decoder.feed(bytes.substr(at, step));
    std::optional<Error> const wrong = take(decoder, outcome.events);
    if (wrong || !fed) {
      outcome.end = wrong ? *wrong : fed.error();
      return outcome;
    }
  }
  outcome.end = decoder.end();
  return outcome;
}

}  // namespace

void fuzz_docker_events(std::string_view bytes) {
  Outcome const whole = outcome_of(bytes, bytes.size());
  assert(whole == outcome_of(bytes, 1));
  assert(whole == outcome_of(bytes, 7));
  assert(whole.end.message.find_first_of("\r\n") == std::string::npos);
  for (DockerEvent const& event : whole.events) {
    assert(path_of_events(event.time).starts_with("/events?since="));
  }
}

}  // namespace drawbridge
