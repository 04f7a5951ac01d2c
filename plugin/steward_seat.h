// The steward's place in the daemon: what it is told of networks and endpoints, and what it has the
// driver and the store do. All on the core thread.
//
// Without a socket of the Docker API there is no steward, and nothing waits for one.
#pragma once

#include "driver/driver.h"
#include "plugin/attendance.h"
#include "plugin/commit_group.h"
#include "plugin/steward.h"
#include "store/store.h"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>
#include <vector>

namespace drawbridge {

class StewardSeat final : public Attendance {
 public:
  using Post = std::function<void(std::function<void()>)>;

  /// All outlive the object.
  StewardSeat(Driver& driver, Store& store, CommitGroup& group)
      : driver_(driver), store_(store), group_(group) {}

  /// Begins. Once, after the driver has started.
  ///
  /// post_to_core  runs a task on the core thread, from any thread
  /// errors        store   not readable
  Result<void> start(std::filesystem::path socket, AttachWishes wishes, Post post_to_core);
  /// Ends, once nobody waits for an answer any more.
  void stop() { steward_.reset(); }

  void configure(AttachWishes wishes);
  /// Tells the steward which networks there are, if that is news.
  void follow();

  void joined(NetworkId const& network, EndpointId const& endpoint,
              std::function<void()> done) override;
  void left(NetworkId const& network, EndpointId const& endpoint,
            std::function<void()> done) override;

 private:
  StewardHooks hooks(Post post_to_core);
  void learn(std::set<ProxyRoute> routes);
  Result<void> keep(Membership const& membership);
  void forget(Membership const& membership);

  Driver& driver_;
  Store& store_;
  CommitGroup& group_;
  std::uint64_t told_generation_ = 0;  // of the driver's networks
  std::optional<Steward> steward_;     // ends before what it reports to
};

/// returns  what the steward needs to know of each network
std::vector<OwnNetwork> own_networks(Driver const& driver);

}  // namespace drawbridge
