#include "netlink/nft/part.h"

#include <cassert>
#include <cstddef>

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/udp.h>

namespace drawbridge {
namespace {

using Source = PartShape::Source;
using Header = PartShape::Header;

/// An ARP message between Ethernet and IPv4. source: RFC 826
constexpr std::uint32_t arp_saddr_ether_offset = sizeof(arphdr);
constexpr std::uint32_t arp_saddr_ip_offset = arp_saddr_ether_offset + ETH_ALEN;
/// source: RFC 4861, 4.4
constexpr std::uint32_t nd_target_offset = 8;

}  // namespace

PartShape shape_of(Part part) {
  switch (part) {
    case Part::iifname:
      return {Source::meta, NFT_META_IIFNAME, IFNAMSIZ};
    case Part::oifname:
      return {Source::meta, NFT_META_OIFNAME, IFNAMSIZ};
    case Part::iifgroup:
      return {Source::meta, NFT_META_IIFGROUP, 4};
    case Part::l4proto:
      return {Source::meta, NFT_META_L4PROTO, 1};
    case Part::dport:
      return {Source::transport_header, offsetof(udphdr, dest), 2};
    case Part::ether_saddr:
      return {Source::link_header, offsetof(ethhdr, h_source), ETH_ALEN, Header::ethernet};
    case Part::ether_daddr:
      return {Source::link_header, offsetof(ethhdr, h_dest), ETH_ALEN, Header::ethernet};
    case Part::ip_saddr:
      return {Source::network_header, offsetof(iphdr, saddr), sizeof(in_addr), Header::ipv4};
    case Part::ip_daddr:
      return {Source::network_header, offsetof(iphdr, daddr), sizeof(in_addr), Header::ipv4};
    case Part::ip6_saddr:
      return {Source::network_header, offsetof(ipv6hdr, saddr), sizeof(in6_addr), Header::ipv6};
    case Part::ip6_daddr:
      return {Source::network_header, offsetof(ipv6hdr, daddr), sizeof(in6_addr), Header::ipv6};
    case Part::arp_saddr_ether:
      return {Source::network_header, arp_saddr_ether_offset, ETH_ALEN, Header::arp};
    case Part::arp_saddr_ip:
      return {Source::network_header, arp_saddr_ip_offset, sizeof(in_addr), Header::arp};
    case Part::nd_target:
      return {Source::transport_header, nd_target_offset, sizeof(in6_addr)};
    case Part::ct_original_ip_daddr:
      return {Source::ct, NFT_CT_DST_IP, sizeof(in_addr)};
    case Part::ct_original_ip6_daddr:
      return {Source::ct, NFT_CT_DST_IP6, sizeof(in6_addr)};
  }
  assert(false);
  return {};
}

std::uint32_t payload_base(Source source) {
  switch (source) {
    case Source::link_header:
      return NFT_PAYLOAD_LL_HEADER;
    case Source::network_header:
      return NFT_PAYLOAD_NETWORK_HEADER;
    default:
      return NFT_PAYLOAD_TRANSPORT_HEADER;
  }
}

std::uint8_t nfproto_of(Family family) {
  return family == Family::ipv4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

}  // namespace drawbridge
