// Hears of what others do to nftables, and of nothing that we do. Internal to netlink/.
//
// The events of one transaction share a buffer and bear the port of the socket that committed it:
// the kernel itself drops ours before they are queued. source: nft_commit_notify of the kernel
#pragma once

#include "base/handle.h"
#include "base/result.h"

#include <libmnl/libmnl.h>

#include <cstdint>
#include <vector>

namespace drawbridge {

/// Since the last time that somebody asked.
struct NftNews {
  bool any = false;   // somebody changed a table
  bool ours = false;  // one of our name, or perhaps: the kernel had to leave events out
};

class NftMonitor {
 public:
  /// own_port  NftSocket::port()
  /// errors    kernel   no nf_tables, or no right to listen
  static Result<NftMonitor> open(std::uint32_t own_port);

  /// Never waits.
  NftNews take();

  /// returns  what is readable while there is news. Only to wait on.
  int descriptor() const { return mnl_socket_get_fd(socket_.get()); }

 private:
  explicit NftMonitor(mnl_socket* socket);

  Handle<mnl_socket, mnl_socket_close> socket_;
  std::vector<char> buffer_;
};

}  // namespace drawbridge
