#include "plugin/http_codec.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {
namespace {

/// What came out of some bytes: a line for each request, then one for a refusal or for what is
/// still incomplete.
std::vector<std::string> outcome_of(HttpDecoder& decoder) {
  std::vector<std::string> lines;
  while (std::optional<HttpRequest> const request = decoder.next()) {
    lines.push_back(fmt::format("{} {} [{}]{}", request->method, request->path, request->body,
                                request->keep_alive ? "" : " close"));
  }
  if (decoder.refusal()) {
    lines.push_back(fmt::format("{} {}", decoder.refusal()->status, decoder.refusal()->reason));
  }
  if (decoder.in_request()) {
    lines.push_back("incomplete");
  }
  return lines;
}

std::vector<std::string> decoded(std::string_view bytes) {
  HttpDecoder decoder;
  decoder.feed(bytes);
  return outcome_of(decoder);
}

std::vector<std::string> decoded_byte_by_byte(std::string_view bytes) {
  HttpDecoder decoder;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    decoder.feed(bytes.substr(i, 1));
  }
  return outcome_of(decoder);
}

std::string request_with_body(std::size_t size) {
  return fmt::format("POST /a HTTP/1.1\r\nContent-Length: {}\r\n\r\n", size) +
         std::string(size, 'x');
}

/// A request whose head, with its empty line, has `size` bytes.
std::string request_with_head(std::size_t size) {
  std::string const begin = "POST /a HTTP/1.1\r\nX: ";
  return begin + std::string(size - begin.size() - 4, 'x') + "\r\n\r\n";
}

using Lines = std::vector<std::string>;

struct Example {
  char const* name;
  std::string bytes;
  Lines outcome;
};

void PrintTo(Example const& example, std::ostream* out) {
  *out << example.name;
}

class HttpDecoderExample : public testing::TestWithParam<Example> {};

TEST_P(HttpDecoderExample, IsReadWhole) {
  EXPECT_EQ(decoded(GetParam().bytes), GetParam().outcome);
}

TEST_P(HttpDecoderExample, IsReadTheSameByteByByte) {
  EXPECT_EQ(decoded_byte_by_byte(GetParam().bytes), GetParam().outcome);
}

std::string name_of_example(testing::TestParamInfo<Example> const& example) {
  return example.param.name;
}

