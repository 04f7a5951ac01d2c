// A socket filter ready to be attached, once loaded to as many sockets as there are.
//
// Loading costs the kernel 15 us and a page. A process that may load programs does it once for all
// ports of a mapping; any other has the kernel do it for each socket.
#pragma once

#include "base/file_descriptor.h"
#include "base/result.h"
#include "ports/socket_filter.h"

#include <vector>

namespace drawbridge {

class PortFilter {
 public:
  /// passing  sources whose packets the socket sees; it may see more where the kernel has no room
  ///          for all of them, so whoever reads from it looks again
  explicit PortFilter(std::vector<IpPrefix> const& passing);

  /// Replaces what is attached, at no moment letting through what neither would.
  ///
  /// errors  kernel   no memory
  Result<void> attach(int socket) const;

 private:
  std::vector<IpPrefix> passing_;
  SocketFilter filter_;
  FileDescriptor program_;  // closed where this process may load none
};

}  // namespace drawbridge
