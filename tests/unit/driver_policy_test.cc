// Policies that follow what happens around a network: networks that come and go, what Docker tells,
// other defaults.
#include "driver/driver.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_host_ports.h"
#include "tests/support/fake_kernel.h"
#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

#include <netinet/in.h>

namespace drawbridge {
namespace {

using Options = std::map<std::string, std::string>;

std::string const shop_id = "111111111111aaaa";
std::string const db_id = "222222222222bbbb";
std::string const legacy_id = "333333333333cccc";

NetworkRequest request(std::string const& id, std::string const& subnet, Options options = {}) {
  NetworkRequest made;
  made.id = {id};
  IpPrefix const prefix = *IpPrefix::parse(subnet);
  made.subnets = {{prefix, IpAddress{prefix.family(), prefix.first().bits + 1}}};
  made.options = std::move(options);
  return made;
}

NetworkRequest shop(Options options = {}) {
  return request(shop_id, "10.249.1.0/24", std::move(options));
}

NetworkRequest db(Options options = {}) {
  return request(db_id, "10.249.2.0/24", std::move(options));
}

Element pair_of(std::string const& from, std::string const& to) {
  return {"pair", {from, to}, Verdict{}};
}

Element const shop_to_db = pair_of("db-111111111111", "db-222222222222");
KnownNetwork const known_shop{{shop_id}, "shop", "", {}};
KnownNetwork const legacy{{legacy_id}, "legacy", "br-333333333333", {}};

Flow tcp_flow(std::string const& from, std::string const& to) {
  Flow flow;
  flow.source = *IpAddress::parse(from);
  flow.destination = *IpAddress::parse(to);
  flow.translated_destination = flow.destination;
  flow.protocol = IPPROTO_TCP;
  flow.destination_port = flow.translated_port = 5432;
  return flow;
}

class DriverPolicyTest : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_OK(driver.start()); }

  bool holds(Element const& element) const { return kernel.state.elements.contains(element); }

  Veth const& veth_of(std::string const& endpoint) const {
    return kernel.state.veths.at("dv-" + endpoint);
  }

  void join(std::string const& endpoint, std::string const& network, std::string const& address) {
    Endpoint made;
    made.id = {endpoint};
    made.network = {network};
    made.ipv4 = *IpPrefix::parse(address);
    ASSERT_OK(driver.create_endpoint(made, {}));
    ASSERT_OK(driver.join({network}, {endpoint}));
  }

  FakeKernel kernel;
  FakeStore store;
  FakeHostPorts ports;
  Driver driver{kernel, store, ports, DriverSettings{{}, true}};
};

TEST_F(DriverPolicyTest, APeerIsLetInWhenItsNameIsLearned) {
  ASSERT_OK(driver.create_network(db({{"allow_from", "shop"}})));
  ASSERT_OK(driver.create_network(shop()));
  EXPECT_FALSE(holds(shop_to_db)) << "nobody said yet what the network is called";

  EXPECT_EQ(driver.learn_network(known_shop).size(), 1U);
  EXPECT_TRUE(holds(shop_to_db));
  EXPECT_FALSE(holds(pair_of("db-222222222222", "db-111111111111"))) << "one way only";
  EXPECT_TRUE(driver.learn_network(known_shop).empty());
}

TEST_F(DriverPolicyTest, APeerThatGoesTakesItsPermissionAlong) {
  ASSERT_OK(driver.create_network(db({{"allow_from", "shop"}})));
  ASSERT_OK(driver.create_network(shop()));
  driver.learn_networks({known_shop});
  ASSERT_TRUE(holds(shop_to_db));

  ASSERT_OK(driver.delete_network({shop_id}));
  EXPECT_FALSE(holds(shop_to_db));
}

TEST_F(DriverPolicyTest, ANetworkOfDockersBridgeDriverIsLetIn) {
  ASSERT_OK(driver.create_network(db({{"allow_from", "legacy:tcp/80-90"}})));
  driver.learn_networks({legacy});
  Element const permission{"from_network",
                           {std::string("br-333333333333"), std::string("db-222222222222"),
                            ProtocolRange{6, 6}, PortRange{80, 90}}};
  EXPECT_TRUE(holds(permission));
  driver.learn_networks({});
  EXPECT_FALSE(holds(permission));
}

