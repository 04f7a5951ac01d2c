// Networks and endpoints: what the NetworkDriver methods do.
//
// Creating applies to the kernel, then stores, then answers: a crash in between leaves a marked
// link that the next start removes, and the engine never got a yes. Deleting stores first: the
// engine forgets the object whatever we answer, so a crash must not leave us believing in it.
// source: docs/PROTOCOL.md "Network driver"; docs/adr/0007-apply-then-commit.md
#pragma once

#include "driver/flow_judge.h"
#include "driver/listing.h"
#include "driver/network_directory.h"
#include "driver/peer_index.h"
#include "driver/port_index.h"
#include "driver/port_pool.h"
#include "driver/port_taking.h"
#include "driver/reconciler.h"
#include "driver/repair.h"
#include "model/docker.h"
#include "model/network.h"
#include "model/proxy_route.h"
#include "ports/host_ports.h"
#include "store/store.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {

struct DriverSettings {
  std::map<std::string, std::string> defaults;  // option values for networks that set none
  bool asks_docker = false;                     // somebody calls learn_networks() and the like
};

/// What is to be published of an endpoint, and what Docker tells of its container.
struct PublishRequest {
  NetworkId network;
  EndpointId endpoint;
  std::vector<PortRequest> ports;
  std::optional<Family> only = {};                       // the other's way out is another endpoint
  std::optional<std::string> container = {};             // its name
  std::optional<std::set<std::string>> containers = {};  // names of all there are, running or not
};

class Driver {
 public:
  /// kernel, store and ports outlive the object.
  Driver(Kernel& kernel, Store& store, HostPorts& ports, DriverSettings settings = {})
      : kernel_(kernel),
        store_(store),
        ports_(ports),
        reconciler_(kernel),
        settings_(std::move(settings)) {}

  /// Fills memory from the store, then makes the kernel agree. Once, before the first call.
  ///
  /// returns  a line for each thing that was brought into line
  /// errors   store   not readable
  Result<std::vector<std::string>> start();

  /// Leaves as they are the links and elements of networks that the store does not know: all that
  /// was observed. Before start().
  void keep(KernelState observed);
  /// returns  what is kept; networks that are known again or gone are not among it
  KernelState const& kept() const { return kept_; }
  /// Keeps nothing any more: the next reconcile() takes away what is not known.
  void drop_kept() { kept_ = {}; }

  /// Takes over the networks and endpoints that the store has and start() did not find there, and
  /// holds their ports. To be followed by reconcile().
  ///
  /// returns  a line for each host port that could not be held
  /// errors   store   not readable
  Result<std::vector<std::string>> load_rebuilt();

  /// Looks again at what others can take away, and repairs it: rules, elements, links, addresses.
  /// Goes on past single failures.
  ///
  /// returns  what was wrong
  std::vector<Repair> reconcile();

  /// Puts back only what others took from our tables or from the accept rules beside Docker's, and
  /// brings uplinks and name servers up to date. Costs one short look when nothing changed.
  ///
  /// returns  what was wrong
  std::vector<Repair> mend();

  /// Looks at the same as reconcile(), and changes nothing.
  ///
  /// errors  kernel   it cannot be looked at
  Result<std::vector<Repair>> what_differs();

  /// Takes other settings over: what follows for the networks that there are changes in one
  /// transaction of the rules, and flows that are no longer allowed are cut.
  ///
  /// returns  a line for each network that has another policy now
  std::vector<std::string> configure(DriverSettings settings);

  /// Takes over which networks Docker lists: all of them, or one. Policies that name one of them
  /// follow.
  ///
  /// returns  a line for each change of a policy
  std::vector<std::string> learn_networks(std::vector<KnownNetwork> networks);
  std::vector<std::string> learn_network(KnownNetwork network);

  /// Takes over what Docker says of the container behind an endpoint.
  ///
  /// returns  a line when its place in its network changed
  std::vector<std::string> learn_member(EndpointId const& id, NetworkId const& network,
                                        ContainerMarks const& marks);

