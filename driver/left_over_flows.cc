#include "driver/left_over_flows.h"

#include <iterator>
#include <optional>

namespace drawbridge {

void LeftOverFlows::add(NetworkRequest const& network) {
  for (Subnet const& subnet : network.subnets) {
    subnets_.emplace(subnet.prefix.first(), subnet.prefix);
    if (subnet.gateway) {
      held_.insert(*subnet.gateway);
    }
  }
}

void LeftOverFlows::add(Endpoint const& member) {
  for (std::optional<IpPrefix> const& address : {member.ipv4, member.ipv6}) {
    if (address) {
      held_.insert(address->address);
    }
  }
}

bool LeftOverFlows::contain(Flow const& flow) const {
  return is_nobodys(flow.source) || is_nobodys(flow.translated_destination);
}

bool LeftOverFlows::is_nobodys(IpAddress const& address) const {
  auto const after = subnets_.upper_bound(address);
  return after != subnets_.begin() && std::prev(after)->second.contains(address) &&
         !held_.contains(address);
}

}  // namespace drawbridge
