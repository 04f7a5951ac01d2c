// The bytes are what engine 20.10 sends, ids and labels shortened.
#include "docker/events.h"

#include "tests/support/expect_ok.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drawbridge {
namespace {

constexpr std::string_view head =
    "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n"
    "Docker-Experimental: false\r\nOstype: linux\r\nServer: Docker/20.10.24+dfsg1 (linux)\r\n"
    "Date: Sat, 21 Nov 2026 23:16:28 GMT\r\nTransfer-Encoding: chunked\r\n\r\n";

constexpr std::string_view connected =
    R"({"Type":"network","Action":"connect","Actor":{"ID":"d15f","Attributes":{"container":"507d",)"
    R"("name":"net","type":"bridge"}},"scope":"local","time":1795303010,)"
    R"("timeNano":1795303010009434448})"
    "\n";

constexpr std::string_view died =
    R"({"status":"die","id":"507d","from":"bb:latest","Type":"container","Action":"die",)"
    R"("Actor":{"ID":"507d","Attributes":{"com.docker.compose.project":"p","exitCode":"137",)"
    R"("image":"bb:latest","name":"app"}},"scope":"local","time":1795303012,)"
    R"("timeNano":1795303012740287603})"
    "\n";

/// What newer engines send, without the members of old ones.
constexpr std::string_view renamed =
    R"({"Type":"container","Action":"rename","Actor":{"ID":"17f3","Attributes":{)"
    R"("image":"bb:latest","name":"renamed","oldName":"/paused"}},"scope":"local",)"
    R"("time":1795303012,"timeNano":1795303012342059117})"
    "\n";

constexpr std::string_view connected_text = "network connect d15f net 507d @1795303010009434448\n";
constexpr std::string_view died_text =
    "container die 507d app @1795303012740287603 com.docker.compose.project=p exitCode=137\n";
constexpr std::string_view renamed_text =
    "container rename 17f3 renamed @1795303012342059117 oldName=/paused\n";

std::string chunk(std::string_view body) {
  return fmt::format("{:x}\r\n{}\r\n", body.size(), body);
}

std::string text_of(DockerEvent const& event) {
  bool const is_network = event.kind == DockerEvent::Kind::network;
  std::string text =
      fmt::format("{} {} {} {}{} @{}", is_network ? "network" : "container", event.action, event.id,
                  event.name, is_network ? " " + event.container : "", event.time.count());
  for (auto const& [name, value] : event.labels) {
    text += fmt::format(" {}={}", name, value);
  }
  return text + "\n";
}

/// Adds the events that have arrived to `text`.
///
/// returns  why there will be no more
std::optional<Error> take_events(EventDecoder& decoder, std::string& text) {
  while (true) {
    Result<std::optional<DockerEvent>> const event = decoder.next();
    if (!event) {
      return event.error();
    }
    if (!*event) {
      return std::nullopt;
    }
    text += text_of(**event);
  }
}

/// returns  a line for each event, and why it ended, when the bytes arrive `step` at a time and the
///          connection ends behind them
std::string read(std::string_view bytes, std::size_t step) {
  EventDecoder decoder;
  std::string text;
  for (std::size_t at = 0; at < bytes.size() && !decoder.is_over(); at += step) {
    Result<void> const fed = decoder.feed(bytes.substr(at, step));
    if (std::optional<Error> const error = take_events(decoder, text)) {
      return text + error->message;
    }
    if (!fed) {
      return text + fed.error().message;
    }
  }
  return text + decoder.end().message;
}

/// The same, which must not depend on how the bytes arrive.
std::string read(std::string_view bytes) {
  std::string const at_once = read(bytes, std::max<std::size_t>(bytes.size(), 1));
  for (std::size_t const step : {1u, 2u, 3u, 7u, 61u}) {
    EXPECT_EQ(read(bytes, step), at_once) << "in steps of " << step;
  }
  return at_once;
}

std::string read_chunks(std::string_view chunks) {
  return read(std::string(head) + std::string(chunks));
}

TEST(Events, AreReadOneByOne) {
  EXPECT_EQ(read_chunks(chunk(connected) + chunk(died) + chunk(renamed) + "0\r\n\r\n"),
            fmt::format("{}{}{}the engine ended the stream of events", connected_text, died_text,
                        renamed_text));
}

TEST(Events, MayShareAChunkOrBeCutByOne) {
  std::string const both = std::string(connected) + std::string(died);
  std::string const expected =
      fmt::format("{}{}the engine ended the stream of events", connected_text, died_text);
  EXPECT_EQ(read_chunks(chunk(both)), expected);
  EXPECT_EQ(read_chunks(chunk(both.substr(0, 50)) + chunk(both.substr(50))), expected);
  EXPECT_EQ(read_chunks(chunk("\r\n" + both + "\n")), expected);
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\n\r\n" + both), expected);
}

TEST(Events, EndWhereverTheConnectionIsCut) {
  std::string const bytes = std::string(head) + chunk(connected) + chunk(died);
  std::size_t const first = head.size() + chunk(connected).size();
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    std::string const text = read(std::string_view(bytes).substr(0, size), 64);
    std::size_t const events = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
    // What ends a chunk says nothing that the event in it does not.
    EXPECT_EQ(events, (size >= first - 2 ? 1u : 0u) + (size >= bytes.size() - 2 ? 1u : 0u)) << size;
    std::string const reason = text.substr(text.rfind('\n') + 1);
    EXPECT_TRUE(reason.starts_with("the connection ended") ||
                reason == "the engine ended the stream of events")
        << size << ": " << text;
  }
}

