// The parts of a packet that rules look at, and where each is. Internal to netlink/nft/.
//
// source: nft(8), include/uapi/linux/netfilter/nf_tables.h
#pragma once

#include "model/address.h"

#include <cstdint>

namespace drawbridge {

/// What a rule looks at of a packet, as nft(8) calls it. Several are a key together.
enum class Part : std::uint8_t {
  iifname,
  oifname,
  iifgroup,
  l4proto,      // meta l4proto
  dport,        // th dport
  ether_saddr,  // of the frame
  ether_daddr,
  ip_saddr,
  ip_daddr,
  ip6_saddr,
  ip6_daddr,
  arp_saddr_ether,        // arp saddr ether: what an ARP message says of its sender
  arp_saddr_ip,           // arp saddr ip
  nd_target,              // @th,64,128: the target of a neighbour advertisement
  ct_original_ip_daddr,   // where the connection's first packet went, before any translation
  ct_original_ip6_daddr,  //
};

/// Where a part is, and in which company.
struct PartShape {
  enum class Source : std::uint8_t { meta, link_header, network_header, transport_header, ct };
  /// The header that must be there for a part to mean what it says.
  enum class Header : std::uint8_t { any, ethernet, ipv4, ipv6, arp };

  Source source;
  std::uint32_t at;  // a key of meta or ct, an offset in the header
  std::uint32_t bytes;
  Header header = Header::any;
};

PartShape shape_of(Part part);

/// returns  the header that a payload expression counts from: NFT_PAYLOAD_*
std::uint32_t payload_base(PartShape::Source source);

/// returns  NFPROTO_IPV4, NFPROTO_IPV6
std::uint8_t nfproto_of(Family family);

}  // namespace drawbridge