TEST_F(DriverPolicyTest, AnotherNetworkOfThatNameIsAnotherPeerAndFlowsAreCut) {
  ASSERT_OK(driver.create_network(db({{"allow_from", "legacy"}})));
  KnownNetwork first = legacy;
  first.subnets = {*IpPrefix::parse("172.18.0.0/16")};
  driver.learn_networks({first});
  kernel.flows = {tcp_flow("172.18.0.2", "10.249.2.2"), tcp_flow("172.18.0.2", "203.0.113.1")};

  KnownNetwork renamed = first;
  renamed.name = "other";
  EXPECT_EQ(driver.learn_networks({renamed}).size(), 2U);
  EXPECT_FALSE(holds(pair_of("br-333333333333", "db-222222222222")));
  ASSERT_EQ(kernel.flows.size(), 1U);
  EXPECT_EQ(kernel.flows.front().destination.to_string(), "203.0.113.1");
}

TEST_F(DriverPolicyTest, NamesSurviveARestart) {
  ASSERT_OK(driver.create_network(db({{"allow_from", "shop,legacy"}})));
  ASSERT_OK(driver.create_network(shop()));
  driver.learn_networks({known_shop, legacy});

  FakeKernel rebooted;
  Driver next(rebooted, store, ports, DriverSettings{{}, true});
  ASSERT_OK(next.start());
  EXPECT_TRUE(rebooted.state.elements.contains(shop_to_db));
  EXPECT_TRUE(rebooted.state.elements.contains(pair_of("br-333333333333", "db-222222222222")));
}

TEST_F(DriverPolicyTest, NamesNeedTheDockerApi) {
  Driver alone(kernel, store, ports);
  ASSERT_OK(alone.start());
  for (Options const& options : {Options{{"allow_from", "shop"}}, Options{{"isolation", "project"}},
                                 Options{{"isolation", "members"}, {"hubs", "proxy"}}}) {
    Result<void> const made = alone.create_network(db(options));
    ASSERT_FALSE(made) << options.begin()->second;
    EXPECT_EQ(made.error().code, Errc::unsupported);
    EXPECT_NE(made.error().message.find("docker_socket"), std::string::npos);
  }
  ASSERT_OK(alone.create_network(db({{"allow_from", shop_id}})));
}

TEST_F(DriverPolicyTest, WhoWantsToBeTold) {
  EXPECT_FALSE(driver.wants_networks());
  ASSERT_OK(driver.create_network(db({{"allow_from", "shop"}})));
  EXPECT_TRUE(driver.wants_networks());
  EXPECT_FALSE(driver.wants_marks({db_id}));
  ASSERT_OK(driver.delete_network({db_id}));
  EXPECT_FALSE(driver.wants_networks());
  ASSERT_OK(driver.create_network(shop({{"isolation", "project"}})));
  join("ep1", shop_id, "10.249.1.2/24");
  EXPECT_TRUE(driver.wants_marks({shop_id}));
  EXPECT_EQ(driver.endpoints_that_want_marks().size(), 1U);
}

TEST_F(DriverPolicyTest, AHubLeavesTheIsolatedMembers) {
  ASSERT_OK(driver.create_network(
      shop({{"isolation", "members"}, {"hubs", "proxy,project:infra,label:role=db"}})));
  struct Case {
    ContainerMarks marks;
    bool is_hub;
  };
  std::vector<Case> const cases{
      {{"proxy", {}}, true},
      {{"web", {}}, false},
      {{"dns", {{"com.docker.compose.project", "infra"}}}, true},
      {{"dns2", {{"com.docker.compose.project", "other"}}}, false},
      {{"pg", {{"role", "db"}}}, true},
      {{"pg2", {{"role", "cache"}}}, false},
  };
  int number = 2;
  for (Case const& each : cases) {
    std::string const endpoint = "ep" + std::to_string(number);
    join(endpoint, shop_id, "10.249.1." + std::to_string(number) + "/24");
    EXPECT_TRUE(veth_of(endpoint).isolated) << "unknown is an ordinary member";
    driver.learn_member({endpoint}, {shop_id}, each.marks);
    EXPECT_EQ(veth_of(endpoint).isolated, !each.is_hub) << each.marks.name;
    ++number;
  }
}

