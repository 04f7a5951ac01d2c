#include "netlink/nft/rule.h"
#include "netlink/nft/ruleset.h"
#include "netlink/nft/skeleton.h"

#include <linux/netfilter.h>

namespace drawbridge {
namespace {

NftRule rule_in(char const* chain, char const* comment) {
  return NftRule({NFPROTO_INET, nft_table_name, chain}, comment);
}

// ---- chain postrouting: the source address that others see --------------------------------------

// iifname @nets oifname != @nets meta nfproto ipv4 counter snat ip to iifname map @host4
void postrouting_translates4(NftBatch& batch) {
  rule_in("postrouting", "outbound traffic of a network that has an address for it")
      .in({Part::iifname}, nft_set::nets)
      .not_in({Part::oifname}, nft_set::nets)
      .family_is(Family::ipv4)
      .counter()
      .snat_to_mapped(Family::ipv4, nft_set::host4)
      .append_to(batch);
}

// iifname @nets oifname != @nets meta nfproto ipv6 counter snat ip6 to iifname map @host6
void postrouting_translates6(NftBatch& batch) {
  rule_in("postrouting", "outbound traffic of a network that has an address for it")
      .in({Part::iifname}, nft_set::nets)
      .not_in({Part::oifname}, nft_set::nets)
      .family_is(Family::ipv6)
      .counter()
      .snat_to_mapped(Family::ipv6, nft_set::host6)
      .append_to(batch);
}

// iifname @masquerade4 oifname != @nets meta nfproto ipv4 counter masquerade
void postrouting_masquerades4(NftBatch& batch) {
  rule_in("postrouting", "outbound traffic carries this host's address")
      .in({Part::iifname}, nft_set::masquerade4)
      .not_in({Part::oifname}, nft_set::nets)
      .family_is(Family::ipv4)
      .counter()
      .masquerade()
      .append_to(batch);
}

// iifname @masquerade6 oifname != @nets meta nfproto ipv6 counter masquerade
void postrouting_masquerades6(NftBatch& batch) {
  rule_in("postrouting", "outbound traffic carries this host's address")
      .in({Part::iifname}, nft_set::masquerade6)
      .not_in({Part::oifname}, nft_set::nets)
      .family_is(Family::ipv6)
      .counter()
      .masquerade()
      .append_to(batch);
}

// oifname @nets meta nfproto ipv4 counter snat ip to ip saddr
void postrouting_settles4(NftBatch& batch) {
  rule_in("postrouting", "a connection that is settled passes by longer chains of others")
      .in({Part::oifname}, nft_set::nets)
      .family_is(Family::ipv4)
      .counter()
      .snat_to_saddr(Family::ipv4)
      .append_to(batch);
}

// oifname @nets meta nfproto ipv6 counter snat ip6 to ip6 saddr
void postrouting_settles6(NftBatch& batch) {
  rule_in("postrouting", "a connection that is settled passes by longer chains of others")
      .in({Part::oifname}, nft_set::nets)
      .family_is(Family::ipv6)
      .counter()
      .snat_to_saddr(Family::ipv6)
      .append_to(batch);
}

}  // namespace

// In the order in which the kernel tries them.
void append_nat_rules(NftBatch& batch) {
  postrouting_translates4(batch);
  postrouting_translates6(batch);
  postrouting_masquerades4(batch);
  postrouting_masquerades6(batch);
  postrouting_settles4(batch);
  postrouting_settles6(batch);
}

}  // namespace drawbridge
