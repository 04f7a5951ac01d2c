// A Store in memory: keeps what it is given, writes down what was asked, fails when told to.
//
// Like the real one it removes leases with their pool, routes with their endpoint, endpoints and
// what Docker told with their network. It refuses a lease without its pool, an endpoint without its
// network and a route without its endpoint.
#pragma once

#include "store/store.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {

class FakeStore final : public Store {
 public:
  struct Contents {
    std::map<PoolId, Pool> pools;
    std::map<std::pair<PoolId, IpAddress>, Lease> leases;
    std::map<NetworkId, NetworkRequest> networks;
    std::map<EndpointId, Endpoint> endpoints;
    std::map<NetworkId, KnownNetwork> known_networks;
    std::map<std::pair<NetworkId, std::string>, PortLease> port_leases;  // by network, container
    std::set<ProxyRoute> routes;
    std::set<Membership> memberships;
    std::optional<IpPrefix> ula_prefix;
    bool awaits_rebuild = false;

    bool operator==(Contents const&) const = default;
  };

  Contents contents;

  /// One line for each write: "save network ab12", "remove lease 10.1.0.2 of local/10.1.0.0/24".
  std::vector<std::string> calls;

  /// Makes the `step`-th call from now on fail, once, with Errc::store: 1 is the next one. Loads
  /// count too, though they are not written down.
  void fail_at(int step) { steps_to_failure_ = step; }
  /// returns  whether the failure that fail_at() asked for has not happened yet
  bool failure_is_pending() const { return steps_to_failure_ > 0; }

  Result<void> begin() override;
  Result<void> commit() override;
  void roll_back() override;

  Result<std::vector<Pool>> load_pools() override;
  Result<std::vector<Lease>> load_leases() override;
  Result<std::vector<NetworkRequest>> load_networks() override;
  Result<std::vector<Endpoint>> load_endpoints() override;
  Result<std::vector<KnownNetwork>> load_known_networks() override;
  Result<std::vector<PortLease>> load_port_leases() override;
  Result<std::set<ProxyRoute>> load_routes() override;
  Result<std::set<Membership>> load_memberships() override;
  Result<std::optional<IpPrefix>> load_ula_prefix() override;

  Result<void> save(Pool const& pool) override;
  Result<void> remove(PoolId const& pool) override;
  Result<void> save(Lease const& lease) override;
  Result<void> remove(Lease const& lease) override;
  Result<void> save(NetworkRequest const& network) override;
  Result<void> remove(NetworkId const& network) override;
  Result<void> save(Endpoint const& endpoint) override;
  Result<void> remove(EndpointId const& endpoint) override;
  Result<void> save(PortLease const& lease) override;
  Result<void> remove(PortLease const& lease) override;
  Result<void> save(KnownNetwork const& network) override;
  Result<void> save_known_networks(std::vector<KnownNetwork> const& networks) override;
  Result<void> save_routes(std::set<ProxyRoute> const& routes) override;
  Result<void> save(Membership const& membership) override;
  Result<void> remove(Membership const& membership) override;
  Result<void> save_ula_prefix(IpPrefix const& prefix) override;
  Result<bool> awaits_rebuild() override;
  Result<void> end_rebuild() override;
  Result<std::string> back_up() override;

 private:
  Result<void> step();
  Result<void> record(std::string call);

  int steps_to_failure_ = 0;
  std::optional<Contents> before_group_;
};

}  // namespace drawbridge