Example const good[] = {
    {"EngineUpTo20",
     "POST /NetworkDriver.DeleteNetwork HTTP/1.1\r\nHost: \r\nUser-Agent: Go-http-client/1.1\r\n"
     "Content-Length: 17\r\nAccept: application/vnd.docker.plugins.v1.2+json\r\n\r\n"
     "{\"NetworkID\":\"a\"}",
     {"POST /NetworkDriver.DeleteNetwork [{\"NetworkID\":\"a\"}]"}},
    {"EngineFrom24",
     "POST /Plugin.Activate HTTP/1.1\r\nHost: plugin.moby.localhost\r\nContent-Length: 0\r\n\r\n",
     {"POST /Plugin.Activate []"}},
    {"NoHeaderAtAll", "POST /a HTTP/1.1\r\n\r\n", {"POST /a []"}},
    {"QueryIsNotPath", "GET /metrics?since=1 HTTP/1.1\r\n\r\n", {"GET /metrics []"}},
    {"UnknownMethod", "BREW /pot HTTP/1.1\r\n\r\n", {"BREW /pot []"}},
    {"ConnectionClose", "GET /a HTTP/1.1\r\nConnection: close\r\n\r\n", {"GET /a [] close"}},
    {"Version10", "GET /a HTTP/1.0\r\n\r\n", {"GET /a [] close"}},
    {"Version10KeepAlive", "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", {"GET /a []"}},
    {"BodyOfAnyBytes",
     std::string("POST /a HTTP/1.1\r\nContent-Length: 6\r\n\r\n\0\r\n\r\n\xff", 45),
     {std::string("POST /a [\0\r\n\r\n\xff]", 16)}},
    {"SameLengthTwice",
     "POST /a HTTP/1.1\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nhi",
     {"POST /a [hi]"}},
    {"FoldedHeader", "GET /a HTTP/1.1\r\nX: one\r\n two\r\n\r\n", {"GET /a []"}},
    {"Chunked",
     "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n02\r\nde\r\n0\r\n\r\n",
     {"POST /a [abcde]"}},
    {"ChunkedUpperCase",
     "POST /a HTTP/1.1\r\nTransfer-Encoding: Chunked\r\n\r\nA\r\n0123456789\r\n0\r\n\r\n",
     {"POST /a [0123456789]"}},
    {"ChunkedEmpty",
     "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     {"POST /a []"}},
    {"ChunkExtension",
     "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1;a=b\r\nx\r\n0 ;c\r\n\r\n",
     {"POST /a [x]"}},
    {"ChunkTrailer",
     "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nSum: 1\r\n\r\n",
     {"POST /a [x]"}},
    {"Pipelined",
     "POST /a HTTP/1.1\r\nContent-Length: 1\r\n\r\n1GET /b HTTP/1.1\r\n\r\nGET /c HTTP/1.1\r\n\r\n",
     {"POST /a [1]", "GET /b []", "GET /c []"}},
    {"LineBreakAfterBody",
     "POST /a HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}\r\nGET /b HTTP/1.1\r\n\r\n\r\n",
     {"POST /a [{}]", "GET /b []"}},
    {"LargestHead", request_with_head(max_header_bytes), {"POST /a []"}},
};

INSTANTIATE_TEST_SUITE_P(Good, HttpDecoderExample, testing::ValuesIn(good), name_of_example);

std::string const too_large = "413 request body is larger than 8388608 bytes";
std::string const long_head = "431 request header is larger than 16384 bytes";
std::string const bad_method = "400 not an HTTP request: bad method";
std::string const bad_size = "400 bad chunk: it does not begin with its size";
std::string const chunked = "POST /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n";

Example const bad[] = {
    {"Words", "hello\n", {bad_method}},
    {"LowerCaseMethod", "get / HTTP/1.1\r\n\r\n", {bad_method}},
    {"SpaceBeforeMethod", " GET / HTTP/1.1\r\n\r\n", {bad_method}},
    {"TlsHello", std::string("\x16\x03\x01\x02\x00\x01", 6), {bad_method}},
    {"ZeroBytes", std::string(8, '\0'), {bad_method}},
    {"MethodOnly", "GET\r\n\r\n", {bad_method}},
    {"Http2Preface",
     "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
     {"505 only HTTP/1.0 and HTTP/1.1 are understood"}},
    {"Version12", "GET / HTTP/1.2\r\n\r\n", {"505 only HTTP/1.0 and HTTP/1.1 are understood"}},
    {"HalfAVersion", "GET / HTT\r\n\r\n", {"400 not an HTTP request: the head ends too early"}},
    {"NoVersion", "GET /\r\n\r\n", {"400 not an HTTP request: bad target"}},
    {"OtherProtocol", "GET / RTSP/1.0\r\n\r\n", {"505 only HTTP/1.0 and HTTP/1.1 are understood"}},
    {"ControlInPath", "GET /a\x01 HTTP/1.1\r\n\r\n", {"400 not an HTTP request: bad target"}},
    {"AbsoluteTarget", "GET http://h/a HTTP/1.1\r\n\r\n", {"400 request target is not a path"}},
    {"AsteriskTarget", "OPTIONS * HTTP/1.1\r\n\r\n", {"400 request target is not a path"}},
    {"HeaderWithoutColon",
     "GET / HTTP/1.1\r\nHost\r\n\r\n",
     {"400 not an HTTP request: bad field"}},
    {"SpaceInHeaderName",
     "GET / HTTP/1.1\r\nA b: c\r\n\r\n",
     {"400 not an HTTP request: bad field"}},
    {"ControlInHeaderValue",
     "GET / HTTP/1.1\r\nA: \x01\r\n\r\n",
     {"400 not an HTTP request: bad value"}},
    {"NegativeLength",
     "POST /a HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
     {"400 not an HTTP request: bad Content-Length"}},
    {"LengthInWords",
     "POST /a HTTP/1.1\r\nContent-Length: two\r\n\r\n",
     {"400 not an HTTP request: bad Content-Length"}},
    {"LengthOf64Bits",
     "POST /a HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n",
     {too_large}},
    {"LengthBeyond64Bits",
     "POST /a HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n",
     {"400 not an HTTP request: bad Content-Length"}},
    {"TwoLengths",
     "POST /a HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
     {"400 not an HTTP request: multiple Content-Length"}},
    {"LengthAndChunked",
     "POST /a HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
     {"400 not an HTTP request: bad Transfer-Encoding"}},
    {"Compressed",
     "POST /a HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
     {"501 only the transfer encoding chunked is understood"}},
    {"CompressedChunks",
     "POST /a HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
     {"501 only the transfer encoding chunked is understood"}},
    {"CompressedChunksInTwoLines",
     "POST /a HTTP/1.1\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
     {"501 only the transfer encoding chunked is understood"}},
    {"ExpectContinue",
     "POST /a HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n",
     {"417 header Expect is not supported: send the body at once"}},
    {"BodyTooLarge", "POST /a HTTP/1.1\r\nContent-Length: 8388609\r\n\r\n", {too_large}},
    {"HeadTooLarge", request_with_head(max_header_bytes + 1), {long_head}},
    {"EndlessHead", "GET /" + std::string(max_header_bytes, 'a'), {long_head}},
    {"EndlessMethod", std::string(33, 'A'), {bad_method}},
    {"ChunkWithoutSize", chunked + "\r\n", {bad_size}},
    {"ChunkSizeInWords", chunked + "two\r\n", {bad_size}},
    {"ChunkSizeNegative", chunked + "-1\r\n", {bad_size}},
    {"ChunkSizeBeyond64Bits", chunked + "10000000000000000\r\n", {bad_size}},
    {"ChunkTooLarge", chunked + "800001\r\n", {too_large}},
    {"ChunksTooLarge", chunked + "2\r\nab\r\n7fffff\r\n", {too_large}},
    {"ChunkLongerThanItsSize", chunked + "1\r\nabc", {"400 bad chunk: it is longer than its size"}},
    {"EndlessChunkLine",
     chunked + "1;" + std::string(300, 'x'),
     {"400 bad chunk: its line is too long"}},
    {"EndlessTrailer",
     chunked + "0\r\n" + std::string(max_header_bytes, 'x'),
     {"431 request trailer is larger than 16384 bytes"}},
    {"ManyTrailers",
     chunked + "0\r\n" +
         request_with_head(max_header_bytes / 2).substr(0, max_header_bytes / 2 - 2) +
         std::string(max_header_bytes / 2 + 2, 'x'),
     {"431 request trailer is larger than 16384 bytes"}},
    {"AfterGoodOnes",
     "GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\n\r\nnonsense\r\n\r\nGET /c HTTP/1.1\r\n\r\n",
     {"GET /a []", "GET /b []", bad_method}},
};

INSTANTIATE_TEST_SUITE_P(Bad, HttpDecoderExample, testing::ValuesIn(bad), name_of_example);

Example const unfinished[] = {
    {"Nothing", "", {}},
    {"LineBreaksOnly", "\r\n\r\n", {}},
    {"Method", "POST", {"incomplete"}},
    {"Head", "POST /a HTTP/1.1\r\nHost:", {"incomplete"}},
    {"Body", "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\nab", {"incomplete"}},
    {"BodyNotBegun", "POST /a HTTP/1.1\r\nContent-Length: 3\r\n\r\n", {"incomplete"}},
    {"ChunkLine", chunked + "2", {"incomplete"}},
    {"ChunkData", chunked + "2\r\na", {"incomplete"}},
    {"ChunkEnd", chunked + "2\r\nab\r", {"incomplete"}},
    {"LastChunk", chunked + "0\r\n", {"incomplete"}},
    {"SecondRequest", "GET /a HTTP/1.1\r\n\r\nGET", {"GET /a []", "incomplete"}},
};

INSTANTIATE_TEST_SUITE_P(Unfinished, HttpDecoderExample, testing::ValuesIn(unfinished),
                         name_of_example);

TEST(HttpDecoder, TakesTheLargestBody) {
  HttpDecoder decoder;
  decoder.feed(request_with_body(max_body_bytes));
  std::optional<HttpRequest> const request = decoder.next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->body.size(), max_body_bytes);
}

