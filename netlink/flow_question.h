// What the kernel is asked so that it lists few connections instead of all: patterns as the filters
// that it has. Internal to this folder. Pure.
//
// A question may mean more connections than its pattern, never fewer: who asks judges each answer.
// The kernel compares IPv6 addresses the wrong way round (seen in 6.18, and so since 5.8), so no
// question names one.
// source: net/netfilter/nf_conntrack_netlink.c, ctnetlink_filter_match()
#pragma once

#include "netlink/flow.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>
#include <vector>

namespace drawbridge {

struct FlowQuestion {
  Family family = Family::ipv4;
  std::optional<IpAddress> source;        // these three are IPv4
  std::optional<IpAddress> destination;   // as the opener sent it
  std::optional<IpAddress> reply_source;  // where it really goes
  std::optional<std::uint8_t> protocol;
  std::optional<std::uint16_t> destination_port;  // with TCP and UDP only

  auto operator<=>(FlowQuestion const&) const = default;
};

/// returns  questions whose answers are, together, all that the patterns mean; two for a party
std::set<FlowQuestion> questions_of(std::vector<FlowPattern> const& patterns);

/// questions  that would be asked, each of which is a walk over the kernel's table
/// entries    of that table
/// returns    true where they cost less than one look at all entries
/// source     docs/adr/0025-the-kernel-chooses-connections.md
bool questions_pay(std::size_t questions, std::size_t entries);

}  // namespace drawbridge
