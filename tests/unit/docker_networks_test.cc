// The JSON is what engines 20.10, 28 and 29 answer, shortened.
#include "docker/containers.h"
#include "docker/inventory.h"
#include "docker/networks.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_engine.h"
#include "tests/support/temp_directory.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <chrono>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {
namespace {

constexpr std::string_view list = R"([
  {"Name":"web","Id":"8f3a","Created":"2023-01-01T00:00:00Z","Scope":"local","Driver":"drawbridge",
   "EnableIPv6":true,
   "IPAM":{"Driver":"drawbridge","Options":{},
           "Config":[{"Subnet":"10.249.1.0/24","Gateway":"10.249.1.1",
                      "AuxiliaryAddresses":{"printer":"10.249.1.9","router":"10.249.1.8"}},
                     {"Subnet":"fd00:1::/64","Gateway":"fd00:1::1/64"}]},
   "Internal":false,"Attachable":false,"Ingress":false,"ConfigFrom":{"Network":""},
   "ConfigOnly":false,"Containers":{},"Options":{},"Labels":{}},
  {"Name":"host","Id":"77aa","Driver":"host","IPAM":{"Driver":"default","Options":null,"Config":[]},
   "Containers":null},
  {"Name":"none","Id":"99bb","Driver":"null","IPAM":{"Driver":"default","Config":null}}
])";

constexpr std::string_view web = R"(
  {"Name":"web","Id":"8f3a","Driver":"drawbridge",
   "IPAM":{"Driver":"drawbridge","Config":[{"Subnet":"10.249.1.0/24","Gateway":"10.249.1.1"}]},
   "Containers":{
     "5d1e":{"Name":"app","EndpointID":"b2","MacAddress":"02:42:0a:f9:01:02",
             "IPv4Address":"10.249.1.2/24","IPv6Address":"fd00:1::2/64"},
     "ep-a1":{"Name":"proxy","EndpointID":"a1","MacAddress":"","IPv4Address":"","IPv6Address":""}},
   "Peers":[{"Name":"x","IP":"192.0.2.1"}]})";

/// One line for a network: "web 8f3a drawbridge/drawbridge 10.249.1.0/24 via 10.249.1.1, …".
std::string text_of(DockerNetwork const& network) {
  std::string text = fmt::format("{} {} {}/{}", network.name, network.id.value, network.driver,
                                 network.ipam_driver);
  text += network.bridge.empty() ? "" : " on " + network.bridge;
  for (DockerSubnet const& subnet : network.subnets) {
    text += fmt::format(", {}", subnet.prefix.to_string());
    text += subnet.gateway ? " via " + subnet.gateway->to_string() : "";
    for (IpAddress const& address : subnet.auxiliary) {
      text += " not " + address.to_string();
    }
  }
  for (DockerEndpoint const& endpoint : network.endpoints) {
    text += fmt::format("; {} {}", endpoint.id.value, endpoint.name);
    text += endpoint.ipv4 ? " " + endpoint.ipv4->to_string() : "";
    text += endpoint.ipv6 ? " " + endpoint.ipv6->to_string() : "";
  }
  return text;
}

std::string text_of(Result<std::vector<DockerNetwork>> const& networks) {
  std::string text;
  for (DockerNetwork const& network : networks ? *networks : std::vector<DockerNetwork>()) {
    text += text_of(network) + "\n";
  }
  return networks ? text : networks.error().message;
}

std::string text_of(Result<DockerNetwork> const& network) {
  return network ? text_of(*network) : network.error().message;
}

TEST(DockerNetworks, ReadsTheListWithItsSubnets) {
  EXPECT_EQ(text_of(decode_networks(list)),
            "web 8f3a drawbridge/drawbridge, 10.249.1.0/24 via 10.249.1.1 not 10.249.1.9 not "
            "10.249.1.8, fd00:1::/64 via fd00:1::1\n"
            "host 77aa host/default\n"
            "none 99bb null/default\n");
  EXPECT_EQ(text_of(decode_networks("[]")), "");
}

TEST(DockerNetworks, ReadsANetworkWithItsEndpoints) {
  EXPECT_EQ(text_of(decode_network(web)),
            "web 8f3a drawbridge/drawbridge, 10.249.1.0/24 via 10.249.1.1; a1 proxy; b2 app "
            "10.249.1.2/24 fd00:1::2/64");
}

