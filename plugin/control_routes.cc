#include "plugin/control_routes.h"

#include "http/http_reply.h"
#include "plugin/network_listing.h"
#include "plugin/pool_listing.h"
#include "plugin/port_brief.h"
#include "plugin/port_listing.h"
#include "plugin/repair_listing.h"
#include "plugin/version.h"

#include <fmt/core.h>

#include <chrono>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {
namespace {

using Clock = std::chrono::steady_clock;

std::vector<ListedNetwork> networks_of(Services services) {
  std::vector<ListedNetwork> networks;
  for (NetworkListing& listing : services.driver.networks()) {
    std::string name = services.engine.name_of(listing.id);
    networks.push_back({std::move(listing), std::move(name)});
  }
  return networks;
}

std::vector<ListedEndpoint> endpoints_of(Services services) {
  std::vector<ListedEndpoint> endpoints;
  for (EndpointListing& listing : services.driver.endpoints()) {
    listing.container = services.engine.container_of(listing.network, listing.id);
    std::string name = services.engine.name_of(listing.network);
    endpoints.push_back({std::move(listing), std::move(name)});
  }
  return endpoints;
}

std::vector<ListedPort> ports_of(Services services) {
  std::vector<ListedPort> ports;
  for (PortListing& listing : services.driver.published_ports()) {
    listing.container = services.engine.container_of(listing.network, listing.endpoint);
    std::string name = services.engine.name_of(listing.network);
    ports.push_back({std::move(listing), std::move(name)});
  }
  return ports;
}

Result<PoolListing> pools_of(Services services) {
  Result<HostRoutes const*> const routes = services.kernel.host_routes();
  if (!routes) {
    return fail(routes.error());
  }
  return list_pools(services.ipam.explain(**routes), services.ipam.usage(), networks_of(services));
}

DockerContact contact_with(EngineView const& engine, std::string const& socket) {
  DockerContact contact{socket, {}, {}};
  if (std::optional<EngineView::Heard> const& heard = engine.heard()) {
    Clock::time_point const now = Clock::now();
    contact.first = std::chrono::duration_cast<std::chrono::seconds>(now - heard->first);
    contact.last = std::chrono::duration_cast<std::chrono::seconds>(now - heard->last);
  }
  return contact;
}

std::vector<std::string> troubles_of(Services services, std::vector<ListedPort> const& ports) {
  std::vector<std::string> troubles;
  for (ListedPort const& port : ports) {
    if (!port.listing.trouble.empty()) {
      troubles.push_back(
          fmt::format("port {}/{} is not held: {}", published_text(port.listing.port),
                      name_of_protocol(port.listing.port.protocol), port.listing.trouble));
    }
  }
  if (std::size_t const links = services.kernel.links_to_reap(); links > 0) {
    troubles.push_back(fmt::format("{} retired links wait to be deleted", links));
  }
  if (services.driver.is_unsettled()) {
    troubles.emplace_back("connections of what is gone wait to be forgotten");
  }
  return troubles;
}

Result<std::string> status(Services services, ControlSide const& side) {
  Result<PoolListing> pools = pools_of(services);
  if (!pools) {
    return fail(pools.error());
  }
  std::vector<ListedPort> const ports = ports_of(services);
  StatusReport report;
  report.version = version;
  report.uptime = std::chrono::duration_cast<std::chrono::seconds>(Clock::now() - side.started);
  report.networks = services.driver.network_count();
  report.endpoints = services.driver.endpoint_count();
  report.published_ports = ports.size();
  report.pools = std::move(*pools);
  report.docker = contact_with(services.engine, side.docker_socket);
  report.looks = services.looks.counters();
  report.paths = side.paths;
  report.troubles = troubles_of(services, ports);
  return encode_status(report);
}

Result<std::string> pools(Services services) {
  Result<PoolListing> const listing = pools_of(services);
  return listing ? Result<std::string>(encode_pools(*listing)) : fail(listing.error());
}

Result<std::string> repairs_to_come(Services services) {
  Result<std::vector<Repair>> const repairs = services.looks.preview();
  return repairs ? Result<std::string>(encode_repairs(*repairs)) : fail(repairs.error());
}

Result<std::string> backup(ControlSide const& side) {
  Result<std::string> copy = side.store.back_up();
  if (copy && copy->size() > max_api_body_bytes) {
    return fail(
        Errc::unsupported,
        fmt::format("the state has {} bytes, more than the control socket carries: stop the "
                    "daemon, then \"drawbridge backup\" copies it by itself",
                    copy->size()));
  }
  return copy;
}

}  // namespace

Router make_control_router(Services services, ControlSide side) {
  Router router(services.group);
  auto const add = [&](char const* method, char const* path, auto handle) {
    Route route{ErrorKey::control, LogAs::debug, handle};
    route.method = method;
    router.add(path, std::move(route));
  };
  add("GET", "/status", [services, side](Call&) { return status(services, side); });
  add("GET", "/networks", [services](Call&) -> Result<std::string> {
    return encode_listed_networks(networks_of(services));
  });
  add("GET", "/endpoints", [services](Call&) -> Result<std::string> {
    return encode_listed_endpoints(endpoints_of(services));
  });
  add("GET", "/pools", [services](Call&) { return pools(services); });
  add("GET", "/ports",
      [services](Call&) -> Result<std::string> { return encode_ports(ports_of(services)); });
  add("GET", "/reconcile", [services](Call&) { return repairs_to_come(services); });
  add("POST", "/reconcile",
      [services](Call&) -> Result<std::string> { return encode_repairs(services.looks.look()); });
  Route copy{ErrorKey::control, LogAs::info, [side](Call&) { return backup(side); }};
  copy.method = "GET";
  copy.content_type = "application/octet-stream";
  router.add("/backup", std::move(copy));
  return router;
}

}  // namespace drawbridge
