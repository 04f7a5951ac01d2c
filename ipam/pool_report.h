// How full the pools are, and the text that says so when one is needed: the same counts for
// `drawbridge pools explain` and for the error of a network that gets no subnet. Pure.
#pragma once

#include "base/result.h"
#include "model/pool.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// One family of one pool. Each of its subnets counts once, by the first of these that holds:
/// leased, kept back, on a host route, free.
struct PoolReport {
  std::string name;
  Family family = Family::ipv4;
  std::vector<IpPrefix> prefixes;
  int length = 0;  // of the subnets that it is cut into
  std::string overflow;
  bool is_default = false;

  AddressBits total = 0;
  AddressBits leased = 0;          // in whole or in part, or on a bridge of drawbridge's
  AddressBits kept_back = 0;       // public, and refuse_public is set
  AddressBits on_host_routes = 0;  // what the pool's policy steps around
  std::optional<IpPrefix> next;    // what the next request is given

  std::vector<HostRoute> routes;      // those stepped around
  std::optional<HostRoute> wide;      // one that holds a whole prefix and is not stepped around
  std::optional<IpPrefix> wide_over;  // that prefix

  AddressBits free() const { return total - leased - kept_back - on_host_routes; }

  bool operator==(PoolReport const&) const = default;
};

/// returns  "10.249.7.0/24 routed through interface tun0"
std::string text_of(HostRoute const& route);

/// chain    the pools that were tried, in this order, at least one
/// others   the pools that the user could name
/// returns  one line that says why each of the chain has nothing, and what to do
Error exhausted_error(std::vector<PoolReport> const& chain,
                      std::vector<std::string_view> const& others);

}  // namespace drawbridge
