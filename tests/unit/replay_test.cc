// Every request that three real engines sent goes through decoder and router; what is refused is
// listed in tests/golden/replay-VERSION.txt. DRAWBRIDGE_UPDATE_GOLDEN=1 writes the lists anew.

#include "driver/driver.h"
#include "ipam/ipam.h"
#include "plugin/http_codec.h"
#include "plugin/routes.h"
#include "tests/support/ask.h"
#include "tests/support/fake_host_ports.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_store.h"
#include "tests/support/transcript.h"

#include <boost/json.hpp>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <utility>

namespace drawbridge {
namespace {

namespace json = boost::json;

/// The headers as each engine sends them: no Content-Type, and an empty Host up to 20.10.
std::string as_http(RecordedCall const& call, std::string const& body, bool empty_host) {
  return "POST " + call.path + " HTTP/1.1\r\nHost:" + (empty_host ? "" : " plugin.moby.localhost") +
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
      bool const gives_back = call.path.find(".Release") != std::string::npos ||
                              call.path.find(".Delete") != std::string::npos;
      if (call.accepted || gives_back) {
        send(call);
      }
    }
    return refused_.str();
  }

  std::size_t answered() const { return answered_; }

 private:
  void send(RecordedCall const& call) {
    make_network_of(call);
    lease_pool_of(call);
    take_back_ports_before(call);
    HttpDecoder decoder;
    decoder.feed(as_http(call, with_our_names(call), version_.starts_with("v20.")));
    std::optional<HttpRequest> const request = decoder.next();
    ASSERT_TRUE(request) << call.scenario << " " << call.path;
    HttpReply const reply = ask(router_, group_, *request);
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

  /// The engine repeats what it was told before: address space, pool and addresses. Ours differ.
  std::string with_our_names(RecordedCall const& call) const {
    if (call.raw.empty()) {
      return call.raw;
    }
    json::value value = json::parse(call.raw);
    json::object& body = value.as_object();
    if (body.contains("AddressSpace")) {
      bool const is_local = body.at("AddressSpace").as_string().ends_with("-local");
      body["AddressSpace"] = is_local ? local_address_space : global_address_space;
    }
    if (body.contains("PoolID")) {
      put_our_pool(body, call.path);
    }
    if (call.path == "/NetworkDriver.CreateNetwork") {
      body.at("Options").as_object().erase("com.docker.network.generic");
    }
    return json::serialize(value) + "\n";
  }

  void put_our_pool(json::object& body, std::string const& path) const {
    std::string const recorded = body.at("PoolID").as_string().c_str();
    auto const pool = pools_.find(recorded);
    if (pool == pools_.end()) {
      return;
    }
    body["PoolID"] = pool->second;
    std::string const address =
        body.contains("Address") ? body.at("Address").as_string().c_str() : "";
    auto const ours = addresses_.find(recorded + " " + address);
    if (path == "/IpamDriver.ReleaseAddress" && ours != addresses_.end()) {
      body["Address"] = ours->second;
    }
  }

  /// Networks that were made before the recording began.
  void make_network_of(RecordedCall const& call) {
    if (!call.path.starts_with("/NetworkDriver.Create") && !call.path.ends_with(".Join")) {
      return;
    }
    std::string const id = json::parse(call.raw).at("NetworkID").as_string().c_str();
    if (networks_.insert(id).second && call.path != "/NetworkDriver.CreateNetwork") {
      NetworkRequest request;
      request.id = {id};
      EXPECT_TRUE(driver_.create_network(request).has_value());
    }
  }

  /// Pools that were leased before the recording began. The recorder's ids tell their subnets:
  /// "rec/10.90.0.0/24/".
  void lease_pool_of(RecordedCall const& call) {
    if (call.path != "/IpamDriver.RequestAddress") {
      return;
    }
    std::string const recorded = json::parse(call.raw).at("PoolID").as_string().c_str();
    std::size_t const end = recorded.find('/', recorded.find('/', 4) + 1);
    Result<IpPrefix> const prefix = IpPrefix::parse(recorded.substr(4, end - 4));
    if (pools_.contains(recorded) || !prefix) {
      return;
    }
    PoolRequest request{std::string(local_address_space), *prefix, {}, {}, prefix->family()};
    Result<PoolGrant> const pool = ipam_.request_pool(request, {});
    pools_[recorded] = pool ? pool->pool.id.value : "none";
  }

  /// Some recordings end before their containers do, so what these published is taken back once
  /// another begins to publish.
  void take_back_ports_before(RecordedCall const& call) {
    if (call.path != "/NetworkDriver.ProgramExternalConnectivity") {
      return;
    }
    if (call.scenario != publishing_) {
      for (auto const& [network, endpoint] : published_) {
        EXPECT_TRUE(driver_.unpublish(network, endpoint).has_value());
      }
      published_.clear();
      publishing_ = call.scenario;
    }
    json::value const body = json::parse(call.raw);
    published_.insert(
        {{body.at("NetworkID").as_string().c_str()}, {body.at("EndpointID").as_string().c_str()}});
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
  FakeHostPorts ports_;
  Driver driver_{kernel_, store_, ports_};
  CommitGroup group_{store_, [this] { ipam_.invalidate(); }};
  EngineView engine_{driver_, ipam_, group_};
  Looks looks_{driver_};
  Router router_ = make_plugin_router({group_, driver_, ipam_, kernel_, engine_, looks_});
  std::set<std::string> networks_;
  std::string publishing_;  // the scenario
  std::set<std::pair<NetworkId, EndpointId>> published_;
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

INSTANTIATE_TEST_SUITE_P(Engines, ReplayTest, ::testing::Values("v20.10.24", "v24.0.9", "v28.5.2"),
                         [](auto const& engine) {
                           std::string name = engine.param;
                           std::replace(name.begin(), name.end(), '.', '_');
                           return name;
                         });

}  // namespace
}  // namespace drawbridge
