// What tests of the store save, and how they look at what is there.
#pragma once

#include "store/sqlite.h"
#include "store/store.h"
#include "tests/support/expect_ok.h"
#include "tests/support/fake_store.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {

inline Pool const pods{{"local/10.249.1.0/24"}, "local", *IpPrefix::parse("10.249.1.0/24"), {}};
inline Pool const ranged{{"local/fd00::/64/fd00::8000/113"},
                         "local",
                         *IpPrefix::parse("fd00::/64"),
                         IpPrefix::parse("fd00::8000/113").value()};

inline KnownNetwork const docker0{{"b0"}, "bridge", "docker0", {*IpPrefix::parse("172.17.0.0/16")}};
inline KnownNetwork const shop{{"ab12"},
                               "shop \u00e4",
                               "",
                               {*IpPrefix::parse("10.249.1.0/24"), *IpPrefix::parse("fd00::/64")}};

inline Lease lease(std::string_view address, AddressKind kind = AddressKind::endpoint) {
  return {pods.id, *IpAddress::parse(address), kind};
}

inline NetworkRequest network(std::string const& id) {
  NetworkRequest request;
  request.id = {id};
  request.internal = true;
  request.options = {{"mtu", "1400"}, {"empty", ""}, {"quote", "it's \"o\"\n\u00e4"}};
  request.subnets = {{*IpPrefix::parse("10.249.1.0/24"), *IpAddress::parse("10.249.1.1")},
                     {*IpPrefix::parse("fd00::/64"), {}},
                     {*IpPrefix::parse("10.2.0.0/16"), *IpAddress::parse("10.2.0.9")}};
  request.default_mtu_bytes = 9000;
  return request;
}

inline Endpoint endpoint(std::string const& id, std::string const& network_id) {
  return {{id},
          {network_id},
          IpPrefix::parse("10.249.1.2/24").value(),
          std::nullopt,
          *MacAddress::parse("02:42:ac:11:00:02"),
          true};
}

/// returns  ports of each kind, in their order
inline std::vector<PublishedPort> some_ports() {
  return {{6, std::nullopt, {8080, 8090}, 80},
          {6, *IpAddress::parse("127.0.0.1"), {8443, 8443}, 443},
          {17, *IpAddress::parse("::"), {53, 53}, 53},
          {132, *IpAddress::parse("0.0.0.0"), {65535, 65535}, 65535}};
}

/// returns  routes to the endpoints e1 and e2, of networks ab12 and cd34
inline std::set<ProxyRoute> some_routes() {
  return {{{"ab12"}, {"e1"}, "docker0", *IpAddress::parse("172.17.0.2")},
          {{"ab12"}, {"e1"}, "docker0", *IpAddress::parse("fd17::2")},
          {{"cd34"}, {"e2"}, "docker0", *IpAddress::parse("172.17.0.2")}};
}

inline std::unique_ptr<Store> open(std::filesystem::path const& directory) {
  Result<std::unique_ptr<Store>> store = open_store(directory);
  EXPECT_OK(store);
  return store ? std::move(*store) : nullptr;
}

/// returns  everything in the store, as FakeStore keeps it
inline FakeStore::Contents contents_of(Store& store) {
  auto const pools = store.load_pools().value();
  auto const leases = store.load_leases().value();
  auto const networks = store.load_networks().value();
  auto const endpoints = store.load_endpoints().value();
  FakeStore::Contents contents;
  for (Pool const& pool : pools) {
    contents.pools[pool.id] = pool;
  }
  for (Lease const& each : leases) {
    contents.leases[{each.pool, each.address}] = each;
  }
  for (NetworkRequest const& request : networks) {
    contents.networks[request.id] = request;
  }
  for (Endpoint const& each : endpoints) {
    contents.endpoints[each.id] = each;
  }
  auto const known_networks = store.load_known_networks().value();
  for (KnownNetwork const& known : known_networks) {
    contents.known_networks[known.id] = known;
  }
  auto const port_leases = store.load_port_leases().value();
  for (PortLease const& each : port_leases) {
    contents.port_leases[{each.network, each.container}] = each;
  }
  contents.routes = store.load_routes().value();
  contents.memberships = store.load_memberships().value();
  contents.ula_prefix = store.load_ula_prefix().value();
  return contents;
}

inline void fill(Store& store) {
  EXPECT_OK(store.save(pods));
  EXPECT_OK(store.save(ranged));
  EXPECT_OK(store.save(lease("10.249.1.1", AddressKind::gateway)));
  EXPECT_OK(store.save(lease("10.249.1.2")));
  EXPECT_OK(store.save(network("ab12")));
  EXPECT_OK(store.save(network("cd34")));
  EXPECT_OK(store.save(endpoint("e1", "ab12")));
  Endpoint marked = endpoint("e2", "cd34");
  marked.marks = {"app", "shop", true};
  EXPECT_OK(store.save(marked));
  Endpoint publishing = endpoint("e3", "ab12");
  publishing.ports = some_ports();
  EXPECT_OK(store.save(publishing));
  EXPECT_OK(store.save(PortLease{{"ab12"}, "web", 9000}));
  EXPECT_OK(store.save(PortLease{{"cd34"}, "web", 65535}));
  EXPECT_OK(store.save_known_networks({docker0, shop}));
  EXPECT_OK(store.save_routes(some_routes()));
  EXPECT_OK(store.save(Membership{{"b0"}, {"c1"}}));
  EXPECT_OK(store.save(Membership{{"ab12"}, {"c1"}}));
}

/// Writes to a state file behind the store's back.
inline void write_sql(std::filesystem::path const& file, char const* script) {
  Result<Database> database = Database::open(file);
  ASSERT_OK(database);
  ASSERT_OK(database->execute(script));
}

}  // namespace drawbridge
