// The Docker API's stream of events as values, from the bytes of its connection. No sockets. Pure.
//
// As networks.h: unknown members are skipped, missing ones are empty, what cannot be read is an
// error. source: Docker Engine API v1.40, GET /events; moby daemon/events
#pragma once

#include "base/result.h"
#include "http/http_reply.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace drawbridge {

constexpr std::size_t max_event_bytes = std::size_t{1} * 1024 * 1024;

struct DockerEvent {
  enum class Kind : std::uint8_t { container, network };

  Kind kind = Kind::container;
  /// Of containers: create, start, die, destroy, rename, pause, unpause, "exec_start: …",
  /// "health_status: healthy", …; of networks: create, connect, disconnect, destroy, …
  std::string action;
  std::string id;                 // of the container or the network
  std::string name;               // of it, without '/'
  std::string container;          // of networks: the id of who is connected or disconnected
  std::chrono::nanoseconds time;  // since 1970, by the engine's clock
  /// Of containers: its labels, and among them, for the engine does not tell them apart, what
  /// belongs to the event: exitCode, signal, oldName, … Without name and image.
  std::map<std::string, std::string> labels;

  bool operator==(DockerEvent const&) const = default;
};

/// returns  the path of the stream of events of containers and networks. Nothing is missed between
///          two streams whose second begins at the time of the last event of the first, which comes
///          again, unless more than the 256 events happened that the engine keeps.
std::string path_of_events(std::chrono::nanoseconds since);

/// returns  the event; nothing for one of another kind of object
/// errors   malformed   not an event; the text says what is wrong
Result<std::optional<DockerEvent>> decode_event(std::string_view line);

/// Turns the bytes of one connection into events.
class EventDecoder {
 public:
  /// Takes in bytes as they arrive. The events before those that are wrong can still be taken.
  ///
  /// errors  malformed   the bytes cannot become events, or one larger than max_event_bytes
  ///         as refusal_in() the engine refuses the stream
  Result<void> feed(std::string_view bytes);

  /// returns  whether the engine has agreed to send events
  bool is_open() const { return is_open_; }
  /// returns  whether the stream is at its end; no more bytes are taken then
  bool is_over() const { return reply_.is_whole(); }

  /// returns  the next event, if it is whole
  /// errors   malformed   what comes next is no event; again from then on
  Result<std::optional<DockerEvent>> next();

  /// Says that no more bytes will come.
  ///
  /// returns  why: the connection ended before, in, or behind the events
  Error end();

 private:
  Result<void> refuse();

  ReplyDecoder reply_;
  bool is_open_ = false;
  std::string unread_;        // lines, the last one unfinished
  std::size_t searched_ = 0;  // how much of it has no end of a line
};

}  // namespace drawbridge
