#include "plugin/control_routes.h"

#include "plugin/version.h"

#include <boost/json.hpp>

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

Result<std::string> status(Driver const& driver, Ipam const& ipam) {
  json::object reply;
  reply["version"] = version;
  reply["networks"] = driver.network_count();
  reply["endpoints"] = driver.endpoint_count();
  reply["pools"] = pools_in_use(ipam);
  return json::serialize(reply);
}

}  // namespace

Router make_control_router(Services services) {
  Router router(services.group);
  auto const get = [&](char const* path, auto handle) {
    router.add(path, {ErrorKey::err, LogAs::debug, handle, Commit::by_itself, "GET"});
  };
  get("/status", [services](Call&) { return status(services.driver, services.ipam); });
  return router;
}

}  // namespace drawbridge