  /// Takes over which proxies reach which endpoints without being in their network: all of them.
  /// What leads to an endpoint that is not known waits for it. What is withdrawn loses its
  /// connections.
  ///
  /// returns  a line for each change
  std::vector<std::string> learn_routes(std::set<ProxyRoute> routes);

  /// returns  true while a network names others by their names: Docker has to be asked for changes
  bool wants_networks() const { return !peers_.is_empty(); }
  /// returns  true for a network that treats members by their names or labels, or shows them by
  ///          their names because they have published ports
  bool wants_marks(NetworkId const& network) const;
  /// returns  the endpoints that this is about
  std::vector<std::pair<NetworkId, EndpointId>> endpoints_that_want_marks() const;

  /// errors  invalid_argument, unsupported   an option; nothing was done
  ///         already_exists   the network exists with other content, or its bridge's name is taken
  ///         exhausted        too many networks
  ///         kernel, store    nothing is left behind
  Result<void> create_network(NetworkRequest request);

  /// returns  what whoever made networks since the last call should know, a line each
  std::vector<std::string> take_warnings() { return std::exchange(warnings_, {}); }

  /// Forgets the network with its endpoints and retires their links. Unknown is success.
  Result<void> delete_network(NetworkId const& id);

  /// returns  the endpoint's MAC address: the given one or one that follows from its address
  /// errors   not_found        no such network
  ///          invalid_argument the gateway's MAC address
  ///          already_exists   an endpoint of that id is there and differs
  ///          exhausted        the bridge has no port left
  ///          store            nothing is left behind
  Result<MacAddress> create_endpoint(Endpoint endpoint, std::optional<MacAddress> mac);

  /// Makes the veth pair and wires it. Repeating it repeats the answer.
  ///
  /// sandbox  what the endpoints of one container have in common; empty: not known
  ///
  /// errors  not_found       no such network or endpoint
  ///         kernel, store   nothing is left behind
  Result<JoinReply> join(NetworkId const& network_id, EndpointId const& id,
                         std::string const& sandbox = {});

  /// Publishes these ports, and one of the network's own range if it has one, in place of what was
  /// published of the endpoint. What goes on as it was keeps its ports.
  ///
  /// returns  what is in force now
  /// errors   not_found         no such network or endpoint
  ///          already_exists    a host port is taken; the text says which and by whom
  ///          exhausted         the network's range is used up
  ///          invalid_argument  an address that this host does not have
  ///          kernel, store     on any error what was published before still is
  Result<std::vector<PublishedPort>> publish(PublishRequest const& request);

  /// Takes back what is published of the endpoint. Unknown is success.
  Result<void> unpublish(NetworkId const& network_id, EndpointId const& id);

  /// returns  true for a network whose members get a port of its range: publish() wants to know
  ///          how containers are called
  bool gives_ports(NetworkId const& network) const;

  /// returns  every network, by id
  std::vector<NetworkListing> networks() const;
  /// returns  every endpoint, by the id of its network and its own
  std::vector<EndpointListing> endpoints() const;
  /// returns  every published port, by host port
  std::vector<PortListing> published_ports() const;

  /// Does what need not be done before a reply: connections of what was taken back, or of what was
  /// there before, are forgotten; after a start also those that the daemon before left over.
  ///
  /// returns  a line for each failure, and for each host port that is not held from now on
  std::vector<std::string> settle();
  /// returns  true while connections wait to be forgotten
  bool is_unsettled() const { return flows_may_be_left_over_ || !to_forget_.empty(); }

  /// Tries the host ports again that others had. That costs as much as their publishing did.
  ///
  /// returns  a line for each that is held from now on
  std::vector<std::string> hold_again();
  /// returns  true while host ports wait to be free
  bool lacks_ports() const { return !troubles_.empty(); }