TEST(Events, AreTheirsOfContainersAndNetworksAlone) {
  EXPECT_EQ(read_chunks(chunk("{\"Type\":\"image\",\"Action\":\"tag\"}\n") + chunk(connected)),
            std::string(connected_text) + "the engine ended the stream of events");
}

TEST(Events, DoWithoutMembersThatAreMissing) {
  Result<std::optional<DockerEvent>> const event =
      decode_event(R"({"Type":"network","Action":"prune","Actor":{"Attributes":null}})");
  ASSERT_OK(event);
  ASSERT_TRUE(*event);
  EXPECT_EQ(text_of(**event), "network prune    @0\n");
}

TEST(Events, AreRefusedWhereTheyCannotBeRead) {
  std::string const good(connected_text);
  for (auto const& [line, reason] : std::vector<std::pair<std::string, std::string>>{
           {"oops", "not JSON: "},
           {"[]", "\"event\" is not an object"},
           {R"({"Type":1})", "\"Type\" is not a text"},
           {R"({"Type":"network","Action":{}})", "\"Action\" is not a text"},
           {R"({"Type":"network","Actor":[]})", "\"Actor\" is not an object"},
           {R"({"Type":"network","timeNano":1.5})", "\"timeNano\" is not a whole number"},
           {R"({"Type":"container","Actor":{"Attributes":{"l":1}}})", "\"l\" is not a text"}}) {
    std::string const text = read_chunks(chunk(connected) + chunk(line + "\n") + chunk(died));
    EXPECT_EQ(text.substr(0, good.size() + reason.size()), good + reason);
  }
}

TEST(Events, AreGivenBeforeWhatIsWrongBehindThem) {
  EXPECT_EQ(read_chunks(chunk(connected) + "oops\r\n"),
            std::string(connected_text) + "bad chunk: it does not begin with its size");
}

TEST(Events, HaveALimitEachButNotTogether) {
  std::string const large =
      R"({"Type":"network","x":")" + std::string(max_event_bytes / 2, 'x') + "\"}\n";
  EventDecoder decoder;
  ASSERT_OK(decoder.feed(head));
  std::string text;
  for (int events = 0; events < 40; ++events) {
    ASSERT_OK(decoder.feed(chunk(large)));
    ASSERT_FALSE(take_events(decoder, text));
  }
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 40);
  ASSERT_OK(decoder.feed(chunk(std::string(max_event_bytes, 'x'))));
  std::optional<Error> const error = take_events(decoder, text);
  ASSERT_TRUE(error);
  EXPECT_EQ(error->message, "an event is larger than 1048576 bytes");
}

TEST(Events, AreNoneWhereTheEngineRefuses) {
  std::string const body = R"({"message":"client version 1.48 is too new"})";
  EXPECT_EQ(read(fmt::format("HTTP/1.1 400 Bad Request\r\nContent-Length: {}\r\n\r\n{}",
                             body.size(), body)),
            "400: client version 1.48 is too new");
  EXPECT_EQ(read("HTTP/1.0 403 Forbidden\r\n\r\n<html>Request forbidden</html>"),
            "403: a proxy before the socket does not allow this call: allow it there");
  EXPECT_EQ(read(connected), "the connection ended in the middle of the reply");
  EXPECT_EQ(read(""), "the connection ended without a reply");
}

TEST(Events, AreAskedForFromATimeOn) {
  EXPECT_EQ(path_of_events(std::chrono::nanoseconds(1795303010009434448)),
            "/events?since=1795303010.009434448&filters="
            "%7B%22type%22%3A%5B%22container%22%2C%22network%22%5D%7D");
  EXPECT_EQ(path_of_events(std::chrono::nanoseconds(-1)).substr(0, 28),
            "/events?since=0.000000000&fi");
}

}  // namespace
}  // namespace drawbridge
