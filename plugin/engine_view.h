// What the Docker API tells beyond the requests, where the configuration names its socket: how
// networks and containers are called and what they are, for policies that name them, and which
// networks, endpoints and leases it has no more although it never said so.
//
// All on the core thread. Without a socket nothing is asked, and everything else works.
#pragma once

#include "driver/driver.h"
#include "ipam/ipam.h"
#include "plugin/commit_group.h"
#include "plugin/container_names.h"
#include "plugin/docker_worker.h"
#include "plugin/gone_watch.h"

#include <chrono>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {

/// From one look at Docker to the next.
struct LookPauses {
  std::chrono::milliseconds calm{30'000};
  std::chrono::milliseconds suspicious{10'000};  // while something of ours is missing there
};

class EngineView {
 public:
  /// All but `pauses` outlive the object.
  EngineView(Driver& driver, Ipam& ipam, CommitGroup& group, LookPauses pauses = {})
      : driver_(driver), ipam_(ipam), group_(group), pauses_(pauses) {}

  /// Shows every look to `see` before anything else is made of it, and looks again soon while that
  /// returns true. For these looks networks that `doubts` names are asked for by a call each, too.
  /// Before start().
  ///
  /// doubts  is called on another thread
  void show_looks_to(std::function<bool(DockerInventory const&)> see, Doubts doubts) {
    see_ = std::move(see);
    see_doubts_ = std::move(doubts);
  }

  /// Begins to ask. What the engine does not have at two successive looks is released from now on;
  /// names hold as `store` knows them until it answers.
  ///
  /// errors  store   not readable
  Result<void> start(std::filesystem::path socket, Store& store, DockerWorker::Post post_to_core);
  /// Asks no more.
  void stop();

  /// Says that the engine asked for, changed or released something: it has yet to be missing at two
  /// looks from now on.
  void touched(NetworkId const& network, EndpointId const& endpoint);
  void touched(PoolId const& pool);
  void touched(PoolId const& pool, IpAddress const& address);

  /// Asks for the name of a network that was just created.
  void created(NetworkId const& network);

  /// Says that networks of others may have come or gone.
  void networks_changed();

  /// Asks for the names of an endpoint that was just joined, and for what its container is where
  /// the policy of its network depends on that.
  void joined(NetworkId const& network, EndpointId const& endpoint);

  /// Fills in how containers are called, which takes 300 ms at most. Not at all without a socket.
  void name_containers(PublishRequest& request);

  /// Asks for the same as joined() where that is not known yet: what is published of an endpoint
  /// may make its network depend on it.
  void published(NetworkId const& network, EndpointId const& endpoint);

  /// Asks once more what the members are whose networks treat them by it: other options may ask
  /// another question.
  void ask_marks();

  /// Forgets the name of a network that is gone.
  void deleted(NetworkId const& network);

  /// When the engine answered first and last, as far as anything came of it.
  struct Heard {
    std::chrono::steady_clock::time_point first;
    std::chrono::steady_clock::time_point last;
  };
  std::optional<Heard> const& heard() const { return heard_; }

  /// returns  "shop", empty while it is not known
  std::string name_of(NetworkId const& network) const;
  /// returns  "shop (0123456789ab)", or "0123456789ab" while the name is not known
  std::string title(NetworkId const& network) const;
  /// returns  the name of the endpoint's container as Docker told it last, empty while not known
  std::string container_of(NetworkId const& network, EndpointId const& endpoint) const;

 private:
  void hear();
  void take(std::optional<DockerInventory> const& look);
  void show(DockerInventory const& look);
  bool take(std::vector<KnownNetwork> networks);
  Holdings holdings() const;
  void look_in(std::chrono::milliseconds pause);
  void look_if_idle();
  void release(Gone const& gone, bool is_ours);
  bool shows_ours(DockerInventory const& look) const;
  void release(NetworkId const& network);
  void touch_created();
  void release(Leftovers const& leftovers);
  bool has_network(PoolId const& pool) const;
  void learn(DockerInventory const& look);
  void forget_names();
  void learn(KnownNetwork const& network);
  void learn(EndpointName const& name);
  void find_name(NetworkId const& network, EndpointId const& endpoint);
  void find_missing_marks(NetworkId const& network, DockerEndpoint const& seen);

  Driver& driver_;
  Ipam& ipam_;
  CommitGroup& group_;
  LookPauses pauses_;
  std::function<bool(DockerInventory const&)> see_;
  Doubts see_doubts_;
  GoneWatch gone_;
  std::optional<Heard> heard_;
  bool is_looking_ = false;  // a look is under way or to come
  std::map<NetworkId, std::string> network_names_;
  std::map<std::pair<NetworkId, EndpointId>, std::string> endpoint_names_;  // of their containers
  std::map<NetworkId, std::chrono::steady_clock::time_point> created_;      // when, and asked for
  std::set<NetworkId> inhabited_;  // that would be released but for their containers; said
  std::optional<ContainerNames> container_names_;
  std::optional<DockerWorker> worker_;  // ends before what it reports to
};

}  // namespace drawbridge
