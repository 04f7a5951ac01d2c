// Builds one nftables rule, phrase by phrase, so that building it reads like `nft list` prints it.
// Internal to netlink/.
//
// A phrase loads something of the packet into registers and compares it; the packet goes on to the
// next phrase only when that matched. source: nft(8), include/uapi/linux/netfilter/nf_tables.h
#pragma once

#include "base/handle.h"

#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace drawbridge {

class NftBatch;

/// Where a rule is: NFPROTO_INET, "drawbridge", "forward".
struct ChainName {
  std::uint16_t family;
  std::string table;
  std::string chain;

  bool operator==(ChainName const&) const = default;
};

class NftRule {
 public:
  /// comment  shown by `nft list`; empty for none
  NftRule(ChainName place, std::string const& comment);

  // iifname @SET, oifname @SET, oifname != @SET, iifname . oifname vmap @MAP
  NftRule& iifname_in(char const* set);
  NftRule& oifname_in(char const* set);
  NftRule& oifname_not_in(char const* set);
  NftRule& iifname_oifname_vmap(char const* map);

  // iifname "PREFIX*", oifname "PREFIX*"; iifname "NAME", oifname "NAME"; iifname != "NAME"
  NftRule& iifname_starts_with(std::string_view prefix);
  NftRule& oifname_starts_with(std::string_view prefix);
  NftRule& iifname_is(std::string_view name);
  NftRule& oifname_is(std::string_view name);
  NftRule& iifname_is_not(std::string_view name);
  /// meta oifkind "KIND": the kind of link, as `ip -d link` prints it
  NftRule& oifkind_is(std::string_view kind);

  // ip daddr @SET, ip6 daddr @SET
  NftRule& ip_daddr_in(char const* set);
  NftRule& ip6_daddr_in(char const* set);
  /// fib daddr . iif type != local: the address is none of the interface that the packet came by
  NftRule& daddr_not_local_to_iif();
  /// icmpv6 type TYPE
  NftRule& icmpv6_type_is(std::uint8_t type);

  /// ct state established,related
  NftRule& ct_established_or_related();
  /// ct status ! dnat: nobody translated the destination of this connection
  NftRule& ct_not_dnat();

  /// -m comment --comment TEXT, as iptables stores it
  NftRule& xt_comment(std::string_view text);

  NftRule& counter();
  NftRule& accept();
  NftRule& drop();
  NftRule& masquerade();

  /// Puts the rule behind the last rule of its chain.
  ///
  /// flags  NLM_F_ECHO: the answer to the transaction repeats the rule, with its handle
  void append_to(NftBatch& batch, std::uint16_t flags = 0) const;
  /// Puts the rule before the rule of this handle.
  void insert_before(std::uint64_t handle, NftBatch& batch, std::uint16_t flags = 0) const;

 private:
  NftRule& load_meta(std::uint32_t key, std::uint32_t reg);
  NftRule& load_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t bytes);
  NftRule& load_ct(std::uint32_t key);
  NftRule& mask(std::uint32_t bits);
  NftRule& compare(std::uint32_t op, void const* data, std::size_t bytes);
  NftRule& compare_name(std::uint32_t op, std::string_view name, std::size_t bytes);
  NftRule& compare_byte(std::uint8_t value);
  NftRule& lookup(char const* set, std::uint32_t flags);
  NftRule& verdict(std::uint32_t code);
  void write(NftBatch& batch, std::uint16_t flags) const;

  ChainName place_;
  Handle<nftnl_rule, nftnl_rule_free> rule_;
};

}  // namespace drawbridge