TEST(HttpDecoder, TakesTheLargestChunkedBody) {
  HttpDecoder decoder;
  decoder.feed(chunked + "7fffff\r\n" + std::string(0x7fffff, 'x') + "\r\n1\r\ny\r\n0\r\n\r\n");
  std::optional<HttpRequest> const request = decoder.next();
  ASSERT_TRUE(request);
  EXPECT_EQ(request->body.size(), max_body_bytes);
}

TEST(HttpDecoder, RefusesALargeBodyBeforeItArrives) {
  EXPECT_EQ(decoded("POST /a HTTP/1.1\r\nContent-Length: 9999999\r\n\r\n"), Lines{too_large});
}

TEST(HttpDecoder, StaysRefusedWhateverFollows) {
  HttpDecoder decoder;
  decoder.feed("nonsense");
  decoder.feed("GET /a HTTP/1.1\r\n\r\n");
  EXPECT_EQ(outcome_of(decoder), Lines{bad_method});
}

TEST(Encode, WritesStatusHeadersAndBody) {
  EXPECT_EQ(encode(HttpReply{}, true),
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
            "Connection: keep-alive\r\n\r\n{}");
}

TEST(Encode, AnnouncesTheEndOfTheConnection) {
  EXPECT_EQ(encode(HttpReply{404, "gone", "text/plain"}, false),
            "HTTP/1.1 404 Not Found\r\nContent-Type: text/plain\r\nContent-Length: 4\r\n"
            "Connection: close\r\n\r\ngone");
}

TEST(Encode, WritesARefusalUnderBothErrorKeys) {
  HttpReply const reply = reply_to({413, "too much"});
  EXPECT_EQ(reply.status, 413);
  EXPECT_EQ(reply.body, R"({"Err":"too much","Error":"too much"})");
}

}  // namespace
}  // namespace drawbridge
