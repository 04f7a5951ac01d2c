// The thread that relays what the kernel cannot translate. Calls come from the core thread and wait
// for it, which takes no longer than what the thread is just doing: what they return from is so.
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

  /// Ends what is relayed of the mapping; its sockets may be closed then. Unknown is success.
  void forget(PublishedPort const& port);

 private:
  class Impl;
  explicit RelayThread(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace drawbridge
