// Address pools and leases, and what the configuration says pools are carved from.
#pragma once

#include "model/address.h"
#include "model/ids.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drawbridge {

/// A named supply of subnets: prefixes and the length that is carved from them.
struct PoolSource {
  std::string name;
  std::vector<IpPrefix> prefixes;
  int carve_length = 24;

  bool operator==(PoolSource const&) const = default;
};

/// The pools that the configuration names. Without one: the defaults of SPEC.md.
struct PoolConfig {
  std::vector<PoolSource> sources;
  std::string default_source;

  bool operator==(PoolConfig const&) const = default;
};

/// source: libnetwork ipams/remote/api RequestPoolRequest
struct PoolRequest {
  std::string address_space;
  std::optional<IpPrefix> prefix;    // --subnet
  std::optional<IpPrefix> sub_pool;  // --ip-range
  std::map<std::string, std::string> options;
  Family family = Family::ipv4;
};

/// One subnet that a network holds.
struct Pool {
  PoolId id;
  std::string address_space;
  IpPrefix prefix;
  std::optional<IpPrefix> sub_pool;

  bool operator==(Pool const&) const = default;
};

enum class AddressKind { gateway, endpoint };

/// One address of a pool that somebody holds.
struct Lease {
  PoolId pool;
  IpAddress address;
  AddressKind kind = AddressKind::endpoint;

  bool operator==(Lease const&) const = default;
};

/// A prefix that something else on this host uses, as the kernel shows it.
struct HostRoute {
  IpPrefix prefix;
  std::string interface;
  bool connected = false;  // the host has an address in it; else it is behind a next hop

  auto operator<=>(HostRoute const&) const = default;
};

}  // namespace drawbridge
