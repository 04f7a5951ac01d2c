// Builds one nftables rule, phrase by phrase, so that building it reads like `nft list` prints it.
// Internal to netlink/.
//
// A phrase loads something of the packet into registers and compares it; the packet goes on to the
// next phrase only when that matched. source: nft(8), include/uapi/linux/netfilter/nf_tables.h
#pragma once

#include "base/handle.h"
#include "model/address.h"
#include "model/policy.h"
#include "netlink/nft/part.h"

#include <libnftnl/rule.h>

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <linux/netfilter/nf_tables.h>

namespace drawbridge {

class NftBatch;

/// Where a rule is: NFPROTO_INET, "drawbridge", "forward".
struct ChainName {
  std::uint16_t family;
  std::string table;
  std::string chain;

  bool operator==(ChainName const&) const = default;
};

/// Of a key, in order.
using KeyParts = std::initializer_list<Part>;

class NftRule {
 public:
  /// comment  shown by `nft list`; empty for none
  NftRule(ChainName place, std::string const& comment);

  // PART . PART @SET, PART . PART != @SET, PART . PART vmap @MAP
  NftRule& in(KeyParts key, char const* set);
  NftRule& not_in(KeyParts key, char const* set);
  NftRule& vmap(KeyParts key, char const* map);
  /// update @SET { PART . PART limit rate over N/second burst B packets }: matches what is more
  /// than the limit of its element, which it makes
  NftRule& update_over(KeyParts key, char const* set, ConnLimit const& limit);

  // iifname "PREFIX*", oifname "PREFIX*", iifname != "PREFIX*"; iifname "NAME", oifname "NAME",
  // iifname != "NAME"
  NftRule& iifname_starts_with(std::string_view prefix);
  NftRule& oifname_starts_with(std::string_view prefix);
  NftRule& iifname_does_not_start_with(std::string_view prefix);
  NftRule& iifname_is(std::string_view name);
  NftRule& oifname_is(std::string_view name);
  NftRule& iifname_is_not(std::string_view name);
  /// meta iifkind "KIND", meta oifkind "KIND": the kind of link, as `ip -d link` prints it
  NftRule& iifkind_is(std::string_view kind);
  NftRule& oifkind_is(std::string_view kind);

  /// ether type TYPE: ETH_P_IP, ETH_P_IPV6, ETH_P_ARP
  NftRule& ether_type_is(std::uint16_t type);
  /// meta nfproto ipv4, meta nfproto ipv6
  NftRule& family_is(Family family);
  /// meta l4proto PROTOCOL: IPPROTO_ICMP
  NftRule& l4proto_is(std::uint8_t protocol);
  /// ip daddr PREFIX, ip6 daddr PREFIX; ip saddr PREFIX, ip6 saddr PREFIX
  NftRule& daddr_within(IpPrefix const& prefix);
  NftRule& saddr_within(IpPrefix const& prefix);
  /// ip6 saddr ::
  NftRule& ip6_saddr_is_unspecified();
  /// udp sport PORT
  NftRule& udp_sport_is(std::uint16_t port);
  /// fib daddr type != local: the address is none of this host
  NftRule& daddr_is_not_local();
  /// fib daddr . iif type != local: the address is none of the interface that the packet came by
  NftRule& daddr_not_local_to_iif();
  /// fib saddr . iif oif exists: a reply would leave by the interface that the packet came by
  NftRule& saddr_reached_by_iif();
  /// icmpv6 type TYPE
  NftRule& icmpv6_type_is(std::uint8_t type);

  /// tcp flags ! syn
  NftRule& tcp_without_syn();

  /// ct state new
  NftRule& ct_new();
  /// ct state established,related
  NftRule& ct_established_or_related();
  /// ct status dnat, ct status ! dnat: somebody, or nobody, translated the connection's destination
  NftRule& ct_dnat();
  NftRule& ct_not_dnat();
  /// ct status confirmed: an earlier packet of the connection was let through
  NftRule& ct_confirmed();

  /// -m comment --comment TEXT, as iptables stores it
  NftRule& xt_comment(std::string_view text);

  NftRule& counter();
  NftRule& accept();
  NftRule& drop();
  /// return: on behind the jump that led into this chain
  NftRule& return_to_caller();
  NftRule& jump(char const* chain);
  NftRule& go_to(char const* chain);
  NftRule& masquerade();
  /// dnat ip to PART . PART map @MAP, dnat ip6 to PART . PART map @MAP: into an address and a port,
  /// or into an address, with the port that the packet has
  NftRule& dnat_to_target(KeyParts key, Family family, char const* map);
  NftRule& dnat_to_mapped(KeyParts key, Family family, char const* map);
  /// snat ip to iifname map @MAP, snat ip6 to iifname map @MAP
  NftRule& snat_to_mapped(Family family, char const* map);
  /// snat ip to ip saddr, snat ip6 to ip6 saddr: translated into what it is
  NftRule& snat_to_saddr(Family family);

  /// Puts the rule behind the last rule of its chain.
  ///
  /// flags  NLM_F_ECHO: the answer to the transaction repeats the rule, with its handle
  void append_to(NftBatch& batch, std::uint16_t flags = 0) const;
  /// Puts the rule before the rule of this handle.
  void insert_before(std::uint64_t handle, NftBatch& batch, std::uint16_t flags = 0) const;

 private:
  NftRule& load_meta(std::uint32_t key, std::uint32_t reg);
  NftRule& load_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t bytes,
                        std::uint32_t reg = NFT_REG_1);
  NftRule& load_ct(std::uint32_t key);
  NftRule& load_original(std::uint32_t key, std::uint32_t reg);
  NftRule& load(Part part, std::uint32_t reg);
  NftRule& load_key(KeyParts key);
  NftRule& require_header_of(Part part);
  NftRule& protocol_is(std::uint16_t ether_type);
  NftRule& within(Part part, IpPrefix const& prefix);
  NftRule& daddr_type_is_not(std::uint32_t type, std::uint32_t flags);
  NftRule& mask(void const* bits, std::size_t bytes);
  NftRule& mask(std::uint32_t bits) { return mask(&bits, sizeof bits); }
  NftRule& compare(std::uint32_t op, void const* data, std::size_t bytes);
  NftRule& compare_name(std::uint32_t op, std::string_view name, std::size_t bytes);
  NftRule& compare_byte(std::uint8_t value);
  NftRule& lookup(char const* set, std::uint32_t flags);
  NftRule& lookup_into(std::uint32_t reg, char const* map);
  NftRule& verdict(std::uint32_t code, char const* chain = nullptr);
  NftRule& snat(Family family);
  void write(NftBatch& batch, std::uint16_t flags) const;

  ChainName place_;
  Handle<nftnl_rule, nftnl_rule_free> rule_;
};

}  // namespace drawbridge