TEST(DockerNetworks, ClearsTheHostBitsThatOldEnginesKeep) {
  EXPECT_EQ(text_of(decode_network(R"({"Id":"a","IPAM":{"Config":[{"Subnet":"10.1.2.3/16"}]}})")),
            " a /, 10.1.0.0/16");
}

TEST(DockerNetworks, DoesWithoutMembersThatAreMissing) {
  EXPECT_EQ(text_of(decode_network(R"({"Id":"a"})")), " a /");
  EXPECT_EQ(text_of(decode_network(R"({"Id":"a","IPAM":{"Config":[{}]}})")), " a /");
  EXPECT_EQ(text_of(decode_network(R"({"Id":"a","IPAM":{"Config":[{"Subnet":""}]}})")), " a /");
  EXPECT_EQ(text_of(decode_network(R"({"Id":"a","Containers":{"ep-b":{},"c":{}}})")),
            " a /;  ; b ");
}

TEST(DockerNetworks, SkipsMembersThatAreUnknown) {
  EXPECT_EQ(text_of(decode_network(R"({"Id":"a","New":[{"x":1e9}],"IPAM":{"Status":{"y":[]}}})")),
            " a /");
}

TEST(DockerNetworks, KnowsTheInterfaceOfDockersOwnBridges) {
  auto const bridge_of = [](std::string_view members) {
    Result<DockerNetwork> const network =
        decode_network(fmt::format(R"({{"Id":"0123456789abcdef",{}}})", members));
    return network ? network->bridge : network.error().message;
  };
  std::string const named = R"("Options":{"com.docker.network.bridge.name":"docker0"})";
  EXPECT_EQ(bridge_of(R"("Driver":"bridge")"), "br-0123456789ab");
  EXPECT_EQ(bridge_of(R"("Driver":"bridge","Options":{"parent":"eth0"})"), "br-0123456789ab");
  EXPECT_EQ(bridge_of(R"("Driver":"bridge",)" + named), "docker0");
  EXPECT_EQ(bridge_of(R"("Driver":"drawbridge",)" + named), "");
  EXPECT_EQ(bridge_of(R"("Driver":"macvlan","Options":{"parent":"eth0"})"), "");
  EXPECT_EQ(bridge_of(named), "");
  EXPECT_EQ(
      bridge_of(
          R"("Driver":"bridge","Options":{"com.docker.network.bridge.name":"sixteen-letters-"})"),
      "");
}

TEST(DockerNetworks, KeepsOfANetworkWhatPoliciesNeed) {
  Result<DockerNetwork> const network = decode_network(
      R"({"Id":"a","Name":"mon","Driver":"bridge","IPAM":{"Config":[{"Subnet":"10.1.0.0/16"},
          {"Subnet":"0.0.0.0/24"},{"Subnet":"fd00:1::/64"},{"Subnet":"::/64"}]}})");
  ASSERT_OK(network);
  EXPECT_EQ(known_network(*network),
            (KnownNetwork{{"a"},
                          "mon",
                          "br-a",
                          {*IpPrefix::parse("10.1.0.0/16"), *IpPrefix::parse("fd00:1::/64")}}));
}

TEST(DockerNetworks, RefusesAListThatIsNone) {
  for (std::string_view const body : {"", " ", "{}", "null", "1", "\"x\"", "[", "[{]", "[1]",
                                      "[null]", "[[]]", R"([{"Id":"a"},)", "[{}]", "\xff"}) {
    Result<std::vector<DockerNetwork>> const networks = decode_networks(body);
    EXPECT_FALSE(networks) << body;
  }
}

TEST(DockerNetworks, RefusesEveryBeginningOfAReply) {
  for (std::size_t size = 0; size < list.size(); ++size) {
    EXPECT_FALSE(decode_networks(list.substr(0, size))) << size;
  }
  std::string_view const trimmed = web.substr(0, web.rfind('}') + 1);
  for (std::size_t size = 0; size < trimmed.size(); ++size) {
    EXPECT_FALSE(decode_network(trimmed.substr(0, size))) << size;
  }
}

