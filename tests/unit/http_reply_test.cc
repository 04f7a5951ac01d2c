#include "http/http_reply.h"

#include "tests/support/expect_ok.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>

namespace drawbridge {
namespace {

/// returns  "STATUS BODY" of the reply that `bytes` are when they arrive `step` at a time and the
///          connection ends then, or the error's text
std::string read(std::string_view bytes, std::size_t step) {
  ReplyDecoder decoder;
  for (std::size_t at = 0; at < bytes.size(); at += step) {
    if (Result<void> const fed = decoder.feed(bytes.substr(at, step)); !fed) {
      return fed.error().message;
    }
  }
  if (Result<void> const ended = decoder.end(); !ended) {
    return ended.error().message;
  }
  ApiReply const reply = decoder.take();
  return std::to_string(reply.status) + " " + reply.body;
}

/// The same, which must not depend on how the bytes arrive.
std::string read(std::string_view bytes) {
  std::string const at_once = read(bytes, std::max<std::size_t>(bytes.size(), 1));
  for (std::size_t const step : {1u, 2u, 3u, 7u}) {
    EXPECT_EQ(read(bytes, step), at_once) << "in steps of " << step;
  }
  return at_once;
}

TEST(HttpReply, ReadsABodyOfKnownLength) {
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), "200 hello");
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"), "200 ");
}

TEST(HttpReply, ReadsABodyInChunks) {
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "3\r\nhel\r\n2;name=value\r\nlo\r\n0\r\n\r\n"),
            "200 hello");
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "5\r\nhello\r\n0\r\nTrailer: x\r\n\r\n"),
            "200 hello");
}

TEST(HttpReply, ReadsABodyThatEndsWithTheConnection) {
  EXPECT_EQ(read("HTTP/1.1 500 Oops\r\n\r\nhello"), "500 hello");
}

TEST(HttpReply, ReadsAReplyThatHasNoBody) {
  EXPECT_EQ(read("HTTP/1.1 204 No Content\r\n\r\n"), "204 ");
  EXPECT_EQ(read("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"), "304 ");
}

TEST(HttpReply, DropsWhatFollowsTheReply) {
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200"), "200 ok");
}

TEST(HttpReply, IsWholeBeforeTheConnectionEnds) {
  ReplyDecoder decoder;
  ASSERT_OK(decoder.feed("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\no"));
  EXPECT_FALSE(decoder.is_whole());
  ASSERT_OK(decoder.feed("k"));
  EXPECT_TRUE(decoder.is_whole());
  EXPECT_EQ(decoder.take().api_version, "1.41");
}

TEST(HttpReply, TakesTheLargestBody) {
  std::string const head = "HTTP/1.1 200 OK\r\nContent-Length: 16777216\r\n\r\n";
  EXPECT_EQ(read(head + std::string(max_api_body_bytes, 'x'), 65536).size(),
            max_api_body_bytes + 4);
}

TEST(HttpReply, RefusesALargerOne) {
  std::string const reason = "the reply is larger than 16777216 bytes";
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 16777217\r\n\r\n"), reason);
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nContent-Length: 18446744073709551615\r\n\r\n"), reason);
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"),
            reason);
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\n\r\n" + std::string(max_api_body_bytes + 1, 'x'), 65536),
            reason);
}

TEST(HttpReply, RefusesBytesThatAreNoReply) {
  for (std::string_view const bytes :
       {"\r\n\r\n", "SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.1 abc OK\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n", "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nok"}) {
    EXPECT_EQ(read(bytes).substr(0, 19), "not an HTTP reply: ") << bytes;
  }
  EXPECT_EQ(read("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
            "the reply has a transfer encoding that is not understood");
  EXPECT_EQ(read(std::string(max_api_header_bytes, 'x')),
            "the reply's header is larger than 16384 bytes");
}

TEST(HttpReply, RefusesBadChunks) {
  std::string const head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  EXPECT_EQ(read(head + "x\r\n"), "bad chunk: it does not begin with its size");
  EXPECT_EQ(read(head + "\r\n"), "bad chunk: it does not begin with its size");
  EXPECT_EQ(read(head + "1\r\nab\r\n"), "bad chunk: it is longer than its size");
  EXPECT_EQ(read(head + "1;" + std::string(300, 'x')), "bad chunk: its line is too long");
  EXPECT_EQ(read(head + "0\r\n" + std::string(max_api_header_bytes, 'x'), 4096),
            "the reply's trailer is larger than 16384 bytes");
}

TEST(HttpReply, SaysWhereTheConnectionEnded) {
  std::string const head = "HTTP/1.1 200 OK\r\n";
  EXPECT_EQ(read(""), "the connection ended without a reply");
  for (std::string const& bytes :
       {std::string("H"), head, head + "Content-Length: 2\r\n\r\no",
        head + "Transfer-Encoding: chunked\r\n\r\n", head + "Transfer-Encoding: chunked\r\n\r\n0\r",
        head + "Transfer-Encoding: chunked\r\n\r\n2\r\no",
        head + "Transfer-Encoding: chunked\r\n\r\n0\r\nx"}) {
    EXPECT_EQ(read(bytes), "the connection ended in the middle of the reply") << bytes;
  }
}

}  // namespace
}  // namespace drawbridge
