#include "docker/events.h"

#include "docker/refusal.h"
#include "docker/reply_reader.h"
#include "http/body_reader.h"
#include "http/target.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace drawbridge {
namespace json = boost::json;
namespace {

constexpr int ok = 200;
constexpr std::string_view line_end = "\n";
constexpr std::int64_t nanoseconds_of_second = 1'000'000'000;

std::optional<DockerEvent::Kind> kind_of(std::string_view type) {
  if (type == "container") {
    return DockerEvent::Kind::container;
  }
  return type == "network" ? std::optional(DockerEvent::Kind::network) : std::nullopt;
}

bool is_label(std::string_view attribute) {
  return attribute != "name" && attribute != "image";
}

std::map<std::string, std::string> labels_among(ReplyReader& reader,
                                                json::object const& attributes) {
  std::map<std::string, std::string> labels;
  for (json::key_value_pair const& attribute : attributes) {
    if (is_label(attribute.key())) {
      labels[attribute.key()] = reader.as_text(attribute.value(), attribute.key());
    }
  }
  return labels;
}

DockerEvent event_of(ReplyReader& reader, DockerEvent::Kind kind, json::object const& in) {
  json::object const& actor = reader.object(in, "Actor");
  json::object const& attributes = reader.object(actor, "Attributes");
  DockerEvent event;
  event.kind = kind;
  event.action = reader.text(in, "Action");
  event.id = reader.text(actor, "ID");
  event.name = reader.text(attributes, "name");
  event.time = std::chrono::nanoseconds(reader.number(in, "timeNano"));
  if (kind == DockerEvent::Kind::container) {
    event.labels = labels_among(reader, attributes);
  } else {
    event.container = reader.text(attributes, "container");
  }
  return event;
}

/// returns  whether there is nothing in it but the end of a line of other systems
bool is_blank(std::string_view line) {
  return line.find_first_not_of("\r\n") == std::string_view::npos;
}

tl::unexpected<Error> too_large() {
  return fail(Errc::malformed, fmt::format("an event is larger than {} bytes", max_event_bytes));
}

}  // namespace

std::string path_of_events(std::chrono::nanoseconds since) {
  std::string const filters = R"({"type":["container","network"]})";
  std::int64_t const time = std::max<std::int64_t>(since.count(), 0);
  return fmt::format("/events?since={}.{:09}&filters={}", time / nanoseconds_of_second,
                     time % nanoseconds_of_second, percent_encoded(filters));
}

Result<std::optional<DockerEvent>> decode_event(std::string_view line) {
  Result<json::value> const value = parse_reply(line);
  if (!value) {
    return fail(value.error());
  }
  ReplyReader reader;
  json::object const& in = reader.as_object(*value, "event");
  std::optional<DockerEvent::Kind> const kind = kind_of(reader.text(in, "Type"));
  std::optional<DockerEvent> event;
  if (kind) {
    event = event_of(reader, *kind, in);
  }
  return reader.finish(std::move(event));
}

Result<void> EventDecoder::feed(std::string_view bytes) {
  Result<void> const fed = reply_.feed(bytes);
  is_open_ = reply_.status() == ok;
  if (is_open_) {
    unread_ += reply_.take_part();
  }
  return fed && !is_open_ ? refuse() : fed;
}

/// What is no stream is read to its end, which says why.
Result<void> EventDecoder::refuse() {
  return reply_.is_whole() ? fail(refusal_in(reply_.take())) : Result<void>();
}

Result<std::optional<DockerEvent>> EventDecoder::next() {
  std::string_view rest = unread_;
  while (std::optional<std::string_view> const line =
             take_through(line_end, max_event_bytes, rest, searched_)) {
    Result<std::optional<DockerEvent>> event =
        is_blank(*line) ? Result<std::optional<DockerEvent>>() : decode_event(*line);
    if (!event) {
      return event;
    }
    unread_.erase(0, line->size());
    rest = unread_;
    if (*event) {
      return event;
    }
  }
  return unread_.size() < max_event_bytes ? Result<std::optional<DockerEvent>>() : too_large();
}

Error EventDecoder::end() {
  if (!is_open_) {
    Result<void> const ended = reply_.end();
    return ended ? refusal_in(reply_.take()) : Error{Errc::kernel, ended.error().message};
  }
  return {Errc::kernel, is_blank(unread_) ? "the engine ended the stream of events"
                                          : "the connection ended in the middle of an event"};
}

}  // namespace drawbridge
