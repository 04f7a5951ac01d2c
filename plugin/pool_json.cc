#include "plugin/pool_json.h"

#include "ipam/pool_config.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {
namespace json = boost::json;
namespace {

constexpr std::pair<RouteKind, char const*> route_kinds[] = {{RouteKind::network, "network"},
                                                             {RouteKind::connected, "connected"},
                                                             {RouteKind::routed, "routed"}};

/// A number that JSON can hold: the subnets of an IPv6 pool may be more.
std::uint64_t limited(AddressBits count) {
  return static_cast<std::uint64_t>(
      std::min(count, AddressBits{std::numeric_limits<std::int64_t>::max()}));
}

json::object object_of_route(HostRoute const& route) {
  json::object object{{"prefix", route.prefix.to_string()}, {"interface", route.interface}};
  for (auto const& [kind, word] : route_kinds) {
    if (kind == route.kind) {
      object["kind"] = word;
    }
  }
  return object;
}

HostRoute read_route(JsonReader const& in) {
  HostRoute route{in.prefix("prefix").value_or(IpPrefix()), in.text("interface"),
                  RouteKind::routed};
  std::string const word = in.text("kind");
  for (auto const& [kind, name] : route_kinds) {
    if (word == name) {
      route.kind = kind;
    }
  }
  return route;
}

void add_counts(json::object& pool, PoolReport const& report) {
  pool["subnets"] = limited(report.total);
  pool["leased"] = limited(report.leased);
  pool["on_host_routes"] = limited(report.on_host_routes);
  pool["kept_back"] = limited(report.kept_back);
  pool["free"] = limited(report.free());
}

void read_counts(JsonReader const& in, PoolReport& report) {
  report.total = in.count("subnets");
  report.leased = in.count("leased");
  report.on_host_routes = in.count("on_host_routes");
  report.kept_back = in.count("kept_back");
}

void read_prefixes(JsonReader const& in, PoolReport& report) {
  for (std::string const& text : in.texts("prefixes")) {
    Result<IpPrefix> const prefix = IpPrefix::parse(text);
    if (prefix) {
      report.prefixes.push_back(*prefix);
    } else {
      in.refuse(prefix.error().within("\"prefixes\""));
    }
  }
}

/// The route that holds a whole prefix of the pool.
void read_wide(JsonReader const& in, PoolReport& report) {
  JsonReader const wide = in.object("covered_by");
  report.wide_over = wide.prefix("covers");
  if (report.wide_over) {
    report.wide = read_route(wide);
  }
}

}  // namespace

json::object object_of_pool(PoolReport const& report) {
  json::object pool{{"name", report.name}, {"family", name_of(report.family)}};
  pool["is_default"] = report.is_default;
  json::array prefixes;
  for (IpPrefix const& prefix : report.prefixes) {
    prefixes.emplace_back(prefix.to_string());
  }
  pool["prefixes"] = std::move(prefixes);
  pool["length"] = report.length;
  add_counts(pool, report);
  pool["next"] = report.next ? json::value(report.next->to_string()) : json::value();
  pool["overflow"] = report.overflow;
  json::array routes;
  for (HostRoute const& route : report.routes) {
    routes.push_back(object_of_route(route));
  }
  pool["routes"] = std::move(routes);
  if (report.wide && report.wide_over) {
    json::object wide = object_of_route(*report.wide);
    wide["covers"] = report.wide_over->to_string();
    pool["covered_by"] = std::move(wide);
  }
  return pool;
}

PoolReport read_pool(JsonReader const& in) {
  PoolReport report;
  report.name = in.text("name");
  report.family = in.text("family") == name_of(Family::ipv6) ? Family::ipv6 : Family::ipv4;
  report.is_default = in.flag("is_default");
  read_prefixes(in, report);
  report.length = in.number("length").value_or(0);
  read_counts(in, report);
  report.next = in.prefix("next");
  report.overflow = in.text("overflow");
  for (JsonReader const& route : in.objects("routes")) {
    report.routes.push_back(read_route(route));
  }
  read_wide(in, report);
  return report;
}

}  // namespace drawbridge
