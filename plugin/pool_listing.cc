#include "plugin/pool_listing.h"

#include "plugin/json_reader.h"
#include "plugin/pool_json.h"

#include <algorithm>
#include <map>
#include <utility>

namespace drawbridge {
namespace json = boost::json;
namespace {

std::string pool_with(IpPrefix const& subnet, std::vector<PoolReport> const& pools) {
  for (PoolReport const& pool : pools) {
    if (std::any_of(pool.prefixes.begin(), pool.prefixes.end(),
                    [&subnet](IpPrefix const& each) { return each.overlaps(subnet); })) {
      return pool.name;
    }
  }
  return {};
}

std::map<IpPrefix, ListedNetwork const*> by_subnet(std::vector<ListedNetwork> const& networks) {
  std::map<IpPrefix, ListedNetwork const*> owners;
  for (ListedNetwork const& network : networks) {
    for (Subnet const& subnet : network.listing.subnets) {
      owners.emplace(subnet.prefix, &network);
    }
  }
  return owners;
}

json::object object_of(LeasedSubnet const& leased) {
  return {{"id", leased.id.value},
          {"subnet", leased.prefix.to_string()},
          {"pool", leased.pool},
          {"network", leased.network.value},
          {"network_name", leased.network_name},
          {"addresses_in_use", leased.addresses}};
}

LeasedSubnet read_leased(JsonReader const& in) {
  return {{in.text("id")},         in.prefix("subnet").value_or(IpPrefix()),
          in.text("pool"),         {in.text("network")},
          in.text("network_name"), in.count("addresses_in_use")};
}

}  // namespace

PoolListing list_pools(std::vector<PoolReport> pools, std::vector<Ipam::Usage> const& usage,
                       std::vector<ListedNetwork> const& networks) {
  std::map<IpPrefix, ListedNetwork const*> const owners = by_subnet(networks);
  PoolListing listing{std::move(pools), {}};
  for (Ipam::Usage const& each : usage) {
    LeasedSubnet leased;
    leased.id = each.pool.id;
    leased.prefix = each.pool.prefix;
    leased.pool = pool_with(leased.prefix, listing.pools);
    leased.addresses = each.leases;
    if (auto const owner = owners.find(leased.prefix); owner != owners.end()) {
      leased.network = owner->second->listing.id;
      leased.network_name = owner->second->name;
    }
    listing.leased.push_back(std::move(leased));
  }
  std::sort(
      listing.leased.begin(), listing.leased.end(),
      [](LeasedSubnet const& one, LeasedSubnet const& other) { return one.prefix < other.prefix; });
  return listing;
}

std::string encode_pools(PoolListing const& listing) {
  json::array pools;
  for (PoolReport const& report : listing.pools) {
    pools.push_back(object_of_pool(report));
  }
  json::array leased;
  for (LeasedSubnet const& each : listing.leased) {
    leased.push_back(object_of(each));
  }
  return json::serialize(json::object{{"pools", std::move(pools)}, {"leased", std::move(leased)}});
}

Result<PoolListing> decode_pools(std::string_view body) {
  JsonDocument document(body);
  JsonReader const in = document.root();
  PoolListing listing;
  for (JsonReader const& element : in.objects("pools")) {
    listing.pools.push_back(read_pool(element));
  }
  for (JsonReader const& element : in.objects("leased")) {
    listing.leased.push_back(read_leased(element));
  }
  if (document.error()) {
    return fail(Errc::malformed, "not a list of pools: " + document.error()->message);
  }
  return listing;
}

}  // namespace drawbridge
