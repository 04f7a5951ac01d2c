// Serving after the state file was lost: what the kernel has is kept as it is until Docker has told
// what it belongs to.
//
// All on the core thread. source: docs/adr/0029-rebuilding-state.md
#pragma once

#include "docker/inventory.h"
#include "driver/driver.h"
#include "ipam/ipam.h"
#include "model/docker.h"
#include "netlink/kernel.h"
#include "plugin/looks.h"
#include "plugin/rebuild.h"
#include "store/store.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace drawbridge {

struct RebuildSettings {
  std::string driver;         // as engines call us
  std::string docker_socket;  // empty: Docker is not asked
  std::map<std::string, std::string> defaults;
};

class Rebuilding {
 public:
  /// What it works on; all outlive the object.
  struct Parts {
    Driver& driver;
    Ipam& ipam;
    Store& store;
    Kernel& kernel;
    Looks& looks;
  };

  explicit Rebuilding(Parts parts) : parts_(parts) {}

  /// Where the store awaits its rebuild, has the driver keep what the kernel has. Before
  /// Driver::start().
  ///
  /// lost     what became of the file that could not be used
  /// returns  whether anything is to be rebuilt
  /// errors   store    not readable or writable
  ///          kernel   it cannot be looked at
  Result<bool> start(RebuildSettings settings, std::optional<LostState> const& lost);

  /// Rebuilds what a look at Docker tells of. Once all is there that two looks tell of, the rest of
  /// what is ours in the kernel is nobody's, and goes. No group is open.
  ///
  /// returns  true while another look is wanted
  bool take(DockerInventory const& look);

  /// returns  the question which networks a look has to show whole: all of ours. After start()
  Doubts doubts() const;

  /// Says what the engine removed meanwhile: a look that is under way may still have it.
  ///
  /// path, body  of a request that was done
  void removed(std::string_view path, std::string_view body);

  /// returns  true while requests may be about what is not rebuilt yet
  bool is_pending() const { return is_pending_; }

  /// returns  `error`, with what to do about it where the loss is its reason
  Error explain(Error error) const;

 private:
  void log_kept(KernelState const& kept) const;
  std::string remedy() const;
  Result<RebuildGround> ground() const;
  Result<Rebuilt> rebuild_from(DockerInventory const& look);
  DockerInventory without_gone(DockerInventory look) const;
  Result<void> store(Rebuilt const& rebuilt, DockerInventory const& look);
  Result<void> store_all(Rebuilt const& rebuilt, DockerInventory const& look);
  Result<void> learn(Rebuilt const& rebuilt);
  void log_failures(std::vector<std::string> const& failures);
  bool agree();
  Result<void> end();

  Parts parts_;
  RebuildSettings settings_;
  bool is_pending_ = false;
  bool has_rebuilt_ = false;    // anything, so that the engine is ours
  std::set<std::string> gone_;  // ids of networks, endpoints and pools
  std::set<std::pair<PoolId, IpAddress>> gone_addresses_;
  std::set<std::string> told_;               // failures
  std::optional<std::set<NetworkId>> last_;  // what the last look did not know of
};

}  // namespace drawbridge
