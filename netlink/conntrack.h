// Makes the kernel forget connections: what a policy no longer allows must not live on because it
// was allowed once.
//
// Needs NET_ADMIN in the network namespace, and nothing else.
#pragma once

#include "base/result.h"
#include "netlink/flow.h"

#include <cstddef>
#include <functional>
#include <vector>

namespace drawbridge {

/// Looks at every connection of both families, then forgets those that `is_to_be_cut` says yes to;
/// their next packet is judged as that of a new one. One that ended meanwhile is no error, and one
/// that came in its place is left alone, unless the kernel made it in the very same memory: then
/// both have one id, and it is judged anew, too.
///
/// returns  how many were forgotten
/// errors   kernel   no conntrack, or no right to it; some may be forgotten already
Result<std::size_t> cut_flows(std::function<bool(Flow const&)> const& is_to_be_cut);

/// Forgets the connections that one of the patterns means, like cut_flows(). Where that is cheaper
/// the kernel chooses what it lists (since 5.8; IPv6 by protocol and port only): few patterns and
/// many connections. Else, or where it cannot, every connection is looked at once.
///
/// returns  how many were forgotten
/// errors   kernel   no conntrack, or no right to it; some may be forgotten already
Result<std::size_t> forget_flows(std::vector<FlowPattern> const& patterns);

}  // namespace drawbridge
