#include "driver/network_directory.h"

#include <gtest/gtest.h>

namespace drawbridge {
namespace {

std::string const own_id = "aaaaaaaaaaaa1111";
std::string const docker_id = "bbbbbbbbbbbb2222";

Network own_network() {
  Network network;
  network.request.id = {own_id};
  network.request.subnets = {{*IpPrefix::parse("10.249.1.0/24"), {}}};
  network.spec.bridge = "db-aaaaaaaaaaaa";
  return network;
}

KnownNetwork known(std::string const& id, std::string const& name, std::string const& bridge = "") {
  return {{id}, name, bridge, {*IpPrefix::parse("172.18.0.0/16")}};
}

using Bridges = std::set<std::string>;

class NetworkDirectoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory.add(own_network());
    directory.learn({known(own_id, "shop"), known(docker_id, "legacy", "br-bbbbbbbbbbbb")});
  }

  NetworkDirectory directory;
};

TEST_F(NetworkDirectoryTest, FindsOurOwnAndDockersByName) {
  EXPECT_EQ(directory.bridges_of({"shop"}), Bridges{"db-aaaaaaaaaaaa"});
  EXPECT_EQ(directory.bridges_of({"legacy"}), Bridges{"br-bbbbbbbbbbbb"});
  EXPECT_EQ(directory.bridges_of({"nobody"}), Bridges{});
}

TEST_F(NetworkDirectoryTest, FindsThemByIdAndItsBeginning) {
  EXPECT_EQ(directory.bridges_of({own_id}), Bridges{"db-aaaaaaaaaaaa"});
  EXPECT_EQ(directory.bridges_of({"aaaaaaaaaaaa"}), Bridges{"db-aaaaaaaaaaaa"});
  EXPECT_EQ(directory.bridges_of({"bbbbbbbbbbbb"}), Bridges{"br-bbbbbbbbbbbb"});
  EXPECT_EQ(directory.bridges_of({"aaaaaaaaaaa"}), Bridges{}) << "too short for an id";
}

TEST_F(NetworkDirectoryTest, AnUnknownIdIsTakenForDockersBridge) {
  EXPECT_EQ(directory.bridges_of({"cccccccccccc3333"}), Bridges{"br-cccccccccccc"});
}

TEST_F(NetworkDirectoryTest, ANetworkWithoutABridgeIsNobodysPeer) {
  directory.learn(known("dddddddddddd4444", "vlan"));
  EXPECT_EQ(directory.bridges_of({"vlan"}), Bridges{});
  EXPECT_EQ(directory.bridges_of({"dddddddddddd4444"}), Bridges{});
}

TEST_F(NetworkDirectoryTest, SeveralNetworksMayShareAName) {
  directory.learn(known("eeeeeeeeeeee5555", "legacy", "br-eeeeeeeeeeee"));
  EXPECT_EQ(directory.bridges_of({"legacy"}), (Bridges{"br-bbbbbbbbbbbb", "br-eeeeeeeeeeee"}));
}

TEST_F(NetworkDirectoryTest, ARenamedOneLosesItsOldName) {
  directory.learn(known(docker_id, "modern", "br-bbbbbbbbbbbb"));
  EXPECT_EQ(directory.bridges_of({"legacy"}), Bridges{});
  EXPECT_EQ(directory.bridges_of({"modern"}), Bridges{"br-bbbbbbbbbbbb"});
}

TEST_F(NetworkDirectoryTest, ANetworkOfOursThatIsGoneIsNobodysPeer) {
  directory.remove({own_id});
  EXPECT_EQ(directory.bridges_of({"shop"}), Bridges{});
}

TEST_F(NetworkDirectoryTest, DifferenceNamesWhatCameWentAndChanged) {
  std::vector<KnownNetwork> const changed = directory.difference(std::vector<KnownNetwork>{
      known(own_id, "store"), known("eeeeeeeeeeee5555", "new", "br-eeeeeeeeeeee")});
  std::multiset<std::string> names;
  for (KnownNetwork const& network : changed) {
    names.insert(network.name);
  }
  EXPECT_EQ(names, (std::multiset<std::string>{"shop", "store", "new", "legacy"}));
  EXPECT_TRUE(directory.difference(directory.known()).empty());
}

TEST_F(NetworkDirectoryTest, SubnetsComeWithTheirBridges) {
  std::vector<std::pair<IpPrefix, std::string>> const subnets = directory.subnets();
  std::vector<std::pair<IpPrefix, std::string>> const wanted{
      {*IpPrefix::parse("10.249.1.0/24"), "db-aaaaaaaaaaaa"},
      {*IpPrefix::parse("172.18.0.0/16"), "br-bbbbbbbbbbbb"}};
  EXPECT_EQ(subnets, wanted);
}

}  // namespace
}  // namespace drawbridge
