#include "ipam/leftovers.h"

#include "ipam/address_space.h"

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {
namespace {

IpAddress address(std::string_view text) {
  return *IpAddress::parse(text);
}

IpPrefix prefix(std::string_view text) {
  return *IpPrefix::parse(text);
}

Pool pool(std::string_view subnet, std::string_view space = local_address_space) {
  return {PoolId{fmt::format("{}/{}", space, subnet)}, std::string(space), prefix(subnet), {}};
}

PoolId id(std::string_view subnet) {
  return pool(subnet).id;
}

Lease lease(std::string_view subnet, std::string_view text) {
  return {id(subnet), address(text)};
}

Lease gateway(std::string_view subnet, std::string_view text) {
  return {id(subnet), address(text), AddressKind::gateway};
}

/// returns  a network with these endpoints: network("10.1.0.0/16", "10.1.0.2/16 10.1.0.3/16")
DockerNetwork network(std::string_view subnet, std::string const& endpoints = "") {
  DockerNetwork network;
  network.subnets.push_back({prefix(subnet), {}, {}});
  std::istringstream words(endpoints);
  for (std::string word; words >> word;) {
    IpPrefix const own = prefix(word);
    bool const is_ipv4 = own.family() == Family::ipv4;
    network.endpoints.push_back({{},
                                 "",
                                 is_ipv4 ? std::optional(own) : std::nullopt,
                                 is_ipv4 ? std::nullopt : std::optional(own)});
  }
  return network;
}

DockerInventory docker(std::vector<DockerNetwork> networks) {
  return {std::move(networks)};
}

/// returns  "10.1.0.0/16; 10.2.0.5, 10.2.0.6": the subnets of pools, then addresses
std::string text_of(Leftovers const& leftovers) {
  std::vector<std::string> pools;
  std::vector<std::string> addresses;
  for (PoolId const& id : leftovers.pools) {
    pools.push_back(id.value.substr(id.value.find('/') + 1));
  }
  for (Lease const& one : leftovers.addresses) {
    addresses.push_back(one.address.to_string());
  }
  auto const joined = [](std::vector<std::string> const& words) {
    std::string text;
    for (std::string const& word : words) {
      text += (text.empty() ? "" : ", ") + word;
    }
    return text;
  };
  return leftovers.empty() ? "nothing" : joined(pools) + "; " + joined(addresses);
}

TEST(Leftovers, AreThePoolsThatNoNetworkHas) {
  std::vector<Pool> const pools = {pool("10.1.0.0/16"), pool("10.2.0.0/16"), pool("fd00::/64")};
  EXPECT_EQ(text_of(find_leftovers(pools, {}, docker({network("10.2.0.0/16")}))),
            "10.1.0.0/16, fd00::/64; ");
  EXPECT_EQ(text_of(find_leftovers(
                pools, {},
                docker({network("10.1.0.0/16"), network("10.2.0.0/16"), network("fd00::/64")}))),
            "nothing");
}

TEST(Leftovers, HoldAPoolOnlyByExactlyItsSubnet) {
  std::vector<Pool> const pools = {pool("10.1.0.0/16")};
  EXPECT_EQ(
      text_of(find_leftovers(
          pools, {}, docker({network("10.0.0.0/8"), network("10.1.0.0/24"), DockerNetwork()}))),
      "10.1.0.0/16; ");
}

TEST(Leftovers, HoldAPoolByANetworkOfAnyDriver) {
  DockerNetwork of_another = network("10.1.0.0/16");
  of_another.driver = "macvlan";
  of_another.ipam_driver = "drawbridge:latest";
  EXPECT_EQ(text_of(find_leftovers({pool("10.1.0.0/16")}, {}, docker({of_another}))), "nothing");
}

TEST(Leftovers, HoldEveryPoolOfTheLengthThatANetworkLeftOpen) {
  std::vector<Pool> const pools = {pool("10.1.0.0/16"), pool("10.2.1.0/24"), pool("fd00::/64")};
  std::vector<Lease> const leases = {lease("10.2.1.0/24", "10.2.1.2"),
                                     lease("10.2.1.0/24", "10.2.1.3")};
  DockerInventory const look = docker({network("0.0.0.0/24", "10.2.1.3/24"), network("::/64")});
  EXPECT_EQ(text_of(find_leftovers(pools, leases, look)), "10.1.0.0/16; 10.2.1.2");
  EXPECT_EQ(text_of(find_leftovers(pools, leases, docker({network("0.0.0.0/0")}))),
            "10.1.0.0/16, 10.2.1.0/24, fd00::/64; ");
}

TEST(Leftovers, AreTheAddressesThatNoEndpointHas) {
  std::vector<Pool> const pools = {pool("10.1.0.0/16"), pool("fd00::/64")};
  std::vector<Lease> const leases = {lease("10.1.0.0/16", "10.1.0.2"),
                                     lease("10.1.0.0/16", "10.1.0.3"),
                                     lease("fd00::/64", "fd00::2"), lease("fd00::/64", "fd00::3")};
  DockerNetwork both = network("10.1.0.0/16", "10.1.0.2/16 fd00::3/64");
  both.subnets.push_back({prefix("fd00::/64"), {}, {}});
  EXPECT_EQ(text_of(find_leftovers(pools, leases, docker({both}))), "; 10.1.0.3, fd00::2");
}

TEST(Leftovers, DoNotNameTheAddressesOfAPoolThatGoesWhole) {
  EXPECT_EQ(text_of(find_leftovers({pool("10.1.0.0/16")}, {lease("10.1.0.0/16", "10.1.0.2")},
                                   docker({}))),
            "10.1.0.0/16; ");
}

TEST(Leftovers, HoldTheAddressesOfNetworksWithThatSubnetOnly) {
  std::vector<Pool> const pools = {pool("10.1.0.0/16")};
  std::vector<Lease> const leases = {lease("10.1.0.0/16", "10.1.0.2")};
  DockerInventory const look =
      docker({network("10.1.0.0/16"), network("10.2.0.0/16", "10.1.0.2/16")});
  EXPECT_EQ(text_of(find_leftovers(pools, leases, look)), "; 10.1.0.2");
}

TEST(Leftovers, HoldGatewaysAndAuxiliaryAddresses) {
  std::vector<Pool> const pools = {pool("10.1.0.0/16")};
  std::vector<Lease> const leases = {
      gateway("10.1.0.0/16", "10.1.0.1"), lease("10.1.0.0/16", "10.1.0.8"),
      lease("10.1.0.0/16", "10.1.0.9"), lease("10.1.0.0/16", "10.1.0.10")};
  DockerNetwork web = network("10.1.0.0/16");
  web.subnets[0].gateway = address("10.1.0.8");
  web.subnets[0].auxiliary = {address("10.1.0.9")};
  EXPECT_EQ(text_of(find_leftovers(pools, leases, docker({web}))), "; 10.1.0.10");
}

TEST(Leftovers, AreNotAddressesThatWereReleasedAlready) {
  Lease released = lease("10.1.0.0/16", "10.1.0.2");
  released.released_at = WallTime(std::chrono::hours(1));
  EXPECT_EQ(
      text_of(find_leftovers({pool("10.1.0.0/16")}, {released}, docker({network("10.1.0.0/16")}))),
      "nothing");
}

TEST(Leftovers, LeaveTheGlobalAddressSpaceAlone) {
  Pool const global = pool("10.1.0.0/16", global_address_space);
  Lease const task{global.id, address("10.1.0.2")};
  EXPECT_EQ(text_of(find_leftovers({global}, {task}, docker({}))), "nothing");
  EXPECT_EQ(text_of(find_leftovers({global}, {task}, docker({network("10.1.0.0/16")}))), "nothing");
}

TEST(Leftovers, ComparesManyLeasesQuickly) {
  std::vector<Lease> leases;
  DockerNetwork web = network("10.0.0.0/8");
  for (AddressBits bits = address("10.0.0.2").bits; bits < address("10.0.19.138").bits; ++bits) {
    leases.push_back({id("10.0.0.0/8"), {Family::ipv4, bits}});
    web.endpoints.push_back({{}, "", IpPrefix{{Family::ipv4, bits}, 8}, {}});
  }
  web.endpoints.pop_back();
  EXPECT_EQ(text_of(find_leftovers({pool("10.0.0.0/8")}, leases, docker({web}))), "; 10.0.19.137");
}

}  // namespace
}  // namespace drawbridge