TEST(DockerNetworks, SaysWhatIsWrongWithANetwork) {
  std::vector<std::pair<std::string_view, std::string_view>> const bad = {
      {R"([])", R"("network" is not an object)"},
      {R"({})", R"(a network has no "Id")"},
      {R"({"Id":7})", R"("Id" is not a text)"},
      {R"({"Id":"a","Name":{}})", R"("Name" is not a text)"},
      {R"({"Id":"a","Driver":[]})", R"("Driver" is not a text)"},
      {R"({"Id":"a","IPAM":[]})", R"("IPAM" is not an object)"},
      {R"({"Id":"a","IPAM":{"Driver":1}})", R"("Driver" is not a text)"},
      {R"({"Id":"a","IPAM":{"Config":{}}})", R"("Config" is not a list)"},
      {R"({"Id":"a","IPAM":{"Config":[1]}})", R"("Config" is not an object)"},
      {R"({"Id":"a","IPAM":{"Config":[{"Subnet":1}]}})", R"("Subnet" is not a text)"},
      {R"({"Id":"a","IPAM":{"Config":[{"Subnet":"10.1.0.0"}]}})", R"("Subnet": "10.1.0.0")"},
      {R"({"Id":"a","IPAM":{"Config":[{"Subnet":"10.1.0.0/33"}]}})", R"("Subnet": )"},
      {R"({"Id":"a","IPAM":{"Config":[{"Subnet":"10.1.0.0/16","Gateway":"x"}]}})",
       R"("Gateway": "x" is not an IP address)"},
      {R"({"Id":"a","IPAM":{"Config":[{"Subnet":"10.1.0.0/16","Gateway":"x/9"}]}})",
       R"("Gateway": )"},
      {R"({"Id":"a","IPAM":{"Config":[{"Subnet":"10.1.0.0/16","AuxiliaryAddresses":[]}]}})",
       R"("AuxiliaryAddresses" is not an object)"},
      {R"({"Id":"a","IPAM":{"Config":[{"Subnet":"10.1.0.0/16","AuxiliaryAddresses":{"b":2}}]}})",
       R"("b" is not a text)"},
      {R"({"Id":"a","Driver":"bridge","Options":[]})", R"("Options" is not an object)"},
      {R"({"Id":"a","Driver":"bridge","Options":{"com.docker.network.bridge.name":1}})",
       R"("com.docker.network.bridge.name" is not a text)"},
      {R"({"Id":"a","Containers":[]})", R"("Containers" is not an object)"},
      {R"({"Id":"a","Containers":{"b":[]}})", R"("Containers" is not an object)"},
      {R"({"Id":"a","Containers":{"b":{"Name":false}}})", R"("Name" is not a text)"},
      {R"({"Id":"a","Containers":{"b":{"EndpointID":1}}})", R"("EndpointID" is not a text)"},
      {R"({"Id":"a","Containers":{"b":{"IPv4Address":"10.1.0.2"}}})", R"("IPv4Address": )"},
      {R"({"Id":"a","Containers":{"b":{"IPv6Address":"::/999"}}})", R"("IPv6Address": )"},
  };
  for (auto const& [body, words] : bad) {
    EXPECT_TRUE(fails_with(decode_network(body), Errc::malformed, words)) << body;
  }
}

