// Whether a connection that is established could begin now: what a changed policy asks about the
// flows that conntrack lets pass. Pure.
//
// The table judges only packets that open a connection; whoever lost a permission keeps what it
// opened until the entry is cut. What is in doubt here is cut: its next packet is judged by the
// table, and a connection that may go on does. source: docs/firewall.md
#pragma once

#include "driver/network_directory.h"
#include "netlink/kernel.h"

#include <map>
#include <set>
#include <string>
#include <utility>

namespace drawbridge {

class FlowJudge {
 public:
  /// networks    ours, by bridge; they and `directory` outlive the object
  /// routed      the address of a proxy, and that of a member which it reaches
  FlowJudge(std::map<std::string, Network const*> networks, NetworkDirectory const& directory,
            std::set<std::pair<IpAddress, IpAddress>> routed = {});

  /// returns  false where a network of ours keeps the flow out, or in
  bool allows(Flow const& flow) const;

 private:
  std::string const* bridge_at(IpAddress const& address) const;
  Network const* network_at(std::string const* bridge) const;
  bool are_peers(std::string const& from, Network const* source, Network const& destination,
                 Flow const& flow) const;

  std::map<std::string, Network const*> networks_;
  NetworkDirectory const& directory_;
  std::set<std::pair<IpAddress, IpAddress>> routed_;
  std::map<IpAddress, std::pair<IpAddress, std::string>> subnets_;  // first to last and bridge
};

}  // namespace drawbridge
