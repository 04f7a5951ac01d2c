// The phrases of a rule that compare something; rule.cc has what they are made of, and the
// verdicts.
#include "netlink/nft/expression.h"
#include "netlink/nft/rule.h"

#include <array>
#include <cstddef>
#include <utility>

#include <arpa/inet.h>
#include <linux/icmpv6.h>
#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <linux/udp.h>

namespace drawbridge {
namespace {

/// An address as it stands in a packet.
struct NetworkOrder {
  std::array<std::uint8_t, sizeof(in6_addr)> bytes{};
  std::size_t size;

  explicit NetworkOrder(IpAddress const& address)
      : size(static_cast<std::size_t>(bits_of(address.family)) / 8) {
    for (std::size_t i = 0; i < size; ++i) {
      bytes[i] = static_cast<std::uint8_t>(address.bits >> (8 * (size - 1 - i)));
    }
  }
};

}  // namespace

NftRule& NftRule::in(KeyParts key, char const* set) {
  return load_key(key).lookup(set, 0);
}

NftRule& NftRule::not_in(KeyParts key, char const* set) {
  return load_key(key).lookup(set, NFT_LOOKUP_F_INV);
}

NftRule& NftRule::vmap(KeyParts key, char const* map) {
  return load_key(key).lookup_into(NFT_REG_VERDICT, map);
}

NftRule& NftRule::update_over(KeyParts key, char const* set, ConnLimit const& limit) {
  constexpr std::uint64_t a_second = 1;
  Expression over("limit");
  over.set_u64(NFTNL_EXPR_LIMIT_RATE, limit.per_second)
      .set_u64(NFTNL_EXPR_LIMIT_UNIT, a_second)
      .set(NFTNL_EXPR_LIMIT_BURST, limit.burst)
      .set(NFTNL_EXPR_LIMIT_TYPE, std::uint32_t{NFT_LIMIT_PKTS})
      .set(NFTNL_EXPR_LIMIT_FLAGS, std::uint32_t{NFT_LIMIT_F_INV});
  load_key(key);
  Expression("dynset")
      .set(NFTNL_EXPR_DYNSET_SREG_KEY, std::uint32_t{NFT_REG_1})
      .set(NFTNL_EXPR_DYNSET_SET_NAME, set)
      .set(NFTNL_EXPR_DYNSET_OP, std::uint32_t{NFT_DYNSET_OP_UPDATE})
      .add(std::move(over))
      .add_to(rule_.get());
  return *this;
}

NftRule& NftRule::iifname_starts_with(std::string_view prefix) {
  return load_meta(NFT_META_IIFNAME, NFT_REG_1).compare_name(NFT_CMP_EQ, prefix, prefix.size());
}

NftRule& NftRule::oifname_starts_with(std::string_view prefix) {
  return load_meta(NFT_META_OIFNAME, NFT_REG_1).compare_name(NFT_CMP_EQ, prefix, prefix.size());
}

NftRule& NftRule::iifname_does_not_start_with(std::string_view prefix) {
  return load_meta(NFT_META_IIFNAME, NFT_REG_1).compare_name(NFT_CMP_NEQ, prefix, prefix.size());
}

// With the NUL behind it, as iptables does; it lists a comparison of 16 bytes in another form.
NftRule& NftRule::iifname_is(std::string_view name) {
  return load_meta(NFT_META_IIFNAME, NFT_REG_1).compare_name(NFT_CMP_EQ, name, name.size() + 1);
}

NftRule& NftRule::oifname_is(std::string_view name) {
  return load_meta(NFT_META_OIFNAME, NFT_REG_1).compare_name(NFT_CMP_EQ, name, name.size() + 1);
}

NftRule& NftRule::iifname_is_not(std::string_view name) {
  return load_meta(NFT_META_IIFNAME, NFT_REG_1).compare_name(NFT_CMP_NEQ, name, IFNAMSIZ);
}

NftRule& NftRule::iifkind_is(std::string_view kind) {
  return load_meta(NFT_META_IIFKIND, NFT_REG_1).compare_name(NFT_CMP_EQ, kind, IFNAMSIZ);
}

NftRule& NftRule::oifkind_is(std::string_view kind) {
  return load_meta(NFT_META_OIFKIND, NFT_REG_1).compare_name(NFT_CMP_EQ, kind, IFNAMSIZ);
}

NftRule& NftRule::ether_type_is(std::uint16_t type) {
  std::uint16_t const value = htons(type);
  return load_payload(NFT_PAYLOAD_LL_HEADER, offsetof(ethhdr, h_proto), sizeof value)
      .compare(NFT_CMP_EQ, &value, sizeof value);
}

NftRule& NftRule::family_is(Family family) {
  return load_meta(NFT_META_NFPROTO, NFT_REG_1).compare_byte(nfproto_of(family));
}

NftRule& NftRule::l4proto_is(std::uint8_t protocol) {
  return load_meta(NFT_META_L4PROTO, NFT_REG_1).compare_byte(protocol);
}

NftRule& NftRule::daddr_within(IpPrefix const& prefix) {
  return within(prefix.family() == Family::ipv4 ? Part::ip_daddr : Part::ip6_daddr, prefix);
}

NftRule& NftRule::saddr_within(IpPrefix const& prefix) {
  return within(prefix.family() == Family::ipv4 ? Part::ip_saddr : Part::ip6_saddr, prefix);
}

NftRule& NftRule::within(Part part, IpPrefix const& prefix) {
  int const bits = bits_of(prefix.family());
  NetworkOrder const first(prefix.first());
  load_key({part});
  if (prefix.length < bits) {
    NetworkOrder const ones(IpAddress{prefix.family(), ~AddressBits{0} << (bits - prefix.length)});
    mask(ones.bytes.data(), ones.size);
  }
  return compare(NFT_CMP_EQ, first.bytes.data(), first.size);
}

NftRule& NftRule::ip6_saddr_is_unspecified() {
  NetworkOrder const unspecified(IpAddress{Family::ipv6, 0});
  return load_key({Part::ip6_saddr})
      .compare(NFT_CMP_EQ, unspecified.bytes.data(), unspecified.size);
}

NftRule& NftRule::udp_sport_is(std::uint16_t port) {
  std::uint16_t const value = htons(port);
  return l4proto_is(IPPROTO_UDP)
      .load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(udphdr, source), sizeof value)
      .compare(NFT_CMP_EQ, &value, sizeof value);
}