TEST_F(DriverPolicyTest, MembersOfOneProjectShareANumber) {
  ASSERT_OK(driver.create_network(shop({{"isolation", "project"}})));
  join("ep2", shop_id, "10.249.1.2/24");
  join("ep3", shop_id, "10.249.1.3/24");
  join("ep4", shop_id, "10.249.1.4/24");
  EXPECT_EQ(veth_of("ep2").group, LinkGroup{});
  driver.learn_member({"ep2"}, {shop_id}, {"a", {{"com.docker.compose.project", "one"}}});
  driver.learn_member({"ep3"}, {shop_id}, {"b", {{"com.docker.compose.project", "one"}}});
  driver.learn_member({"ep4"}, {shop_id}, {"c", {{"com.docker.compose.project", "two"}}});
  EXPECT_EQ(veth_of("ep2").group, veth_of("ep3").group);
  EXPECT_NE(veth_of("ep2").group, veth_of("ep4").group);
  EXPECT_NE(veth_of("ep2").group, LinkGroup{});
}

TEST_F(DriverPolicyTest, MarksSurviveARestart) {
  ASSERT_OK(driver.create_network(shop({{"isolation", "members"}, {"hubs", "proxy"}})));
  join("ep2", shop_id, "10.249.1.2/24");
  driver.learn_member({"ep2"}, {shop_id}, {"proxy", {}});

  Driver next(kernel, store, ports, DriverSettings{{}, true});
  ASSERT_OK(next.start());
  EXPECT_FALSE(veth_of("ep2").isolated);
}

TEST_F(DriverPolicyTest, OtherDefaultsChangeNetworksThatSayNothing) {
  ASSERT_OK(driver.create_network(shop()));
  ASSERT_OK(driver.create_network(db({{"isolation", "network"}})));
  join("ep2", shop_id, "10.249.1.2/24");
  join("ep3", db_id, "10.249.2.2/24");

  EXPECT_EQ(driver.configure({{{"isolation", "members"}}, true}).size(), 1U);
  EXPECT_TRUE(veth_of("ep2").isolated);
  EXPECT_FALSE(veth_of("ep3").isolated);
  driver.configure({{}, true});
  EXPECT_FALSE(veth_of("ep2").isolated);
}

TEST_F(DriverPolicyTest, AChangeOfPolicyIsOneTransaction) {
  ASSERT_OK(driver.create_network(shop()));
  ASSERT_OK(driver.create_network(db()));
  driver.configure({{{"team", "red"}}, true});
  kernel.printed.clear();
  driver.configure({{{"allow_from", shop_id}, {"egress", "none"}}, true});
  std::size_t transactions = 0;
  for (std::string const& line : kernel.printed) {
    transactions += line.starts_with("change elements") ? 1 : 0;
  }
  EXPECT_EQ(transactions, 1U) << kernel.printed_text();
}

TEST_F(DriverPolicyTest, FlowsThatLivedByADefaultAreCutWithIt) {
  ASSERT_OK(driver.create_network(shop()));
  ASSERT_OK(driver.create_network(db()));
  driver.configure({{{"team", "red"}}, true});
  kernel.flows = {tcp_flow("10.249.1.2", "10.249.2.2"), tcp_flow("10.249.1.2", "203.0.113.1")};
  driver.configure({{}, true});
  ASSERT_EQ(kernel.flows.size(), 1U);
  EXPECT_EQ(kernel.flows.front().destination.to_string(), "203.0.113.1");
}

TEST_F(DriverPolicyTest, DeletingATeamMateLeavesTheOthers) {
  ASSERT_OK(driver.create_network(shop({{"team", "red"}})));
  ASSERT_OK(driver.create_network(db({{"team", "red"}})));
  std::set<Element> const with_both = kernel.state.elements;
  ASSERT_OK(driver.delete_network({shop_id}));
  Element const into_db{
      "teams", {std::string("db-222222222222"), kernel.state.bridges.at("db-222222222222").group}};
  EXPECT_TRUE(with_both.contains(into_db));
  EXPECT_TRUE(holds(into_db));
}

}  // namespace
}  // namespace drawbridge
