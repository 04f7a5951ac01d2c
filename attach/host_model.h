// What there is on this host, kept current between two looks: from lists, from Docker's events, and
// from the driver's own Joins and Leaves. Pure.
//
// Three sources that are never in step. Lists are whole, but of a moment ago. Events come some
// milliseconds late, and do not name endpoints. Join and Leave come first and name the endpoint,
// but not the container. So what Joins and Leaves tell lies over the rest: an endpoint that joined
// is there until it leaves, and one that left never comes back, whatever list or event is older
// than that. Facts may come twice. source: docs/adr/0030; moby daemon/container_operations.go
#pragma once

#include "attach/host_view.h"
#include "attach/own.h"
#include "model/docker.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {

class HostModel {
 public:
  /// What lists tell.
  /// A full look. Environments that are known stay known.
  void looked(std::vector<DockerNetwork> const& networks, std::vector<Container> const& containers);
  /// One network, with its endpoints. Those of ours get their containers' names.
  void saw(DockerNetwork const& network);
  /// What a list told of one container; absent: it was not there.
  void listed(ContainerId const& id, std::optional<Container> const& container);
  /// What only inspecting tells: environment and network mode.
  void inspected(Container const& container);

  /// What events tell.
  void created(ContainerId const& id, std::string name, std::map<std::string, std::string> labels);
  void started(ContainerId const& id);
  void died(ContainerId const& id);
  void renamed(ContainerId const& id, std::string name);
  void destroyed(ContainerId const& id);
  void connected(NetworkId const& network, ContainerId const& id);
  void disconnected(NetworkId const& network, ContainerId const& id);
  void network_appeared(NetworkId const& id);
  void network_gone(NetworkId const& id);

  /// What the driver tells.
  void own_networks_are(std::vector<OwnNetwork> networks);
  void joined(OwnEndpoint endpoint);
  void left(EndpointId const& endpoint);
  /// Says whose endpoint it is, for one that joined.
  void is_of(EndpointId const& endpoint, ContainerId const& container);
  /// A container was taken off a network for good, running or not.
  void taken_off(NetworkId const& network, ContainerId const& container);

  /// returns  all of it, as attach/plan.h wants it
  HostView view() const;
  /// returns  whether the container has started: what still starts holds its lock
  bool has_started(ContainerId const& id) const;
  /// returns  whether it is known whose endpoint it is, and what he is; also of one that is gone
  bool is_understood(EndpointId const& endpoint) const;
  bool has_owner(EndpointId const& endpoint) const;

  /// What it would have to know:
  /// returns  containers whose environment or mode is unknown
  std::set<ContainerId> to_inspect() const;
  bool is_to_be_inspected(ContainerId const& id) const;
  /// proxies  names of containers whose addresses matter wherever they are
  /// returns  containers that run and whose endpoints are unknown where they matter: on networks
  ///          in `where`, and all those of `proxies`. Each once for each of its connections.
  std::set<ContainerId> to_list(std::set<std::string> const& proxies,
                                std::set<NetworkId> const& where) const;
  /// returns  networks that are known by their id only
  std::set<NetworkId> to_ask() const { return unknown_; }
  /// returns  names of containers that own endpoints and are not known
  std::set<std::string> to_find() const;

 private:
  struct Joined {
    OwnEndpoint endpoint;
    std::string name;                      // of the container; empty: not known
    std::optional<ContainerId> container;  // absent: not known
    int unseen = 0;                        // looks in a row that did not show it
  };

  void take_networks(std::vector<DockerNetwork> const& networks);
  void take(Container container);
  void compare_with_look(std::vector<Container> const& containers);
  void find_owners();
  Attachment& place(Container& container, NetworkId const& network);
  bool is_joined(NetworkId const& network, ContainerId const& container) const;
  bool is_asked_for(Attachment const& place, Container const& container) const;
  NetworkId id_of(Attachment const& place) const;
  Container composed(Container container) const;

  std::map<ContainerId, Container> containers_;  // as lists and events tell
  std::map<NetworkId, HostNetwork> networks_;    // as Docker tells
  std::map<NetworkId, OwnNetwork> own_;
  std::set<NetworkId> unknown_;
  std::map<EndpointId, Joined> joined_;
  std::set<EndpointId> gone_;          // endpoints that left; lists may still show them
  std::set<ContainerId> just_listed_;  // since their last connection
};

}  // namespace drawbridge
