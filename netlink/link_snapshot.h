// Everything that rtnetlink says of all links, read at once. Internal to netlink/.
#pragma once

#include "netlink/route_socket.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {

/// All links and addresses of one look, and what each index stands for.
struct LinkSnapshot {
  std::vector<Link> links;
  std::map<std::uint32_t, std::string> names;
  std::map<std::uint32_t, std::set<IpPrefix>> addresses;
  std::map<std::uint32_t, std::set<MacAddress>> static_macs;

  /// returns  empty where there is none
  std::string name_at(std::uint32_t index) const;
};

Result<LinkSnapshot> take_snapshot(RouteSocket& socket);

}  // namespace drawbridge
