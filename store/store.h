// What must survive a restart: pools, leases, networks, endpoints, and what Docker told of them.
// One SQLite file.
//
// Every change is on disk when the call returns (WAL, synchronous FULL), or with the commit() of
// the group that it is in. The memory of the daemon is filled from here at start and after a group
// failed; otherwise the store is only written. One thread.
#pragma once

#include "base/result.h"
#include "model/network.h"
#include "model/pool.h"
#include "model/proxy_route.h"

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {

class Store {
 public:
  virtual ~Store() = default;

  /// Opens a group: what is saved and removed from here on is one transaction. No group is open.
  virtual Result<void> begin() = 0;
  /// Ends the group: all of it is on disk, or none of it.
  virtual Result<void> commit() = 0;
  /// Ends the group and leaves nothing of it. Without a group, nothing happens.
  virtual void roll_back() = 0;

  virtual Result<std::vector<Pool>> load_pools() = 0;
  virtual Result<std::vector<Lease>> load_leases() = 0;
  virtual Result<std::vector<NetworkRequest>> load_networks() = 0;
  virtual Result<std::vector<Endpoint>> load_endpoints() = 0;
  /// returns  what save_known_networks() and save(KnownNetwork) were given, in the order of their
  /// ids
  virtual Result<std::vector<KnownNetwork>> load_known_networks() = 0;
  virtual Result<std::vector<PortLease>> load_port_leases() = 0;
  virtual Result<std::set<ProxyRoute>> load_routes() = 0;
  virtual Result<std::set<Membership>> load_memberships() = 0;
  /// returns  the prefix that save_ula_prefix() was given; nothing at the first start
  virtual Result<std::optional<IpPrefix>> load_ula_prefix() = 0;

  virtual Result<void> save(Pool const& pool) = 0;
  /// Removes the pool and its leases.
  virtual Result<void> remove(PoolId const& pool) = 0;
  /// Writes the lease, replacing one of the same address.
  virtual Result<void> save(Lease const& lease) = 0;
  virtual Result<void> remove(Lease const& lease) = 0;
  virtual Result<void> save(NetworkRequest const& network) = 0;
  /// Removes the network, its endpoints with what is theirs, its port leases and what is known of
  /// it. No group is open.
  virtual Result<void> remove(NetworkId const& network) = 0;
  /// Writes the endpoint with its ports, replacing one of the same id.
  virtual Result<void> save(Endpoint const& endpoint) = 0;
  /// Removes the endpoint, its ports and the routes to it.
  virtual Result<void> remove(EndpointId const& endpoint) = 0;
  /// Writes the lease, replacing the one of this network and container. Its network is there.
  virtual Result<void> save(PortLease const& lease) = 0;
  virtual Result<void> remove(PortLease const& lease) = 0;
  /// Writes the network, replacing one of the same id.
  virtual Result<void> save(KnownNetwork const& network) = 0;
  /// Makes these the known networks, all or nothing. Ids differ. Writes what is new only: nothing
  /// when nothing changed. No group is open.
  virtual Result<void> save_known_networks(std::vector<KnownNetwork> const& networks) = 0;
  /// Makes these the routes, all or nothing. Their endpoints are there. Writes what is new only:
  /// nothing when nothing changed. No group is open.
  virtual Result<void> save_routes(std::set<ProxyRoute> const& routes) = 0;
  virtual Result<void> save(Membership const& membership) = 0;
  virtual Result<void> remove(Membership const& membership) = 0;
  virtual Result<void> save_ula_prefix(IpPrefix const& prefix) = 0;

  /// returns  true while the file may know less than Docker and the kernel do: it was begun when
  ///          there was none that could be read, and end_rebuild() has not been called since
  virtual Result<bool> awaits_rebuild() = 0;
  virtual Result<void> end_rebuild() = 0;

  /// Takes no place on the disk, which may be full. No group is open.
  ///
  /// returns  the bytes of a file that is, in the place of state.db, the state of this moment
  /// errors   store   not readable, …
  virtual Result<std::string> back_up() = 0;
};

/// Opens or creates DIRECTORY/state.db.
///
/// errors  conflict     another process holds this state directory
///         unsupported  written by a newer version; left untouched
///         store        not readable, not writable, or not a database
Result<std::unique_ptr<Store>> open_store(std::filesystem::path const& directory);

/// What a state file was found to be, and where it is now.
struct LostState {
  std::string reason;          // "state file …: not a database"
  std::filesystem::path copy;  // beside it, with its log

  bool operator==(LostState const&) const = default;
};

struct OpenedStore {
  std::unique_ptr<Store> store;
  std::optional<LostState> lost;
};

/// The same for who serves: reads all of the file first. One that is no database, is damaged or
/// holds rows that make no sense is moved aside, to state.db.corrupt-YYYYMMDDTHHMMSS, and a new one
/// is begun, which awaits its rebuild. Nothing is ever overwritten.
///
/// now     for the name
/// errors  as open_store(); what has another reason than the content of the file moves nothing
Result<OpenedStore> open_or_replace_store(std::filesystem::path const& directory, WallTime now);

}  // namespace drawbridge