TEST(DockerNetworks, RefusesADepthThatNoEngineHas) {
  EXPECT_FALSE(decode_network(std::string(100'000, '[')));
  EXPECT_FALSE(decode_network(R"({"Id":"a","x":)" + std::string(1000, '[')));
}

class InventoryTest : public testing::Test {
 protected:
  InventoryTest() { engine_.give(containers_path, "[]"); }

  /// returns  what a look shows where these networks are in doubt
  std::string look(std::set<NetworkId> const& doubtful = {}) {
    Result<DockerInventory> const inventory =
        take_inventory(api_, [&](DockerInventory const&) { return doubtful; });
    if (!inventory) {
      return inventory.error().message;
    }
    return text_of(Result<std::vector<DockerNetwork>>(inventory->networks));
  }

  /// returns  one container as the list of all has it, on network 8f3a
  static std::string container(std::string_view name, std::string_view state,
                               std::string_view members) {
    return fmt::format(R"({{"Names":["/x/{0}","/{0}"],"State":"{1}","NetworkSettings":
        {{"Networks":{{"web":{{"NetworkID":"8f3a",{2}}}}}}}}})",
                       name, state, members);
  }

  static constexpr char const* containers_path = "/v1.41/containers/json?all=1";

 private:
  TempDirectory directory_;

 protected:
  FakeEngine engine_{directory_ / "d.sock"};
  ApiClient api_{directory_ / "d.sock", std::chrono::seconds(10)};
};

TEST_F(InventoryTest, TakesTwoCallsHoweverManyNetworksThereAre) {
  engine_.give("/v1.41/networks", list);
  engine_.give(
      containers_path,
      "[" +
          container("app", "running",
                    R"("EndpointID":"b2","IPAddress":"10.249.1.2","IPPrefixLen":24,
                       "GlobalIPv6Address":"fd00:1::2","GlobalIPv6PrefixLen":64)") +
          "," +
          container("proxy", "paused", R"("EndpointID":"a1","IPAddress":"","IPPrefixLen":0)") +
          "," + container("made", "created", R"("EndpointID":"")") + "]");
  EXPECT_EQ(look(),
            "web 8f3a drawbridge/drawbridge, 10.249.1.0/24 via 10.249.1.1 not 10.249.1.9 not "
            "10.249.1.8, fd00:1::/64 via fd00:1::1; a1 proxy; b2 app 10.249.1.2/24 fd00:1::2/64\n"
            "host 77aa host/default\n"
            "none 99bb null/default\n");
  EXPECT_EQ(engine_.asked(),
            (std::vector<std::string>{"/_ping", "/v1.41/networks", containers_path}));
}

TEST_F(InventoryTest, DoesNotBelieveContainersThatDoNotRun) {
  engine_.give("/v1.41/networks", list);
  for (std::string_view const state : {"exited", "created", "restarting", "dead", "removing", ""}) {
    engine_.give(containers_path, "[" + container("app", state, R"("EndpointID":"b2")") + "]");
    EXPECT_EQ(look().find("app"), std::string::npos) << state;
  }
  engine_.give(containers_path, "[" + container("app", "running", R"("EndpointID":"b2")") + "]");
  EXPECT_NE(look().find("b2 app"), std::string::npos);
}

TEST_F(InventoryTest, AsksForWhatIsInDoubt) {
  engine_.give("/v1.41/networks", list);
  engine_.give("/v1.41/networks/8f3a", web);
  engine_.on("/v1.41/networks/77aa", {{api_reply(404, R"({"message":"network 77aa not found"})")}});
  EXPECT_EQ(look({{"77aa"}, {"8f3a"}}),
            "none 99bb null/default\n"
            "web 8f3a drawbridge/drawbridge, 10.249.1.0/24 via 10.249.1.1; a1 proxy; b2 app "
            "10.249.1.2/24 fd00:1::2/64\n");
}

TEST_F(InventoryTest, FindsANetworkInDoubtThatTheListDidNotHave) {
  engine_.give("/v1.41/networks", "[]");
  engine_.give("/v1.41/networks/8f3a", R"({"Id":"8f3a","Name":"web"})");
  EXPECT_EQ(look({{"8f3a"}}), "web 8f3a /\n");
}

TEST_F(InventoryTest, IsNeverHalfALook) {
  engine_.give("/v1.41/networks", list);
  engine_.on("/v1.41/networks/8f3a", {{api_reply(500, R"({"message":"busy"})")}});
  EXPECT_TRUE(look({{"8f3a"}}).ends_with("d.sock: GET /networks/8f3a: 500: busy"));
  engine_.give("/v1.41/networks/8f3a", "{}");
  EXPECT_TRUE(look({{"8f3a"}}).ends_with(R"(d.sock: GET /networks/8f3a: a network has no "Id")"));
  engine_.on(containers_path, {{api_reply(500, R"({"message":"busy"})")}});
  EXPECT_TRUE(look().ends_with("d.sock: GET /containers/json?all=1: 500: busy"));
  engine_.give("/v1.41/networks", "oops");
  EXPECT_TRUE(look().ends_with("d.sock: GET /networks: not JSON: syntax error")) << look();
  engine_.on("/v1.41/networks", {{api_reply(404, "")}});
  EXPECT_TRUE(look().ends_with("d.sock: GET /networks: 404: no reason given"));
}

TEST_F(InventoryTest, ListsNetworksWithOneCall) {
  engine_.give("/v1.41/networks", list);
  Result<std::vector<DockerNetwork>> const networks = fetch_networks(api_);
  ASSERT_OK(networks);
  EXPECT_EQ(networks->size(), 3U);
  EXPECT_EQ(engine_.asked(), (std::vector<std::string>{"/_ping", "/v1.41/networks"}));
}

TEST_F(InventoryTest, FindsTheContainerOfANameAmongThoseThatAreLikeIt) {
  std::string const path =
      "/v1.41/containers/json?all=1&filters=%7B%22name%22%3A%5B%22%5E%2Fa.b%24%22%5D%7D";
  engine_.give(path, R"([{"Names":["/a-b"],"Labels":{"k":"other"}},
                         {"Names":["/web/db","/a.b"],"Labels":{"k":"v","empty":""},"New":{}}])");
  Result<std::optional<ContainerMarks>> marks = fetch_marks(api_, "a.b");
  ASSERT_OK(marks);
  EXPECT_EQ(*marks, (ContainerMarks{"a.b", {{"k", "v"}, {"empty", ""}}}));
  engine_.give(path, R"([{"Names":["/a-b"],"Labels":null},{}])");
  marks = fetch_marks(api_, "a.b");
  ASSERT_OK(marks);
  EXPECT_EQ(*marks, std::nullopt);
}

