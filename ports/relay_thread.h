// The thread that relays what the kernel cannot translate. Calls come from the core thread; values
// cross by move.
#pragma once

#include "base/result.h"
#include "ports/relay_limits.h"
#include "ports/relayed_port.h"

#include <memory>

namespace drawbridge {

class RelayThread {
 public:
  /// errors  kernel   no sockets or no thread to be had
  static Result<std::unique_ptr<RelayThread>> start(RelayLimits limits);
  /// Ends all that is relayed.
  ~RelayThread();

  /// Relays a TCP or UDP mapping, or changes what is relayed of it; its sockets stay the same.
  void serve(RelayedPort port);

  /// Ends what is relayed of the mapping. Returns once its sockets may be closed, which takes no
  /// longer than what the thread is just doing. Unknown is success.
  void forget(PublishedPort const& port);

 private:
  class Impl;
  explicit RelayThread(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace drawbridge
