// Connections whose container is gone: those that an earlier daemon did not come to forget before
// it died. Pure.
//
// Were they kept, the next container of the address would get what the other side still sends. Only
// addresses in subnets of ours are judged, and of those only the ones that no member has.
// source: docs/adr/0007-apply-then-commit.md
#pragma once

#include "model/network.h"
#include "netlink/flow.h"

#include <map>
#include <set>

namespace drawbridge {

class LeftOverFlows {
 public:
  /// Every network there is; subnets do not overlap.
  void add(NetworkRequest const& network);
  /// Every member that has joined.
  void add(Endpoint const& member);

  /// returns  true where one end is an address that nobody has
  bool contain(Flow const& flow) const;

 private:
  bool is_nobodys(IpAddress const& address) const;

  std::map<IpAddress, IpPrefix> subnets_;  // by their first address
  std::set<IpAddress> held_;               // by members, and by this host as a gateway
};

}  // namespace drawbridge
