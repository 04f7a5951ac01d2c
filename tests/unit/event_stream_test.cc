#include "docker/event_stream.h"

#include "tests/support/expect_ok.h"
#include "tests/support/fake_engine.h"
#include "tests/support/temp_directory.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace drawbridge {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using Clock = EventStream::Clock;

constexpr milliseconds short_limit{250};
constexpr milliseconds long_limit{10'000};
constexpr std::string_view head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr nanoseconds start{5'000'000'007};

std::string target_at(std::string_view since, std::string_view version = "1.41") {
  return fmt::format(
      "/v{}/events?since={}&filters=%7B%22type%22%3A%5B%22container%22%2C%22"
      "network%22%5D%7D",
      version, since);
}

/// returns  a chunk with the start of this container at this time
std::string start_of(std::string_view name, int nanosecond) {
  std::string const line = fmt::format(
      "{{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{{\"ID\":\"1\",\"Attributes\":"
      "{{\"name\":\"{}\"}}}},\"timeNano\":{}}}\n",
      name, nanosecond);
  return fmt::format("{:x}\r\n{}\r\n", line.size(), line);
}

Clock::time_point later() {
  return Clock::now() + long_limit;
}

class EventStreamTest : public testing::Test {
 protected:
  std::filesystem::path socket() const { return directory_ / "d.sock"; }
  /// Lets the engine answer with a stream that begins with these chunks and stays open.
  static void stream(FakeEngine& engine, std::string const& chunks) {
    engine.on(target_at("5.000000007"), {{std::string(head) + chunks, milliseconds(0), true}});
  }
  /// returns  the name in the next event, or why there is none
  static std::string next_name(EventStream& events, Clock::time_point latest = later()) {
    Result<std::optional<DockerEvent>> const event = events.next(latest);
    if (!event) {
      return event.error().message;
    }
    return *event ? (*event)->name : "nothing yet";
  }
  std::string in_events(std::string_view reason) const {
    return fmt::format("docker api {}: GET /events: {}", socket().native(), reason);
  }

 private:
  TempDirectory directory_;
};

TEST_F(EventStreamTest, GivesEventsAsTheyHappen) {
  FakeEngine engine(socket());
  stream(engine, start_of("one", 11) + start_of("two", 12));
  EventStream events(socket(), {long_limit, long_limit});
  ASSERT_OK(events.open(start));
  EXPECT_EQ(next_name(events), "one");
  EXPECT_EQ(next_name(events), "two");
  EXPECT_EQ(next_name(events, Clock::now()), "nothing yet");
  engine.say(start_of("three", 13));
  EXPECT_EQ(next_name(events), "three");
}

TEST_F(EventStreamTest, SaysThatTheEngineWentAwayBehindTheLastEvent) {
  FakeEngine engine(socket());
  stream(engine, start_of("one", 11));
  EventStream events(socket(), {long_limit, long_limit});
  ASSERT_OK(events.open(start));
  engine.say(start_of("two", 12) + "1f\r\n{\"Ty");
  engine.hang_up();
  EXPECT_EQ(next_name(events), "one");
  EXPECT_EQ(next_name(events), "two");
  std::string const reason = in_events("the connection ended in the middle of an event");
  EXPECT_EQ(next_name(events), reason);
  EXPECT_EQ(next_name(events), reason);
}

TEST_F(EventStreamTest, ResumesAtTheLastEvent) {
  FakeEngine engine(socket());
  stream(engine, start_of("one", 2'000'000'003));
  EventStream events(socket(), {long_limit, long_limit});
  ASSERT_OK(events.open(start));
  EXPECT_EQ(events.resume_at(), start);
  EXPECT_EQ(next_name(events), "one");
  engine.hang_up();
  EXPECT_EQ(next_name(events), in_events("the engine ended the stream of events"));
  engine.on(target_at("2.000000003"),
            {{std::string(head) + start_of("two", 13), milliseconds(0), true}});
  ASSERT_OK(events.open(events.resume_at()));
  EXPECT_EQ(next_name(events), "two");
}

TEST_F(EventStreamTest, AgreesOnTheVersionWithEveryOpening) {
  EventStream events(socket(), {long_limit, long_limit});
  {
    FakeEngine old(socket());
    stream(old, start_of("one", 11));
    ASSERT_OK(events.open(start));
  }
  FakeEngine engine(socket(), "1.52");
  engine.on(target_at("5.000000007", "1.48"),
            {{std::string(head) + start_of("two", 12), milliseconds(0), true}});
  ASSERT_OK(events.open(start));
  EXPECT_EQ(next_name(events), "two");
}

TEST_F(EventStreamTest, AsksASilentEngineWhetherItLives) {
  FakeEngine engine(socket());
  stream(engine, "");
  EventStream events(socket(), {long_limit, milliseconds(1)});
  ASSERT_OK(events.open(start));
  while (engine.asked().size() < 4) {
    EXPECT_EQ(next_name(events, Clock::now() + milliseconds(2)), "nothing yet");
  }
  EXPECT_EQ(engine.asked().back(), "/_ping");
  engine.say(start_of("one", 11));
  EXPECT_EQ(next_name(events), "one");
}

TEST_F(EventStreamTest, NoticesAnEngineThatHangs) {
  FakeEngine engine(socket());
  stream(engine, start_of("one", 11));
  EventStream events(socket(), {short_limit, milliseconds(1)});
  ASSERT_OK(events.open(start));
  EXPECT_EQ(next_name(events), "one");
  engine.on("/_ping", {{"", milliseconds(0), true}});
  EXPECT_EQ(next_name(events),
            fmt::format("docker api {}: GET /_ping: timed out after 250 ms", socket().native()));
}

TEST_F(EventStreamTest, OpensOnlyWhatTheEngineAgreesTo) {
  FakeEngine engine(socket());
  EventStream events(socket(), {long_limit, long_limit});
  EXPECT_EQ(next_name(events), "the stream of events is not open");
  EXPECT_TRUE(fails_with(events.open(start), Errc::not_found, "GET /events: 404: page not found"));
  engine.on(target_at("5.000000007"), {{"HTTP/1.1 403 Forbidden\r\n\r\n<html>"}});
  EXPECT_TRUE(fails_with(events.open(start), Errc::unsupported,
                         "GET /events: 403: a proxy before the socket does not allow this call"));
  EXPECT_EQ(next_name(events), events.open(start).error().message);
  stream(engine, start_of("one", 11));
  EXPECT_OK(events.open(start));
  EXPECT_EQ(next_name(events), "one");
}

TEST_F(EventStreamTest, GivesUpOnAnEngineThatAnswersHalf) {
  FakeEngine engine(socket());
  engine.on(target_at("5.000000007"), {{"HTTP/1.1 200 OK\r\n", milliseconds(0), true}});
  EventStream events(socket(), {short_limit, long_limit});
  EXPECT_TRUE(fails_with(events.open(start), Errc::kernel, "GET /events: timed out"));
  EXPECT_EQ(next_name(events), in_events("timed out"));
}

TEST_F(EventStreamTest, SaysWhatIsNoEvent) {
  FakeEngine engine(socket());
  stream(engine, start_of("one", 11) + "5\r\noops\n\r\n");
  EventStream events(socket(), {long_limit, long_limit});
  ASSERT_OK(events.open(start));
  EXPECT_EQ(next_name(events), "one");
  std::string const reason = in_events("not JSON: ");
  EXPECT_EQ(next_name(events).substr(0, reason.size()), reason);
  EXPECT_EQ(next_name(events).substr(0, reason.size()), reason);
}

TEST_F(EventStreamTest, IsCancelledWhileItWaits) {
  FakeEngine engine(socket());
  stream(engine, "");
  EventStream events(socket(), {milliseconds(600'000), milliseconds(600'000)});
  ASSERT_OK(events.open(start));
  std::thread canceller([&events] { events.cancel(); });
  EXPECT_TRUE(next_name(events, Clock::now() + milliseconds(600'000)).ends_with("stopped"));
  canceller.join();
  EXPECT_TRUE(fails_with(events.open(start), Errc::kernel, "stopped"));
}

TEST_F(EventStreamTest, IsCancelledWhileItOpens) {
  FakeEngine engine(socket());
  engine.on("/_ping", {{"", milliseconds(0), true}});
  EventStream events(socket(), {milliseconds(600'000), milliseconds(600'000)});
  std::thread canceller([&] {
    while (engine.asked().empty()) {
      std::this_thread::yield();
    }
    events.cancel();
  });
  EXPECT_TRUE(fails_with(events.open(start), Errc::kernel, "stopped"));
  canceller.join();
}

}  // namespace
}  // namespace drawbridge
