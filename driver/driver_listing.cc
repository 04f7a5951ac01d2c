// What there is, as values for the command line.
#include "driver/driver.h"
#include "driver/names.h"
#include "driver/network_options.h"
#include "driver/port_scope.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace drawbridge {

/// returns  the options without those that say what holds anyway
std::map<std::string, std::string> Driver::telling_options(Network const& network) const {
  std::map<std::string, std::string> telling;
  for (auto const& option : network.request.options) {
    NetworkRequest without = network.request;
    without.options.erase(option.first);
    Result<NetworkSpec> const spec = spec_of(without);
    if (!spec || *spec != network.spec) {
      telling.insert(option);
    }
  }
  return telling;
}

void Driver::each_network(std::function<void(Network const&)> const& visit) const {
  for (auto const& [id, entry] : networks_) {
    visit(entry.network);
  }
}

std::vector<NetworkListing> Driver::networks() const {
  std::vector<NetworkListing> networks;
  networks.reserve(networks_.size());
  for (auto const& [id, entry] : networks_) {
    Network const& network = entry.network;
    NetworkListing listing;
    listing.id = id;
    listing.subnets = network.request.subnets;
    listing.bridge = network.spec.bridge;
    listing.mtu_bytes = network.spec.mtu_bytes;
    listing.internal = network.request.internal;
    listing.isolation = network.spec.policy.isolation;
    listing.options = telling_options(network);
    listing.endpoints = entry.endpoints.size();
    networks.push_back(std::move(listing));
  }
  return networks;
}

std::vector<EndpointListing> Driver::endpoints() const {
  std::vector<EndpointListing> endpoints;
  for (auto const& [network, entry] : networks_) {
    for (auto const& [id, endpoint] : entry.endpoints) {
      EndpointListing listing;
      listing.network = network;
      listing.id = id;
      listing.container = endpoint.marks ? endpoint.marks->container : std::string();
      listing.ipv4 = endpoint.ipv4;
      listing.ipv6 = endpoint.ipv6;
      listing.mac = endpoint.mac;
      listing.link = host_end_name(id);
      listing.joined = endpoint.joined;
      listing.ports = endpoint.ports.size();
      endpoints.push_back(std::move(listing));
    }
  }
  return endpoints;
}

std::vector<PortListing> Driver::published_ports() const {
  std::vector<PortListing> ports;
  for (auto const& [id, entry] : networks_) {
    for (auto const& [endpoint_id, endpoint] : entry.endpoints) {
      add_listings(ports, entry, endpoint);
    }
  }
  std::stable_sort(ports.begin(), ports.end(),
                   [](PortListing const& one, PortListing const& other) {
                     return std::tuple(one.port.host_ports, one.port.protocol, one.port.host) <
                            std::tuple(other.port.host_ports, other.port.protocol, other.port.host);
                   });
  return ports;
}

void Driver::add_listings(std::vector<PortListing>& ports, Entry const& entry,
                          Endpoint const& endpoint) const {
  Policy const& policy = entry.network.spec.policy;
  for (PublishedPort const& port : endpoint.ports) {
    auto const trouble = troubles_.find({endpoint.id, port});
    PortListing listing;
    listing.network = endpoint.network;
    listing.endpoint = endpoint.id;
    listing.container = endpoint.marks ? endpoint.marks->container : std::string();
    listing.port = port;
    listing.ipv4 = address_of(endpoint, Family::ipv4);
    listing.ipv6 = address_of(endpoint, Family::ipv6);
    listing.publish = policy.publish;
    listing.publish_list = policy.publish_list;
    listing.trouble = trouble == troubles_.end() ? std::string() : trouble->second;
    ports.push_back(std::move(listing));
  }
}

}  // namespace drawbridge
