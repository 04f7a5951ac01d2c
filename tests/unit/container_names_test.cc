// Names of containers, asked for while a request waits.
#include "plugin/container_names.h"

#include "tests/support/expect_ok.h"
#include "tests/support/fake_engine.h"
#include "tests/support/temp_directory.h"

#include <gtest/gtest.h>

#include <chrono>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {
namespace {

using std::chrono::milliseconds;
using Names = std::set<std::string>;

constexpr milliseconds short_limit{40};
constexpr milliseconds long_limit{10'000};
constexpr std::string_view shop = R"({"Id":"n1","Name":"shop","Driver":"drawbridge",
    "Containers":{"ep-e1":{"Name":"web"},"0123":{"EndpointID":"e2","Name":"db"}}})";
constexpr std::string_view containers =
    R"([{"Names":["/web","/db/alias"]},{"Names":["/db"]},{"Names":["/stopped"]},{"Names":null}])";

class ContainerNamesTest : public testing::Test {
 protected:
  ContainerNamesTest() {
    engine_.give("/v1.41/networks/n1", shop);
    engine_.give("/v1.41/containers/json?all=1", containers);
  }

  PublishRequest filled(EndpointId const& endpoint, milliseconds limit = long_limit) {
    ContainerNames names(socket_, limit);
    PublishRequest request{{"n1"}, endpoint, {}};
    names.fill(request);
    return request;
  }

 private:
  TempDirectory directory_;

 protected:
  std::filesystem::path const socket_ = directory_ / "d.sock";
  FakeEngine engine_{socket_};
};

TEST_F(ContainerNamesTest, AreThatOfTheEndpointAndThoseOfAll) {
  PublishRequest const request = filled({"e1"});
  EXPECT_EQ(request.container, "web");
  EXPECT_EQ(request.containers, (Names{"web", "db", "stopped"}));
  EXPECT_EQ(engine_.asked(), (std::vector<std::string>{"/_ping", "/v1.41/networks/n1",
                                                       "/v1.41/containers/json?all=1"}));
}

TEST_F(ContainerNamesTest, AreFoundWhereTheEngineListsTheContainerAsRunning) {
  EXPECT_EQ(filled({"e2"}).container, "db");
}

TEST_F(ContainerNamesTest, OfAnEndpointThatIsNotListedAreThoseOfTheOthers) {
  PublishRequest const request = filled({"e3"});
  EXPECT_EQ(request.container, std::nullopt);
  EXPECT_EQ(request.containers, (Names{"web", "db", "stopped"}));
}

TEST_F(ContainerNamesTest, AreAbsentNotEmptyWhereTheListFails) {
  engine_.on("/v1.41/containers/json?all=1", {{api_reply(500, "")}});
  PublishRequest const request = filled({"e1"});
  EXPECT_EQ(request.container, "web");
  EXPECT_EQ(request.containers, std::nullopt);
}

TEST_F(ContainerNamesTest, AreNotWaitedForLongerThanTheLimitInAll) {
  // A millisecond and more for each byte: either call alone would end in time.
  engine_.on("/v1.41/networks/n1", {{api_reply(200, shop), milliseconds(1)}});
  engine_.on("/v1.41/containers/json?all=1", {{api_reply(200, containers), milliseconds(1)}});
  EXPECT_EQ(filled({"e1"}, milliseconds(350)).containers, std::nullopt);
  EXPECT_NE(filled({"e1"}).containers, std::nullopt);
}

TEST_F(ContainerNamesTest, OfAnEngineThatHangsAreLeftOut) {
  engine_.on("/v1.41/networks/n1", {{"", milliseconds(0), true}});
  PublishRequest const request = filled({"e1"}, short_limit);
  EXPECT_EQ(request.container, std::nullopt);
  EXPECT_EQ(request.containers, std::nullopt);
}

TEST_F(ContainerNamesTest, AreAskedForAgainWithTheNextRequest) {
  engine_.on("/v1.41/networks/n1", {{"", milliseconds(0), true}, {api_reply(200, shop)}});
  ContainerNames names(socket_, milliseconds(200));
  PublishRequest request{{"n1"}, {"e1"}, {}};
  names.fill(request);
  EXPECT_EQ(request.container, std::nullopt);
  names.fill(request);
  EXPECT_EQ(request.container, "web");
}

}  // namespace
}  // namespace drawbridge
