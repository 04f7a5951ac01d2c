// Every request that three real engines sent goes through decoder and router; what is refused is
// listed in tests/golden/replay-VERSION.txt. DRAWBRIDGE_UPDATE_GOLDEN=1 writes the lists anew.

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>

#include "driver/driver.h"
#include "ipam/ipam.h"
#include "plugin/http_codec.h"
#include "plugin/routes.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_store.h"
#include "tests/support/transcript.h"

namespace drawbridge {
namespace {

namespace json = boost::json;

/// The headers as each engine sends them: no Content-Type, and an empty Host up to 20.10.
std::string as_http(RecordedCall const& call, std::string const& body, bool empty_host) {
  return "POST " + call.path + " HTTP/1.1\r\nHost:" +
         (empty_host ? "" : " plugin.moby.localhost") +
         "\r\nUser-Agent: Go-http-client/1.1\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\nAccept: application/vnd.docker.plugins.v1.2+json\r\n\r\n" + body;
}

class Replay {
 public:
  explicit Replay(std::string version) : version_(std::move(version)) {
    EXPECT_TRUE(ipam_.load().has_value());
    EXPECT_TRUE(driver_.start().has_value());
  }

  /// returns  a line for each refused request
  std::string run() {
    for (RecordedCall const& call : read_transcript(version_)) {
      if (call.accepted) {
        send(call);
      }
    }
    return refused_.str();
  }

  std::size_t answered() const { return answered_; }

 private:
  void send(RecordedCall const& call) {
    HttpDecoder decoder;
    decoder.feed(as_http(call, with_our_names(call), version_.starts_with("v20.")));
    std::optional<HttpRequest> const request = decoder.next();
    ASSERT_TRUE(request) << call.scenario << " " << call.path;
    HttpReply const reply = router_.handle(*request);
    ASSERT_EQ(reply.status, 200) << call.scenario << " " << call.path << ": " << reply.body;
    json::value const value = json::parse(reply.body);
    json::object const& body = value.as_object();
    char const* key = call.path.starts_with("/IpamDriver.") ? "Error" : "Err";
    if (body.contains(key)) {
      refused_ << call.scenario << " " << call.path.substr(1) << ": "
               << std::string(body.at(key).as_string()) << "\n";
    }
    learn(call, body);
    ++answered_;
  }

  /// The engine repeats the pool and the addresses that it was answered; ours differ.
  std::string with_our_names(RecordedCall const& call) const {
    if (!call.path.starts_with("/IpamDriver.") || call.raw.empty()) {
      return call.raw;
    }
    json::value value = json::parse(call.raw);
    json::object& body = value.as_object();
    auto const pool = body.contains("PoolID")
                          ? pools_.find(std::string(body.at("PoolID").as_string()))
                          : pools_.end();
    if (pool == pools_.end()) {
      return call.raw;
    }
    std::string const address(body.contains("Address") ? body.at("Address").as_string().c_str()
                                                       : "");
    auto const ours = addresses_.find(pool->first + " " + address);
    body["PoolID"] = pool->second;
    if (ours != addresses_.end() && call.path == "/IpamDriver.ReleaseAddress") {
      body["Address"] = ours->second;
    }
    return json::serialize(value);
  }

  void learn(RecordedCall const& call, json::object const& reply) {
    if (!call.pool_id.empty() && reply.contains("PoolID")) {
      pools_[call.pool_id] = reply.at("PoolID").as_string().c_str();
    }
    if (!call.address.empty() && reply.contains("Address")) {
      std::string const pool = json::parse(call.raw).at("PoolID").as_string().c_str();
      std::string const ours = reply.at("Address").as_string().c_str();
      addresses_[pool + " " + call.address.substr(0, call.address.find('/'))] =
          ours.substr(0, ours.find('/'));
    }
  }

  std::string version_;
  FakeKernel kernel_;
  FakeStore store_;
  Ipam ipam_{default_pool_config(), store_};
  Driver driver_{kernel_, store_};
  Router router_ = make_plugin_router({driver_, ipam_, kernel_});
  std::map<std::string, std::string> pools_;
  std::map<std::string, std::string> addresses_;
  std::ostringstream refused_;
  std::size_t answered_ = 0;
};

class ReplayTest : public ::testing::TestWithParam<char const*> {};

TEST_P(ReplayTest, RefusesExactlyWhatTheGoldenListSays) {
  Replay replay(GetParam());
  std::string const refused = replay.run();
  EXPECT_GT(replay.answered(), 500u);
  std::string const golden =
      std::string(DRAWBRIDGE_SOURCE_DIR) + "/tests/golden/replay-" + GetParam() + ".txt";
  if (std::getenv("DRAWBRIDGE_UPDATE_GOLDEN") != nullptr) {
    std::ofstream(golden) << refused;
  }
  std::ifstream file(golden);
  std::stringstream expected;
  expected << file.rdbuf();
  EXPECT_EQ(refused, expected.str());
}

INSTANTIATE_TEST_SUITE_P(Engines, ReplayTest,
                         ::testing::Values("v20.10.24", "v24.0.9", "v28.5.2"),
                         [](auto const& engine) {
                           std::string name = engine.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace drawbridge
