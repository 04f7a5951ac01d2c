// A connection as conntrack keeps it: who opened it, to whom, and where it really goes.
//
// source: linux/netfilter/nfnetlink_conntrack.h
#pragma once

#include "model/address.h"
#include "model/policy.h"

#include <cstdint>
#include <optional>

namespace drawbridge {

/// In the direction in which it was opened. Ports are those of TCP, UDP, SCTP, DCCP and UDP-Lite; 0
/// where the protocol has none.
struct Flow {
  IpAddress source;
  IpAddress destination;             // as the opener sent it
  IpAddress translated_destination;  // where it really goes: the source of the replies
  std::uint8_t protocol = 0;         // IANA "protocol-numbers"
  std::uint16_t destination_port = 0;
  std::uint16_t translated_port = 0;
  bool destination_is_translated = false;  // nft(8) says "ct status dnat"

  bool operator==(Flow const&) const = default;
};

/// Which connections are meant: those that agree with every field that is there.
struct FlowPattern {
  std::optional<IpAddress> party;  // who opened it, or where it really goes
  std::optional<std::uint8_t> protocol;
  std::optional<IpAddress> destination;  // as the opener sent it
  std::optional<PortRange> destination_ports;
  /// Only what ends at this host itself: nobody translated it, and its destination is an address of
  /// this host, which forget_flows() looks up and matches() does not.
  bool ends_here = false;
  /// Where it really goes: less than `party`, which may have opened it.
  std::optional<IpAddress> end = {};

  bool operator==(FlowPattern const&) const = default;
};

bool matches(FlowPattern const& pattern, Flow const& flow);

}  // namespace drawbridge
