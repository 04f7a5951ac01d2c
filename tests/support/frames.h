// Ethernet frames as a hostile container makes them, and whether they arrive.
#pragma once

#include "model/address.h"

#include <cstdint>
#include <string>

namespace drawbridge {

struct Party;

/// The bytes of a frame, from the destination's address on.
using Frame = std::string;

inline constexpr std::uint8_t icmpv6_router_advertisement = 134;
inline constexpr std::uint8_t icmpv6_neighbor_solicitation = 135;
inline constexpr std::uint8_t icmpv6_neighbor_advertisement = 136;
inline constexpr std::uint8_t icmpv6_redirect = 137;

/// Who sends a frame, as the frame says; it goes to everybody.
struct Sender {
  MacAddress mac;
  IpAddress address;
};

/// An ARP reply that `said` has the address of `sender`, in a frame of sender.mac.
Frame arp_reply(Sender const& sender, MacAddress const& said);
Frame udp_frame(Sender const& sender, std::uint16_t from_port);
/// An ICMPv6 message with an address behind its first eight bytes.
Frame icmpv6_frame(Sender const& sender, std::uint8_t type, IpAddress const& target);
/// A frame of another protocol.
Frame frame_of_type(MacAddress const& sender, std::uint16_t ether_type);

/// The frame with a tag of VLAN 1. source: IEEE 802.1Q
Frame tagged(Frame const& frame);

/// Sends the frame from eth0 of `from`.
///
/// returns  true when it arrives at eth0 of `to`
bool arrives(Party const& from, Party const& to, Frame const& frame);
/// returns  true when it has not arrived after a while; needs a control that does
bool is_dropped(Party const& from, Party const& to, Frame const& frame);

}  // namespace drawbridge