/// flags  NFTA_FIB_F_*: what is looked up
NftRule& NftRule::daddr_type_is_not(std::uint32_t type, std::uint32_t flags) {
  Expression("fib")
      .set(NFTNL_EXPR_FIB_DREG, NFT_REG_1)
      .set(NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE)
      .set(NFTNL_EXPR_FIB_FLAGS, flags)
      .add_to(rule_.get());
  return compare(NFT_CMP_NEQ, &type, sizeof type);
}

NftRule& NftRule::daddr_is_not_local() {
  return daddr_type_is_not(RTN_LOCAL, NFTA_FIB_F_DADDR);
}

NftRule& NftRule::daddr_not_local_to_iif() {
  return daddr_type_is_not(RTN_LOCAL, NFTA_FIB_F_DADDR | NFTA_FIB_F_IIF);
}

NftRule& NftRule::saddr_reached_by_iif() {
  Expression("fib")
      .set(NFTNL_EXPR_FIB_DREG, NFT_REG_1)
      .set(NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_OIF)
      .set(NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF | NFTA_FIB_F_PRESENT)
      .add_to(rule_.get());
  std::uint32_t const exists = 1;
  return compare(NFT_CMP_EQ, &exists, sizeof exists);
}

NftRule& NftRule::icmpv6_type_is(std::uint8_t type) {
  if (place_.family != NFPROTO_BRIDGE) {
    family_is(Family::ipv6);
  }
  return l4proto_is(IPPROTO_ICMPV6)
      .load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(icmp6hdr, icmp6_type), sizeof type)
      .compare_byte(type);
}

NftRule& NftRule::tcp_without_syn() {
  constexpr std::size_t flags_offset = 13;  // RFC 9293, section 3.1
  constexpr std::uint8_t syn = 0x02;
  return l4proto_is(IPPROTO_TCP)
      .load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, flags_offset, sizeof syn)
      .mask(&syn, sizeof syn)
      .compare_byte(0);
}

NftRule& NftRule::ct_new() {
  std::uint32_t const none = 0;
  return load_ct(NFT_CT_STATE)
      .mask(NF_CT_STATE_BIT(IP_CT_NEW))
      .compare(NFT_CMP_NEQ, &none, sizeof none);
}

NftRule& NftRule::ct_established_or_related() {
  std::uint32_t const none = 0;
  return load_ct(NFT_CT_STATE)
      .mask(NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED))
      .compare(NFT_CMP_NEQ, &none, sizeof none);
}

NftRule& NftRule::ct_dnat() {
  std::uint32_t const none = 0;
  return load_ct(NFT_CT_STATUS).mask(IPS_DST_NAT).compare(NFT_CMP_NEQ, &none, sizeof none);
}

NftRule& NftRule::ct_not_dnat() {
  std::uint32_t const none = 0;
  return load_ct(NFT_CT_STATUS).mask(IPS_DST_NAT).compare(NFT_CMP_EQ, &none, sizeof none);
}

NftRule& NftRule::ct_confirmed() {
  std::uint32_t const none = 0;
  return load_ct(NFT_CT_STATUS).mask(IPS_CONFIRMED).compare(NFT_CMP_NEQ, &none, sizeof none);
}

}  // namespace drawbridge
