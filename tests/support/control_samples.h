// What tests of the command line show and send: a network, an endpoint, pools and a status.
#pragma once

#include "plugin/network_listing.h"
#include "plugin/pool_listing.h"
#include "plugin/status_report.h"

#include <chrono>

namespace drawbridge {

inline ListedNetwork shop_network() {
  ListedNetwork network;
  network.name = "shop";
  NetworkListing& listing = network.listing;
  listing.id = {"8f3a000000000000"};
  listing.subnets = {{*IpPrefix::parse("10.249.1.0/24"), *IpAddress::parse("10.249.1.1")},
                     {*IpPrefix::parse("fd00:1::/64"), *IpAddress::parse("fd00:1::1")}};
  listing.bridge = "db-8f3a00000000";
  listing.mtu_bytes = 1400;
  listing.internal = true;
  listing.isolation = Isolation::members;
  listing.options = {{"isolation", "members"}, {"mtu", "1400"}};
  listing.endpoints = 2;
  return network;
}

inline ListedEndpoint web_endpoint() {
  ListedEndpoint endpoint;
  endpoint.network_name = "shop";
  EndpointListing& listing = endpoint.listing;
  listing.network = {"8f3a000000000000"};
  listing.id = {"b200000000000000"};
  listing.container = "web";
  listing.ipv4 = *IpPrefix::parse("10.249.1.2/24");
  listing.ipv6 = *IpPrefix::parse("fd00:1::2/64");
  listing.mac = *MacAddress::parse("02:db:0a:f9:01:02");
  listing.link = "dv-b20000000000";
  listing.joined = true;
  listing.ports = 3;
  return endpoint;
}

/// returns  pods with a network, a route and a wide route, ula without a free subnet, and a subnet
///          that lies in neither
inline PoolListing some_pools() {
  PoolReport pods;
  pods.name = "pods";
  pods.is_default = true;
  pods.prefixes = {*IpPrefix::parse("10.249.0.0/16")};
  pods.length = 24;
  pods.overflow = "dense";
  pods.total = 256;
  pods.leased = 1;
  pods.on_host_routes = 1;
  pods.next = *IpPrefix::parse("10.249.3.0/24");
  pods.routes = {{*IpPrefix::parse("10.249.2.0/24"), "tun0", RouteKind::routed}};
  pods.wide = HostRoute{*IpPrefix::parse("10.0.0.0/8"), "tun1", RouteKind::routed};
  pods.wide_over = *IpPrefix::parse("10.249.0.0/16");
  PoolReport ula;
  ula.name = "ula";
  ula.family = Family::ipv6;
  ula.prefixes = {*IpPrefix::parse("fd00:1:2::/48")};
  ula.length = 64;
  ula.total = 65536;
  ula.leased = 65536;
  LeasedSubnet const shop{{"local/10.249.1.0/24"},
                          *IpPrefix::parse("10.249.1.0/24"),
                          "pods",
                          {"8f3a000000000000"},
                          "shop",
                          3};
  LeasedSubnet const other{
      {"local/192.168.7.0/24"}, *IpPrefix::parse("192.168.7.0/24"), "", {}, "", 0};
  return {{pods, ula}, {shop, other}};
}

inline StatusReport some_status() {
  using std::chrono::seconds;
  StatusReport report;
  report.version = "0.1.0";
  report.uptime = seconds(3725);
  report.networks = 2;
  report.endpoints = 3;
  report.published_ports = 4;
  report.pools = some_pools();
  report.docker = {"/var/run/docker.sock", seconds(3600), seconds(9)};
  report.looks = {
      12, {{"bridge", 1}, {"rules", 2}}, {{"address", 1}}, std::chrono::microseconds(1500)};
  report.paths = {"/run/docker/plugins/drawbridge.sock", "/run/drawbridge/control.sock",
                  "/var/lib/drawbridge", "/etc/drawbridge/drawbridge.json"};
  report.troubles = {"port 0.0.0.0:80/tcp is not held: taken"};
  return report;
}

}  // namespace drawbridge