  /// Forgets the endpoint and retires its veth pair: by now the engine has taken the container's
  /// end out of the sandbox. Unknown is success.
  Result<void> delete_endpoint(NetworkId const& network_id, EndpointId const& id);

  /// returns  the network that has this subnet
  std::optional<NetworkId> network_with(IpPrefix const& subnet) const;
  /// returns  true while a container runs in it: one end of a pair is here, the other is not; and
  ///          where the kernel does not tell
  bool is_inhabited(NetworkId const& network) const;
  /// returns  nothing when the endpoint is not known
  std::optional<Endpoint> endpoint(NetworkId const& network, EndpointId const& id) const;

  /// Shows every network with what its options mean, by id.
  void each_network(std::function<void(Network const&)> const& visit) const;
  /// returns  another number once a network came, went or means something else
  std::uint64_t networks_generation() const { return networks_generation_; }

  /// returns  all endpoints of all networks, networks without any too
  std::map<NetworkId, std::set<EndpointId>> endpoint_ids() const;
  std::size_t network_count() const { return networks_.size(); }
  std::size_t endpoint_count() const;

 private:
  struct Entry {
    Network network;
    std::map<EndpointId, Endpoint> endpoints;
  };

  /// What an endpoint is to become by publish() and unpublish().
  struct Publication {
    Endpoint after;
    std::optional<PortLease> lease = {};  // that is new
  };

  /// What publish() has so far.
  struct Taken {
    Publication& publication;
    PortTaking& taking;
  };

  Result<Entry*> find(NetworkId const& id);
  Endpoint* find(NetworkId const& network, EndpointId const& id);
  Result<NetworkSpec> spec_of(NetworkRequest const& request) const;
  Result<Network> make_network(NetworkRequest request) const;
  Result<void> check_new(Network const& network) const;
  Result<void> check_bridge(std::string const& bridge) const;
  Result<void> check_team(std::string const& team) const;
  Result<void> load();
  void let_go_of_known();
  Result<void> remove_kept(KernelState const& gone);
  Result<void> delete_unknown(NetworkId const& id);
  Result<void> delete_unknown(EndpointId const& id);
  void warn_of_ports(Network const& network);
  void enter(Network network);
  void leave(NetworkId const& id);
  KernelState wanted() const;
  KernelState state_of(Network const& network) const;
  KernelState state_of(Entry const& entry, Endpoint const& endpoint) const;
  void add_in_common(KernelState& state, Entry const& entry, Endpoint const* changed) const;
  std::set<NetworkId> that_name(NetworkId const& id) const;
  std::set<NetworkId> that_name(std::vector<KnownNetwork> const& networks) const;
  std::set<Element> permissions_of(std::set<NetworkId> const& networks) const;
  std::vector<std::string> follow(std::vector<KnownNetwork> const& changed,
                                  std::function<Result<void>()> const& learn);
  void cut_flows(std::vector<std::string>& report);
  std::string say_route(ProxyRoute const& route, bool is_open) const;
  std::set<Element> elements_of(std::set<ProxyRoute> const& routes);
  std::vector<std::string> say_changes(std::set<ProxyRoute> const& before);
  std::set<ProxyRoute> known_routes();
  std::set<std::pair<IpAddress, IpAddress>> routed_pairs();
  void forget_flows_of_withdrawn(std::set<ProxyRoute> const& before,
                                 std::vector<std::string>& report);
  void drop_routes_to(Endpoint const& gone);
  void withdraw_routes_at(Endpoint const& next);
  bool shares_number(Entry const& entry, EndpointId const& endpoint,
                     std::string const& project) const;
  Result<void> change_place(Entry const& entry, Endpoint& endpoint, Endpoint const& placed);
  bool wants_marks(Entry const& entry, Endpoint const& endpoint) const;

