// What the driver has, as the command line shows it: values for networks, endpoints and ports.
#pragma once

#include "model/network.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drawbridge {

/// A network, as `drawbridge networks` shows it.
struct NetworkListing {
  NetworkId id;
  std::vector<Subnet> subnets;
  std::string bridge;  // the interface
  std::uint32_t mtu_bytes = 1500;
  bool internal = false;
  Isolation isolation = Isolation::network;    // in force
  std::map<std::string, std::string> options;  // as typed, but for those that change nothing
  std::size_t endpoints = 0;

  bool operator==(NetworkListing const&) const = default;
};

/// An endpoint, as `drawbridge endpoints` shows it.
struct EndpointListing {
  NetworkId network;
  EndpointId id;
  std::string container;  // empty: its name is not known
  std::optional<IpPrefix> ipv4;
  std::optional<IpPrefix> ipv6;
  MacAddress mac;
  std::string link;  // the host's end of its veth pair
  bool joined = false;
  std::size_t ports = 0;  // mappings that are published

  bool operator==(EndpointListing const&) const = default;
};

/// A published port, as `drawbridge ports` shows it.
struct PortListing {
  NetworkId network;
  EndpointId endpoint;
  std::string container;  // empty: its name is not known
  PublishedPort port;
  std::optional<IpAddress> ipv4;  // of the container
  std::optional<IpAddress> ipv6;
  Publish publish = Publish::all;
  std::vector<IpPrefix> publish_list;
  std::string trouble;  // why the host port is not held; empty: it is
};

}  // namespace drawbridge
