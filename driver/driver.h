// Networks and endpoints: what the NetworkDriver methods do.
//
// Creating applies to the kernel, then stores, then answers: a crash in between leaves a marked
// link that the next start removes, and the engine never got a yes. Deleting stores first: the
// engine forgets the object whatever we answer, so a crash must not leave us believing in it.
// source: docs/PROTOCOL.md "Network driver"; docs/adr/0007-apply-then-commit.md
#pragma once

#include "driver/reconciler.h"
#include "model/docker.h"
#include "model/network.h"
#include "store/store.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace drawbridge {

class Driver {
 public:
  /// kernel and store outlive the object.
  Driver(Kernel& kernel, Store& store) : kernel_(kernel), store_(store), reconciler_(kernel) {}

  /// Fills memory from the store, then makes the kernel agree. Once, before the first call.
  ///
  /// returns  a line for each repair
  /// errors   store   not readable
  Result<std::vector<std::string>> start();

  /// Looks again at what others can take away: rules, links, addresses of every network.
  ///
  /// returns  a line for each repair
  std::vector<std::string> reconcile();

  /// errors  invalid_argument, unsupported   an option; nothing was done
  ///         already_exists   the network exists with other content, or its bridge's name is taken
  ///         exhausted        too many networks
  ///         kernel, store    nothing is left behind
  Result<void> create_network(NetworkRequest request);

  /// Forgets the network with its endpoints and retires their links. Unknown is success.
  Result<void> delete_network(NetworkId const& id);

  /// returns  the endpoint's MAC address: the given one or one that follows from its address
  /// errors   not_found        no such network
  ///          already_exists   an endpoint of that id is there and differs
  ///          exhausted        the bridge has no port left
  ///          store            nothing is left behind
  Result<MacAddress> create_endpoint(Endpoint endpoint, std::optional<MacAddress> mac);

  /// Makes the veth pair and wires it. Repeating it repeats the answer.
  ///
  /// errors  not_found       no such network or endpoint
  ///         kernel, store   nothing is left behind
  Result<JoinReply> join(NetworkId const& network, EndpointId const& endpoint);

  /// Forgets the endpoint and retires its veth pair: by now the engine has taken the container's
  /// end out of the sandbox. Unknown is success.
  Result<void> delete_endpoint(NetworkId const& network, EndpointId const& endpoint);

  /// Takes over what Docker says that there is: all networks, whoever serves them.
  ///
  /// returns  a line for each change of policy that followed
  std::vector<std::string> learn_networks(std::vector<KnownNetwork> networks);
  /// Takes over one network that is new or renamed.
  std::vector<std::string> learn_network(KnownNetwork const& network);
  /// Takes over what the container of an endpoint is.
  std::vector<std::string> learn_member(EndpointId const& endpoint, NetworkId const& network,
                                        ContainerMarks const& marks);

  /// returns  whether a network names a peer by its name
  bool wants_networks() const;
  /// returns  whether the network's policy depends on what its members are
  bool wants_marks(NetworkId const& network) const;

  /// returns  the network that has this subnet
  std::optional<NetworkId> network_with(IpPrefix const& subnet) const;
  /// returns  nothing when the endpoint is not known
  std::optional<Endpoint> endpoint(NetworkId const& network, EndpointId const& id) const;

  std::size_t network_count() const { return networks_.size(); }
  std::size_t endpoint_count() const;

 private:
  struct Entry {
    Network network;
    std::map<EndpointId, Endpoint> endpoints;
  };

  Result<Entry*> find(NetworkId const& id);
  Result<void> check_new(Network const& network) const;
  Result<void> load();
  KernelState wanted() const;
  Error undo(Error reason, KernelState const& applied, KernelState const& before);

  Kernel& kernel_;
  Store& store_;
  Reconciler reconciler_;
  std::map<NetworkId, Entry> networks_;
};

}  // namespace drawbridge
