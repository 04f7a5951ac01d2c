#include "netlink/nft/inet_rule.h"
#include "netlink/nft/rule.h"
#include "netlink/nft/ruleset.h"
#include "netlink/nft/skeleton.h"

#include <linux/netfilter.h>

namespace drawbridge {
namespace {

// ---- chain postrouting: the source address that others see --------------------------------------

// iifname @nets oifname != @nets meta nfproto ipv4 counter snat ip to iifname map @host4
void postrouting_translates4(NftBatch& batch) {
  inet_rule("postrouting", "outbound traffic of a network that has an address for it")
      .in({Part::iifname}, nft_set::nets)
      .not_in({Part::oifname}, nft_set::nets)
      .family_is(Family::ipv4)
      .counter()
      .snat_to_mapped(Family::ipv4, nft_set::host4)
      .append_to(batch);
}

// iifname @nets oifname != @nets meta nfproto ipv6 counter snat ip6 to iifname map @host6
void postrouting_translates6(NftBatch& batch) {
  inet_rule("postrouting", "outbound traffic of a network that has an address for it")
      .in({Part::iifname}, nft_set::nets)
      .not_in({Part::oifname}, nft_set::nets)
      .family_is(Family::ipv6)
      .counter()
      .snat_to_mapped(Family::ipv6, nft_set::host6)
      .append_to(batch);
}

// iifname @masquerade4 oifname != @nets meta nfproto ipv4 counter masquerade
void postrouting_masquerades4(NftBatch& batch) {
  inet_rule("postrouting", "outbound traffic carries this host's address")
      .in({Part::iifname}, nft_set::masquerade4)
      .not_in({Part::oifname}, nft_set::nets)
      .family_is(Family::ipv4)
      .counter()
      .masquerade()
      .append_to(batch);
}

// iifname @masquerade6 oifname != @nets meta nfproto ipv6 counter masquerade
void postrouting_masquerades6(NftBatch& batch) {
  inet_rule("postrouting", "outbound traffic carries this host's address")
      .in({Part::iifname}, nft_set::masquerade6)
      .not_in({Part::oifname}, nft_set::nets)
      .family_is(Family::ipv6)
      .counter()
      .masquerade()
      .append_to(batch);
}

// ip saddr 127.0.0.0/8 oifname @nets counter masquerade
void postrouting_hides_loopback(NftBatch& batch) {
  inet_rule("postrouting", "this host at its own published ports by 127.0.0.1")
      .saddr_within({IpAddress{Family::ipv4, 127U << 24}, 8})
      .in({Part::oifname}, nft_set::nets)
      .counter()
      .masquerade()
      .append_to(batch);
}

// Frames that br_netfilter shows here came by no interface.
// ip saddr . ip daddr @itself4 ct status dnat counter masquerade, and the same for ip6
void postrouting_hides_a_member_from_itself(NftBatch& batch) {
  inet_rule("postrouting", "a member at its own published port")
      .in({Part::ip_saddr, Part::ip_daddr}, nft_set::itself4)
      .ct_dnat()
      .counter()
      .masquerade()
      .append_to(batch);
  inet_rule("postrouting", "a member at its own published port")
      .in({Part::ip6_saddr, Part::ip6_daddr}, nft_set::itself6)
      .ct_dnat()
      .counter()
      .masquerade()
      .append_to(batch);
}

// Else the sibling would answer by the bridge, from an address that nobody asked.
// iifname . oifname @turns ct status dnat counter masquerade
void postrouting_hides_siblings(NftBatch& batch) {
  inet_rule("postrouting", "a member at a sibling's published port, by way of the gateway")
      .in({Part::iifname, Part::oifname}, nft_set::turns)
      .ct_dnat()
      .counter()
      .masquerade()
      .append_to(batch);
}

// A member's way out may be another network, or nowhere, and Docker may drop what comes to its own
// containers unasked; at the gateway the answer is expected.
// iifname . ip saddr . ip daddr @proxied4 ct status ! dnat counter masquerade, and the same for ip6
void postrouting_hides_proxies(NftBatch& batch) {
  inet_rule("postrouting", "proxies come as the gateway, which every member can answer")
      .in({Part::iifname, Part::ip_saddr, Part::ip_daddr}, nft_set::proxied4)
      .ct_not_dnat()
      .counter()
      .masquerade()
      .append_to(batch);
  inet_rule("postrouting", "proxies come as the gateway, which every member can answer")
      .in({Part::iifname, Part::ip6_saddr, Part::ip6_daddr}, nft_set::proxied6)
      .ct_not_dnat()
      .counter()
      .masquerade()
      .append_to(batch);
}

// oifname @nets meta nfproto ipv4 counter snat ip to ip saddr
void postrouting_settles4(NftBatch& batch) {
  inet_rule("postrouting", "a connection that is settled passes by longer chains of others")
      .in({Part::oifname}, nft_set::nets)
      .family_is(Family::ipv4)
      .counter()
      .snat_to_saddr(Family::ipv4)
      .append_to(batch);
}

// oifname @nets meta nfproto ipv6 counter snat ip6 to ip6 saddr
void postrouting_settles6(NftBatch& batch) {
  inet_rule("postrouting", "a connection that is settled passes by longer chains of others")
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
  postrouting_hides_loopback(batch);
  postrouting_hides_a_member_from_itself(batch);
  postrouting_hides_siblings(batch);
  postrouting_hides_proxies(batch);
  postrouting_settles4(batch);
  postrouting_settles6(batch);
}

}  // namespace drawbridge