  Result<void> load_port_leases();
  std::vector<Endpoint*> other_ways_out(EndpointId const& id);
  Result<void> leave_family(Endpoint& endpoint, Family family);
  Result<PublishRequest> share_families(PublishRequest request);
  tl::unexpected<Error> give_back(Endpoint const& endpoint, PortTaking& taking, Error reason);
  Result<void> take_and_publish(Entry& entry, Endpoint& endpoint, PublishRequest const& request);
  Result<Publication> take_ports(Entry const& entry, Endpoint const& endpoint,
                                 PublishRequest const& request, PortTaking& taking) const;
  Result<void> take_settled(Network const& network, Endpoint const& endpoint,
                            std::vector<PublishedPort> const& ports, PortTaking& taking) const;
  Result<PublishedPort> take_open(PublishedPort const& port, Network const& network,
                                  Endpoint const& after, PortTaking& taking) const;
  Result<PublishedPort> take_pooled(PublishedPort const& port, Network const& network,
                                    PublishRequest const& request, Taken taken) const;
  std::vector<std::uint16_t> without_published(std::vector<std::uint16_t> candidates,
                                               PublishedPort port, Endpoint const& after) const;
  std::string container_of(PublishRequest const& request, Endpoint const& endpoint) const;
  PoolView pool_of(PortRange const& range, PublishRequest const& request) const;
  Error no_port_left(PublishedPort const& pool) const;
  Error already_published(PublishedPort const& port, PortOwner const& owner) const;
  std::string title_of(NetworkId const& network, EndpointId const& id) const;
  Result<void> put_in_force(Entry& entry, Endpoint& endpoint, Publication const& publication);
  Result<void> save(Publication const& publication);
  Result<void> take_back(PortLease const& lease);
  void let_go(Endpoint const& endpoint, std::vector<PublishedPort> const& gone);
  void forget_flows_of(Endpoint const& endpoint);
  void forget_older_flows(std::vector<PublishedPort> const& taken);
  void forget_left_over_flows(std::vector<std::string>& report);
  void forget_flows(std::vector<std::string>& report);
  void forget_flows_before(Endpoint const& next);
  void forget_flows_while_known(Entry const& gone);
  void release_ports(Endpoint const& gone);
  std::vector<Endpoint> published_without_pair();
  bool free_ports_of_gone();
  void drop_ports_of_gone(std::vector<std::string>& report);
  void free_ports_at(Entry& entry, Endpoint const& next);
  std::string say_freed(Endpoint const& gone, Result<void> const& freed) const;
  void forget_absent(PublishRequest const& request);
  std::map<std::string, std::string> telling_options(Network const& network) const;
  void add_listings(std::vector<PortListing>& ports, Entry const& entry,
                    Endpoint const& endpoint) const;
  void hold_ports(Entry const& entry, std::vector<std::string>& report);
  void hold_ports(Network const& network, Endpoint const& endpoint,
                  std::vector<std::string>& report);
  std::optional<std::string> note(Endpoint const& endpoint, PublishedPort const& port,
                                  Result<void> const& held);
  void remove_leases(std::vector<std::string>& report);
  Error undo(Error reason, KernelState const& applied, KernelState const& before);

  Kernel& kernel_;
  Store& store_;
  HostPorts& ports_;
  Reconciler reconciler_;
  DriverSettings settings_;
  std::map<NetworkId, Entry> networks_;
  std::uint64_t networks_generation_ = 1;
  KernelState kept_;
  NetworkDirectory directory_;
  PeerIndex peers_;
  std::set<ProxyRoute> routes_;  // of endpoints that are not known, too
  PortIndex published_;
  std::map<NetworkId, PortLeases> leases_;
  std::map<EndpointId, std::string> sandboxes_;  // of those that joined while we ran
  std::map<std::pair<EndpointId, PublishedPort>, std::string> troubles_;  // ports that are not held
  std::vector<std::string> warnings_;
  // What settle() is to do and to tell.
  std::vector<std::string> hold_report_;
  std::vector<FlowPattern> to_forget_;
  bool flows_may_be_left_over_ = false;  // by the daemon before this one
  std::vector<PortLease> leases_to_remove_;
};

}  // namespace drawbridge