TEST_F(InventoryTest, KnowsTheOwnNamesOfAllContainers) {
  std::string const path = "/v1.41/containers/json?all=1";
  engine_.give(path, R"([{"Names":["/app","/web/db"]},{"Names":["/db"]},{"Names":null},{}])");
  Result<std::set<std::string>> const names = fetch_container_names(api_);
  ASSERT_OK(names);
  EXPECT_EQ(*names, (std::set<std::string>{"app", "db"}));
  engine_.give(path, "{}");
  EXPECT_TRUE(fails_with(fetch_container_names(api_), Errc::malformed,
                         "GET /containers/json?all=1: not a list of containers"));
}

TEST_F(InventoryTest, SaysWhatIsWrongWithAContainer) {
  std::vector<std::pair<std::string_view, std::string_view>> const bad = {
      {"{}", "not a list of containers"},
      {"oops", "not JSON"},
      {"[1]", R"("containers" is not an object)"},
      {R"([{"Names":"/app"}])", R"("Names" is not a list)"},
      {R"([{"Names":[1]}])", R"("Names" is not a text)"},
      {R"([{"Labels":[]}])", R"("Labels" is not an object)"},
      {R"([{"Labels":{"k":1}}])", R"("k" is not a text)"},
      {R"([{"State":1}])", R"("State" is not a text)"},
      {R"([{"NetworkSettings":[]}])", R"("NetworkSettings" is not an object)"},
      {R"([{"NetworkSettings":{"Networks":[]}}])", R"("Networks" is not an object)"},
      {R"([{"NetworkSettings":{"Networks":{"n":1}}}])", R"("Networks" is not an object)"},
      {R"([{"NetworkSettings":{"Networks":{"n":{"EndpointID":1}}}}])",
       R"("EndpointID" is not a text)"},
      {R"([{"NetworkSettings":{"Networks":{"n":{"IPAddress":"x"}}}}])",
       R"("IPAddress": "x" is not an IP address)"},
      {R"([{"NetworkSettings":{"Networks":{"n":{"IPAddress":"10.1.0.2","IPPrefixLen":33}}}}])",
       R"("IPPrefixLen" is not a prefix length)"},
      {R"([{"NetworkSettings":{"Networks":{"n":{"IPAddress":"10.1.0.2"}}}}])",
       R"("IPPrefixLen" is not a prefix length)"},
  };
  for (auto const& [body, words] : bad) {
    engine_.give("/v1.41" + path_of_containers("app"), body);
    EXPECT_TRUE(fails_with(fetch_marks(api_, "app"), Errc::malformed, words)) << body;
  }
}

}  // namespace
}  // namespace drawbridge
