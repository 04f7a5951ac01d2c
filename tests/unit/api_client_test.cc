#include "docker/api_client.h"

#include "plugin/unix_socket.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_engine.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include <sys/socket.h>
#include <sys/un.h>

namespace drawbridge {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds short_limit{40};
constexpr milliseconds long_limit{10'000};

class ApiClientTest : public testing::Test {
 protected:
  std::filesystem::path socket() const { return directory_ / "d.sock"; }
  /// returns  the error's text of a call, which must begin with the socket's path
  std::string error_of(Result<std::string> const& result) const {
    std::string const begin = "docker api " + socket().native() + ": GET /networks: ";
    EXPECT_FALSE(result);
    EXPECT_TRUE(result.error().message.starts_with(begin)) << result.error().message;
    return result.error().message.substr(begin.size());
  }
  /// returns  the error's text when the engine answers /networks like that
  std::string error_after(Reaction reaction, milliseconds limit = long_limit) const {
    FakeEngine engine(socket());
    engine.on("/v1.41/networks", {std::move(reaction)});
    ApiClient api(socket(), limit);
    return error_of(api.get("/networks"));
  }

 private:
  TempDirectory directory_;
};

TEST_F(ApiClientTest, AsksInTheVersionOfTheEngine) {
  FakeEngine engine(socket(), "1.41");
  engine.give("/v1.41/networks", "[]");
  ApiClient api(socket(), long_limit);
  Result<std::string> const first = api.get("/networks");
  ASSERT_OK(first);
  EXPECT_EQ(*first, "[]");
  EXPECT_OK(api.get("/networks"));
  EXPECT_EQ(engine.asked(),
            (std::vector<std::string>{"/_ping", "/v1.41/networks", "/v1.41/networks"}));
}

TEST_F(ApiClientTest, AsksANewerEngineInTheNewestVersionItKnows) {
  FakeEngine engine(socket(), "1.52");
  engine.give("/v1.48/networks", "[]");
  EXPECT_OK(ApiClient(socket(), long_limit).get("/networks"));
}

TEST_F(ApiClientTest, RefusesAnEngineThatIsTooOldOrNone) {
  for (auto const& [version, words] : std::vector<std::pair<std::string, std::string>>{
           {"1.39", "the engine speaks API 1.39, 1.40 is needed: Docker 19.03 or newer"},
           {"", "what answers names no version of the Docker API"},
           {"1.x", "what answers names no version of the Docker API"},
           {"4.0", "what answers names no version of the Docker API"},
           {"1.99999999999", "what answers names no version of the Docker API"}}) {
    FakeEngine engine(socket(), version);
    ApiClient api(socket(), long_limit);
    EXPECT_EQ(error_of(api.get("/networks")), words);
  }
}

TEST_F(ApiClientTest, AgreesAnewWithAnEngineThatWasExchanged) {
  ApiClient api(socket(), long_limit);
  {
    FakeEngine old(socket(), "1.41");
    old.give("/v1.41/networks", "[]");
    ASSERT_OK(api.get("/networks"));
  }
  FakeEngine engine(socket(), "1.52");
  engine.on("/v1.41/networks", {{api_reply(400, R"({"message":"client is too old"})", "1.52")}});
  engine.give("/v1.48/networks", "[1]");
  Result<std::string> const body = api.get("/networks");
  ASSERT_OK(body);
  EXPECT_EQ(*body, "[1]");
}

TEST_F(ApiClientTest, AgreesAnewOnceTheEngineNamesAnotherVersion) {
  FakeEngine engine(socket(), "1.52");
  engine.on("/v1.48/networks", {{api_reply(200, "[]", "1.41")}, {api_reply(200, "[]", "1.52")}});
  ApiClient api(socket(), long_limit);
  for (int calls = 0; calls < 3; ++calls) {
    EXPECT_OK(api.get("/networks"));
  }
  EXPECT_EQ(engine.asked(), (std::vector<std::string>{"/_ping", "/v1.48/networks", "/_ping",
                                                      "/v1.48/networks", "/v1.48/networks"}));
}

TEST_F(ApiClientTest, AgreesAnewAfterTheEngineWentAway) {
  FakeEngine engine(socket());
  engine.on("/v1.41/networks", {{"HTTP/1.1 200"}, {api_reply(200, "[]")}});
  ApiClient api(socket(), long_limit);
  EXPECT_EQ(error_of(api.get("/networks")), "the connection ended in the middle of the reply");
  EXPECT_OK(api.get("/networks"));
  EXPECT_EQ(engine.asked(),
            (std::vector<std::string>{"/_ping", "/v1.41/networks", "/_ping", "/v1.41/networks"}));
}

TEST_F(ApiClientTest, AsksOnceForWhatCannotBe) {
  FakeEngine engine(socket());
  engine.on("/v1.41/a", {{api_reply(400, R"({"message":"no"})")}});
  ApiClient api(socket(), long_limit);
  EXPECT_EQ(api.minor_version(), 41);
  EXPECT_TRUE(fails_with(api.post("/a", "{}"), Errc::invalid_argument, "POST /a: 400: no"));
  EXPECT_EQ(engine.requests(), (std::vector<std::string>{"GET /_ping", "POST /v1.41/a {}"}));
}

TEST_F(ApiClientTest, FindsTheVersionWhereAProxyAllowsOnlySomeCalls) {
  Reaction const forbidden{"HTTP/1.0 403 Forbidden\r\n\r\n<html>Request forbidden</html>"};
  std::string const last = "/networks?filters=%7B%22name%22%3A%5B%22%5E%24%22%5D%7D";
  FakeEngine engine(socket());
  engine.on("/_ping", {forbidden});
  engine.on("/version", {forbidden});
  engine.on(last, {forbidden, {api_reply(200, "[]")}});
  engine.give("/v1.41/networks", "[]");
  ApiClient api(socket(), long_limit);
  EXPECT_EQ(
      error_of(api.get("/networks")),
      "ask /_ping, /version or /networks for its version: 403: a proxy before the socket does "
      "not allow this call: allow it there");
  EXPECT_OK(api.get("/networks"));
  EXPECT_EQ(engine.asked(), (std::vector<std::string>{"/_ping", "/version", last, "/_ping",
                                                      "/version", last, "/v1.41/networks"}));
}

TEST_F(ApiClientTest, SaysWhichCallAProxyDoesNotAllow) {
  FakeEngine engine(socket());
  engine.on("/v1.41/networks/n/connect", {{"HTTP/1.1 403 Forbidden\r\n\r\nForbidden"}});
  EXPECT_TRUE(fails_with(ApiClient(socket(), long_limit).post("/networks/n/connect", "{}"),
                         Errc::unsupported,
                         "POST /networks/n/connect: 403: a proxy before the socket does not allow "
                         "this call: allow it there"));
}

TEST_F(ApiClientTest, TellsAProxyWithoutItsEngineFromAnEngine) {
  FakeEngine engine(socket());
  engine.on("/v1.41/a", {{"HTTP/1.1 503 Service Unavailable\r\n\r\n<html>"}});
  engine.on("/v1.41/b", {{api_reply(503, R"({"message":"not a swarm manager"})")}});
  ApiClient api(socket(), long_limit);
  EXPECT_TRUE(fails_with(api.get("/a"), Errc::kernel, "503: a proxy before the socket"));
  EXPECT_TRUE(fails_with(api.get("/b"), Errc::unsupported, "503: not a swarm manager"));
}

TEST_F(ApiClientTest, SendsBodiesAndDeletes) {
  FakeEngine engine(socket());
  engine.on("/v1.41/a", {{api_reply(201, "made")}, {"HTTP/1.1 204 No Content\r\n\r\n"}});
  ApiClient api(socket(), long_limit);
  EXPECT_EQ(api.post("/a", R"({"b":1})"), "made");
  EXPECT_EQ(api.remove("/a"), "");
  EXPECT_EQ(engine.requests(), (std::vector<std::string>{"GET /_ping", R"(POST /v1.41/a {"b":1})",
                                                         "DELETE /v1.41/a"}));
}

TEST_F(ApiClientTest, IsStoppedInTheMiddleOfACall) {
  FakeEngine engine(socket());
  engine.on("/v1.41/networks", {{"", milliseconds(0), true}});
  ApiClient api(socket(), milliseconds(600'000));
  std::thread stopper([&] {
    while (engine.asked().size() < 2) {
      std::this_thread::yield();
    }
    api.stop();
  });
  EXPECT_EQ(error_of(api.get("/networks")), "stopped");
  stopper.join();
}

TEST_F(ApiClientTest, ReadsChunksThatArriveSlowly) {
  FakeEngine engine(socket());
  engine.on("/v1.41/networks", {{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                                 "1\r\n[\r\n1\r\n]\r\n0\r\n\r\n",
                                 std::chrono::milliseconds(1), true}});
  Result<std::string> const body = ApiClient(socket(), long_limit).get("/networks");
  ASSERT_OK(body);
  EXPECT_EQ(*body, "[]");
}

TEST_F(ApiClientTest, DoesNotWaitForTheEngineToClose) {
  FakeEngine engine(socket());
  engine.on("/v1.41/networks", {{api_reply(200, "[]"), milliseconds(0), true}});
  EXPECT_OK(ApiClient(socket(), long_limit).get("/networks"));
}

TEST_F(ApiClientTest, PassesOnWhatTheEngineSays) {
  EXPECT_EQ(error_after({api_reply(404, R"({"message":"network x not found"})")}),
            "404: network x not found");
  EXPECT_EQ(error_after({api_reply(500, R"({"message":"one\nline"})")}), "500: one line");
  EXPECT_EQ(error_after({api_reply(503, "busy")}),
            "503: a proxy before the socket does not reach the engine");
  EXPECT_EQ(error_after({api_reply(500, R"({"message":[]})")}), "500: no reason given");
  EXPECT_EQ(error_after({api_reply(500, "{\"message\":\"" + std::string(1000, 'x') + "\"}")}),
            "500: " + std::string(200, 'x'));
}

TEST_F(ApiClientTest, TellsWhetherTheEngineAnswered) {
  FakeEngine engine(socket());
  engine.on("/v1.41/a", {{api_reply(404, "")}});
  engine.on("/v1.41/b", {{api_reply(500, "")}});
  engine.on("/v1.41/c", {{"oops\r\n\r\n"}});
  engine.on("/v1.41/d", {{"HTTP/1.1 200 OK\r\n"}});
  engine.on("/v1.41/e", {{api_reply(403, R"({"message":"no"})")}});
  engine.on("/v1.41/f", {{api_reply(409, R"({"message":"no"})")}});
  ApiClient api(socket(), long_limit);
  EXPECT_TRUE(fails_with(api.get("/a"), Errc::not_found, "404"));
  EXPECT_TRUE(fails_with(api.get("/b"), Errc::unsupported, "500"));
  EXPECT_TRUE(fails_with(api.get("/c"), Errc::malformed, "not an HTTP reply"));
  EXPECT_TRUE(fails_with(api.get("/d"), Errc::kernel, "in the middle of the reply"));
  EXPECT_TRUE(fails_with(api.get("/e"), Errc::conflict, "403: no"));
  EXPECT_TRUE(fails_with(api.get("/f"), Errc::conflict, "409: no"));
}

TEST_F(ApiClientTest, GivesUpOnAnEngineThatDoesNotAnswerInTime) {
  EXPECT_EQ(error_after({"", milliseconds(0), true}, short_limit), "timed out after 40 ms");
  EXPECT_EQ(error_after({"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n[", milliseconds(0), true},
                        short_limit),
            "timed out after 40 ms");
}

TEST_F(ApiClientTest, CountsTheWholeReplyAgainstTheLimit) {
  Reaction const dribble{std::string(1000, 'x'), milliseconds(1), true};
  EXPECT_EQ(error_after(dribble, short_limit), "timed out after 40 ms");
}

TEST_F(ApiClientTest, GivesUpOnAnEngineThatAcceptsNobody) {
  Result<UnixSocket> listening = UnixSocket::listen_on(socket());
  ASSERT_OK(listening);
  FileDescriptor const descriptor = listening->take_descriptor();
  ASSERT_EQ(::listen(descriptor.get(), 0), 0);
  std::vector<FileDescriptor> queued;
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket().native().copy(address.sun_path, sizeof address.sun_path - 1);
  int connected = 0;
  while (connected == 0) {
    queued.emplace_back(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    connected =
        ::connect(queued.back().get(), reinterpret_cast<sockaddr*>(&address), sizeof address);
  }
  ApiClient api(socket(), short_limit);
  EXPECT_EQ(error_of(api.get("/networks")), "timed out after 40 ms");
}

TEST_F(ApiClientTest, EndsCallsTogetherWhereItIsTold) {
  FakeEngine engine(socket());
  engine.give("/v1.41/networks", "[]");
  ApiClient api(socket(), long_limit);
  api.end_by(ApiClient::Clock::now());
  EXPECT_EQ(error_of(api.get("/networks")), "timed out");
  api.end_by(ApiClient::Clock::now() + long_limit);
  EXPECT_OK(api.get("/networks"));
}

TEST_F(ApiClientTest, SaysWhyAReplyCannotBeRead) {
  EXPECT_EQ(error_after({""}), "the connection ended without a reply");
  EXPECT_EQ(error_after({"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n["}),
            "the connection ended in the middle of the reply");
  EXPECT_EQ(error_after({"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n"}),
            "the reply is larger than 16777216 bytes");
  EXPECT_EQ(error_after({"220 mail.test ESMTP\r\n\r\n"}), "not an HTTP reply: bad version");
}

TEST_F(ApiClientTest, SaysWhyItCannotConnect) {
  ApiClient api(socket(), long_limit);
  EXPECT_EQ(error_of(api.get("/networks")), "connect: No such file or directory");
  std::ofstream(socket()) << "not a socket";
  EXPECT_EQ(error_of(api.get("/networks")), "connect: Connection refused");
  std::filesystem::path const long_path("/" + std::string(200, 'x'));
  EXPECT_TRUE(fails_with(ApiClient(long_path).get("/networks"), Errc::invalid_argument,
                         "the socket's path has 201 characters, it may have 107"));
}

TEST_F(ApiClientTest, AsksForNoPathThatWouldBreakTheRequest) {
  FakeEngine engine(socket());
  ApiClient api(socket(), long_limit);
  for (std::string const path : {"", "networks", "/a b", "/a\r\nX: y", "/\xc3\xa4", "/\x7f"}) {
    EXPECT_TRUE(fails_with(api.get(path), Errc::invalid_argument, "characters that no path has"));
  }
  EXPECT_TRUE(engine.asked().empty());
}

TEST_F(ApiClientTest, AsksNothingMoreOnceStopped) {
  FakeEngine engine(socket());
  ApiClient api(socket(), long_limit);
  api.stop();
  EXPECT_EQ(error_of(api.get("/networks")), "stopped");
  EXPECT_TRUE(engine.asked().empty());
}

}  // namespace
}  // namespace drawbridge
