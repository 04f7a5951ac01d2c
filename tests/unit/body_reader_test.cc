#include "http/body_reader.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {
namespace {

using Kind = BodyFraming::Kind;

constexpr BodyLimits limits{{"the body", 8}, {"the trailer", 16}};

/// returns  "[BODY] REST" once the body of bytes that arrive in these parts is whole, "incomplete",
///          or the status and text of why there is none. REST is what is left for others.
std::string outcome_of(BodyFraming framing, std::vector<std::string_view> const& parts) {
  BodyReader reader(framing, limits);
  std::string unread;
  std::optional<BodyError> error;
  for (std::string_view const part : parts) {
    unread += part;
    std::string_view rest = unread;
    error = reader.read(rest);
    unread.erase(0, unread.size() - rest.size());
  }
  if (error) {
    return fmt::format("{} {}", error->status, error->reason);
  }
  reader.end();
  return reader.is_whole() ? fmt::format("[{}] {}", reader.take(), unread) : "incomplete";
}

/// The same, which must not depend on where the bytes are split.
std::string read(BodyFraming framing, std::string_view bytes) {
  std::string const at_once = outcome_of(framing, {bytes});
  std::vector<std::string_view> single = {""};
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    EXPECT_EQ(outcome_of(framing, {bytes.substr(0, at), bytes.substr(at)}), at_once)
        << "split at " << at;
    single.push_back(bytes.substr(at, 1));
  }
  EXPECT_EQ(outcome_of(framing, single), at_once) << "byte by byte";
  return at_once;
}

std::string read_chunks(std::string_view bytes) {
  return read({Kind::chunked}, bytes);
}

TEST(BodyReader, LeavesAllBytesWhenThereIsNoBody) {
  EXPECT_EQ(read({Kind::none}, "GET"), "[] GET");
  EXPECT_EQ(read({Kind::none, 3}, "GET"), "[] GET");
}

TEST(BodyReader, TakesAsManyBytesAsAnnounced) {
  EXPECT_EQ(read({Kind::length, 0}, "GET"), "[] GET");
  EXPECT_EQ(read({Kind::length, 5}, "a\r\n\r\nGET"), "[a\r\n\r\n] GET");
  EXPECT_EQ(read({Kind::length, 8}, "12345678"), "[12345678] ");
  EXPECT_EQ(read({Kind::length, 5}, "1234"), "incomplete");
}

TEST(BodyReader, TakesAllBytesUpToTheEndOfTheConnection) {
  EXPECT_EQ(read({Kind::to_end}, ""), "[] ");
  EXPECT_EQ(read({Kind::to_end}, "12345678"), "[12345678] ");
}

TEST(BodyReader, GivesWhatItHasReadOfABodyWithoutAnEnd) {
  BodyReader reader({Kind::chunked}, limits);
  std::string taken;
  for (int chunks = 0; chunks < 5; ++chunks) {
    for (std::string_view const part : {"6\r\n12", "3456\r\n"}) {
      std::string_view rest = part;
      EXPECT_FALSE(reader.read(rest));
      EXPECT_EQ(rest, "");
      taken += reader.take_read() + "|";
    }
  }
  EXPECT_EQ(taken, "12|3456|12|3456|12|3456|12|3456|12|3456|");
  EXPECT_FALSE(reader.is_whole());
  std::string_view too_large = "9\r\n";
  EXPECT_TRUE(reader.read(too_large));
}

TEST(BodyReader, JoinsChunks) {
  EXPECT_EQ(read_chunks("0\r\n\r\nGET"), "[] GET");
  EXPECT_EQ(read_chunks("3\r\na\r\n\r\n05\r\nbcdef\r\n0\r\n\r\n"), "[a\r\nbcdef] ");
}

TEST(BodyReader, DropsExtensionsAndTrailers) {
  EXPECT_EQ(read_chunks("1;a=b\r\nx\r\n1 \t;c\r\ny\r\n0;d\r\nSum: 1\r\nA: b\r\n\r\nGET"),
            "[xy] GET");
}

TEST(BodyReader, WaitsForEveryByteOfChunks) {
  std::string_view const whole = "1\r\nx\r\n0\r\nA: b\r\n\r\n";
  for (std::size_t size = 0; size < whole.size(); ++size) {
    EXPECT_EQ(read_chunks(whole.substr(0, size)), "incomplete") << size << " bytes";
  }
}

TEST(BodyReader, RefusesChunksThatAreNone) {
  std::string const bad_size = "400 bad chunk: it does not begin with its size";
  for (std::string_view const line :
       {"\r\n", "x\r\n", "-1\r\n", "1x\r\n", " 1\r\n", "0x1\r\n", "10000000000000000\r\n"}) {
    EXPECT_EQ(read_chunks(line), bad_size) << line;
  }
  EXPECT_EQ(read_chunks("1\r\nab"), "400 bad chunk: it is longer than its size");
  EXPECT_EQ(read_chunks("1\r\na\rb"), "400 bad chunk: it is longer than its size");
  EXPECT_EQ(read_chunks("0;" + std::string(254, 'x')), "400 bad chunk: its line is too long");
}

TEST(BodyReader, TakesTheLongestChunkLine) {
  EXPECT_EQ(read_chunks("0;" + std::string(252, 'x') + "\r\n\r\n"), "[] ");
  EXPECT_EQ(read_chunks("0;" + std::string(253, 'x') + "\r\n\r\n"),
            "400 bad chunk: its line is too long");
}

std::string const large_body = "413 the body is larger than 8 bytes";
std::string const large_trailer = "431 the trailer is larger than 16 bytes";

TEST(BodyReader, RefusesALargeBodyAsSoonAsItIsAnnounced) {
  EXPECT_EQ(read({Kind::length, 9}, ""), large_body);
  EXPECT_EQ(read({Kind::none, 9}, ""), large_body);
  EXPECT_EQ(read({Kind::length, UINT64_MAX}, ""), large_body);
  EXPECT_EQ(read_chunks("9\r\n"), large_body);
  EXPECT_EQ(read_chunks("1\r\na\r\n8\r\n"), large_body);
  EXPECT_EQ(read_chunks("ffffffffffffffff\r\n"), large_body);
  EXPECT_EQ(read({Kind::to_end}, "123456789"), large_body);
}

TEST(BodyReader, CountsTheTrailerAsAWhole) {
  EXPECT_EQ(read_chunks("0\r\nA: 12345\r\nB: \r\n\r\n"), large_trailer);
  EXPECT_EQ(read_chunks("0\r\nA: 1234\r\nB:\r\n\r\n"), "[] ");
  EXPECT_EQ(read_chunks("0\r\n" + std::string(16, 'x')), large_trailer);
  EXPECT_EQ(read_chunks("0\r\n" + std::string(15, 'x')), "incomplete");
}

TEST(BodyReader, StaysRefusedWhateverFollows) {
  EXPECT_EQ(outcome_of({Kind::chunked}, {"x\r\n", "0\r\n\r\n"}),
            "400 bad chunk: it does not begin with its size");
}

}  // namespace
}  // namespace drawbridge
