// A socket filter ready to be attached, once loaded to as many sockets as there are.
//
// The kernel makes a program of its own for each socket that a classic filter is attached to, which
// costs 15 us and a page. For many sockets a process that may load programs does so once, which
// costs 65 us.
#pragma once

#include "base/file_descriptor.h"
#include "base/result.h"
#include "ports/socket_filter.h"

#include <cstddef>
#include <vector>

namespace drawbridge {

class PortFilter {
 public:
  /// passing  sources whose packets the sockets see; they may see more where the kernel has no room
  ///          for all of them, so whoever reads from them looks again
  /// sockets  how many there will be
  explicit PortFilter(std::vector<IpPrefix> const& passing, std::size_t sockets = 1);

  /// Replaces what is attached, at no moment letting through what neither would.
  ///
  /// errors  kernel   no memory
  Result<void> attach(int socket) const;

 private:
  std::vector<IpPrefix> passing_;
  SocketFilter filter_;
  FileDescriptor program_;  // closed where each socket gets its own
};

}  // namespace drawbridge
