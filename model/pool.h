// Address pools and leases, and what the configuration says pools are carved from.
#pragma once

#include "model/address.h"
#include "model/ids.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {

/// A moment of the wall clock: it must keep its meaning over a restart of the host.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

/// What a pool does about routes of this host. Networks of other drivers are never taken.
enum class HostRoutePolicy : std::uint8_t {
  avoid,  // step around them, refuse a subnet that meets one
  warn,   // take no notice but in a warning
  trust,  // take no notice
};

/// A named supply of subnets: prefixes and the length that is carved from them.
struct PoolSource {
  std::string name;
  std::vector<IpPrefix> prefixes;  // used up in this order; either family
  int carve_length_ipv4 = 24;
  int carve_length_ipv6 = 64;
  std::string overflow = {};  // the source that goes on when this one is exhausted; empty: none
  HostRoutePolicy on_host_route = HostRoutePolicy::avoid;

  bool operator==(PoolSource const&) const = default;
};

/// The pools that the configuration names, and what holds for all of them. Without a configuration:
/// the defaults of SPEC.md. Overflows name known sources and make no circle.
struct PoolConfig {
  std::vector<PoolSource> sources;
  std::string default_source;
  bool refuse_public = false;  // subnets in public address space are an error, not a warning
  std::chrono::milliseconds reuse_delay = std::chrono::seconds(60);

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

/// The answer to a PoolRequest.
struct PoolGrant {
  Pool pool;
  std::vector<std::string> warnings;  // what its owner should know, a line each
};

enum class AddressKind : std::uint8_t { gateway, endpoint };

/// source: libnetwork ipams/remote/api RequestAddressRequest
struct AddressRequest {
  PoolId pool;
  std::optional<IpAddress> address;  // --ip, --ip6, --gateway, --aux-address; none means any
  AddressKind kind = AddressKind::endpoint;
  std::string owner = {};  // the container's name, which engines send from 29 on; else empty
};

/// One address of a pool that somebody holds, or held and may want back.
struct Lease {
  PoolId pool;
  IpAddress address;
  AddressKind kind = AddressKind::endpoint;
  std::string owner = {};  // the container's name, where it is known
  bool reserved = false;   // asked for as such: never handed out to who asks for any
  std::optional<WallTime> released_at = {};  // none while it is held

  bool operator==(Lease const&) const = default;
};

enum class RouteKind : std::uint8_t {
  network,    // an address of this host on a bridge: a network of another driver
  connected,  // an address of this host on any other interface
  routed,     // behind a next hop or a tunnel
};

/// A prefix that something else on this host uses, as the kernel shows it.
struct HostRoute {
  IpPrefix prefix;
  std::string interface;
  RouteKind kind = RouteKind::routed;

  auto operator<=>(HostRoute const&) const = default;
};

/// The prefixes that this host's main routing tables hold.
struct HostRoutes {
  std::uint64_t generation = 0;    // changes whenever `foreign` did
  std::vector<HostRoute> foreign;  // all but those of `own`, in their order
  std::set<IpPrefix> own;          // what drawbridge's links have an address in, wherever from
};

}  // namespace drawbridge
