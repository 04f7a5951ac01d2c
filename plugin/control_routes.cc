#include "plugin/control_routes.h"

#include "plugin/port_listing.h"
#include "plugin/version.h"

#include <boost/json.hpp>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {
namespace json = boost::json;
namespace {

json::array pools_in_use(Ipam const& ipam) {
  json::array pools;
  for (Ipam::Usage const& usage : ipam.usage()) {
    json::object pool;
    pool["id"] = usage.pool.id.value;
    pool["subnet"] = usage.pool.prefix.to_string();
    pool["addresses_in_use"] = usage.leases;
    pools.push_back(std::move(pool));
  }
  return pools;
}

/// A number that JSON can hold: the subnets of an IPv6 pool may be more.
std::uint64_t limited(AddressBits count) {
  return static_cast<std::uint64_t>(
      std::min(count, AddressBits{std::numeric_limits<std::int64_t>::max()}));
}

json::object configured_pool(PoolReport const& report) {
  json::object pool;
  pool["name"] = report.name;
  pool["family"] = name_of(report.family);
  json::array prefixes;
  for (IpPrefix const& prefix : report.prefixes) {
    prefixes.emplace_back(prefix.to_string());
  }
  pool["prefixes"] = std::move(prefixes);
  pool["length"] = report.length;
  pool["subnets"] = limited(report.total);
  pool["leased"] = limited(report.leased);
  pool["on_host_routes"] = limited(report.on_host_routes);
  pool["kept_back"] = limited(report.kept_back);
  pool["free"] = limited(report.free());
  pool["next"] = report.next ? json::value(report.next->to_string()) : json::value();
  pool["overflow"] = report.overflow;
  return pool;
}

Result<std::string> status(Services services) {
  Result<HostRoutes const*> const routes = services.kernel.host_routes();
  if (!routes) {
    return fail(routes.error());
  }
  json::object reply;
  reply["version"] = version;
  reply["networks"] = services.driver.network_count();
  reply["endpoints"] = services.driver.endpoint_count();
  reply["pools"] = pools_in_use(services.ipam);
  json::array configured;
  for (PoolReport const& report : services.ipam.explain(**routes)) {
    configured.push_back(configured_pool(report));
  }
  reply["configured_pools"] = std::move(configured);
  return json::serialize(reply);
}

Result<std::string> published_ports(Services services) {
  std::vector<ListedPort> ports;
  for (PortListing& listing : services.driver.published_ports()) {
    std::string name = services.engine.name_of(listing.network);
    ports.push_back({std::move(listing), std::move(name)});
  }
  return encode_ports(ports);
}

}  // namespace

Router make_control_router(Services services) {
  Router router(services.group);
  auto const get = [&](char const* path, auto handle) {
    router.add(path, {ErrorKey::err, LogAs::debug, handle, Commit::by_itself, "GET"});
  };
  get("/status", [services](Call&) { return status(services); });
  get("/ports", [services](Call&) { return published_ports(services); });
  return router;
}

}  // namespace drawbridge
