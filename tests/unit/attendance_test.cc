// Join and Leave wait for whoever attends to them; and what the steward's place tells of networks.
#include "plugin/attendance.h"

#include "plugin/routes.h"
#include "plugin/steward_seat.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_host_ports.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {
namespace {

/// Writes down who came and went, and lets nobody go on by itself.
class FakeAttendance final : public Attendance {
 public:
  void joined(NetworkId const& network, EndpointId const& endpoint,
              std::function<void()> done) override {
    told += "joined " + network.value + "/" + endpoint.value + " ";
    waiting.push_back(std::move(done));
  }
  void left(NetworkId const& network, EndpointId const& endpoint,
            std::function<void()> done) override {
    told += "left " + network.value + "/" + endpoint.value + " ";
    waiting.push_back(std::move(done));
  }

  std::string told;
  std::vector<std::function<void()>> waiting;
};

class AttendanceTest : public testing::Test {
 protected:
  AttendanceTest() {
    make("n", {});
    post("CreateEndpoint", R"({"NetworkID":"n","EndpointID":"e","Interface":{}})");
  }

  void make(std::string const& id, std::map<std::string, std::string> options) {
    NetworkRequest request;
    request.id = {id};
    request.options = std::move(options);
    EXPECT_OK(driver_.create_network(std::move(request)));
  }

  /// returns  what is answered at once
  std::string post(std::string const& method, std::string const& body) {
    answer_.clear();
    request_ = {"POST", "/NetworkDriver." + method, body, true};
    router_.handle(request_, [this](HttpReply const& reply) { answer_ = reply.body; });
    return answer_;
  }

  std::string const ref_ = R"({"NetworkID":"n","EndpointID":"e"})";
  FakeKernel kernel_;
  FakeStore store_;
  Ipam ipam_{default_pool_config(), store_};
  FakeHostPorts ports_;
  Driver driver_{kernel_, store_, ports_, DriverSettings{{}, true}};
  CommitGroup group_{store_, [] {}};
  EngineView engine_{driver_, ipam_, group_};
  Looks looks_{driver_};
  FakeAttendance attendance_;
  Router router_ =
      make_plugin_router({group_, driver_, ipam_, kernel_, engine_, looks_, &attendance_});
  HttpRequest request_;
  std::string answer_;
};

TEST_F(AttendanceTest, AJoinIsAnsweredWhenItsProxiesAreThere) {
  EXPECT_EQ(post("Join", ref_), "");
  EXPECT_TRUE(store_.contents.endpoints.at({"e"}).joined) << "durable before anybody waits";
  EXPECT_EQ(attendance_.told, "joined n/e ");
  attendance_.waiting.at(0)();
  EXPECT_NE(answer_.find("InterfaceName"), std::string::npos) << answer_;
}

TEST_F(AttendanceTest, ALeaveIsAnsweredWhenItsProxiesAreGone) {
  EXPECT_EQ(post("Leave", ref_), "");
  EXPECT_EQ(attendance_.told, "left n/e ");
  attendance_.waiting.at(0)();
  EXPECT_EQ(answer_, "{}");
}

TEST_F(AttendanceTest, NothingElseWaits) {
  EXPECT_EQ(post("RevokeExternalConnectivity", ref_), "{}");
  EXPECT_EQ(post("DeleteEndpoint", ref_), "{}");
  EXPECT_EQ(post("DeleteNetwork", R"({"NetworkID":"n"})"), "{}");
  EXPECT_EQ(attendance_.told, "");
}

TEST_F(AttendanceTest, AJoinThatFailsIsAnsweredAtOnce) {
  EXPECT_EQ(post("Join", R"({"NetworkID":"n","EndpointID":"x"})"),
            R"({"Err":"endpoint x is not known"})");
  EXPECT_EQ(attendance_.told, "");
}

TEST_F(AttendanceTest, WithoutAStewardNothingIsWaitedFor) {
  StewardSeat seat(driver_, store_, group_);
  int done = 0;
  seat.follow();
  seat.configure({});
  seat.joined({"n"}, {"e"}, [&done] { ++done; });
  seat.left({"n"}, {"e"}, [&done] { ++done; });
  EXPECT_EQ(done, 2);
}

TEST_F(AttendanceTest, TheStewardIsToldWhatNetworksWish) {
  make("shop", {{"proxy", "http-proxy"}, {"proxy_mode", "join"}, {"attach", "label:role=db"}});
  std::vector<OwnNetwork> const expected = {
      {{"n"}, "db-n", {}, ProxyMode::route, {}},
      {{"shop"}, "db-shop", {"http-proxy"}, ProxyMode::join, {{Match::Kind::label, "role", "db"}}}};
  EXPECT_EQ(own_networks(driver_), expected);
}

TEST_F(AttendanceTest, NetworksThatCameWentOrChangedAreNews) {
  std::uint64_t seen = driver_.networks_generation();
  auto const is_news = [&] {
    return std::exchange(seen, driver_.networks_generation()) != driver_.networks_generation();
  };
  make("shop", {});
  EXPECT_TRUE(is_news());
  EXPECT_FALSE(is_news());
  driver_.configure({{}, true});
  EXPECT_FALSE(is_news()) << "nothing follows from it";
  driver_.configure({{{"proxy", "http-proxy"}}, true});
  EXPECT_TRUE(is_news());
  EXPECT_OK(driver_.delete_network({"shop"}));
  EXPECT_TRUE(is_news());
}

}  // namespace
}  // namespace drawbridge
