#include "netlink/nft/inet_rule.h"
#include "netlink/nft/rule.h"
#include "netlink/nft/ruleset.h"
#include "netlink/nft/skeleton.h"

#include <linux/in.h>
#include <linux/netfilter.h>

namespace drawbridge {
namespace {

// ---- chain inbound: into one of our networks, and nobody invited it -----------------------------

// ip saddr . oifname . meta l4proto . th dport @from_address4 fib saddr . iif oif exists counter
// accept
void inbound_accepts_addresses4(NftBatch& batch) {
  inet_rule("inbound", "addresses that a network lets in, where they come from")
      .in({Part::ip_saddr, Part::oifname, Part::l4proto, Part::dport}, nft_set::from_address4)
      .saddr_reached_by_iif()
      .counter()
      .accept()
      .append_to(batch);
}

// ip6 saddr . oifname . meta l4proto . th dport @from_address6 fib saddr . iif oif exists counter
// accept
void inbound_accepts_addresses6(NftBatch& batch) {
  inet_rule("inbound", "addresses that a network lets in, where they come from")
      .in({Part::ip6_saddr, Part::oifname, Part::l4proto, Part::dport}, nft_set::from_address6)
      .saddr_reached_by_iif()
      .counter()
      .accept()
      .append_to(batch);
}

// ct status dnat goto published
void inbound_judges_published(NftBatch& batch) {
  inet_rule("inbound", "published ports").ct_dnat().go_to("published").append_to(batch);
}

// iifname @nets counter drop
void inbound_keeps_networks_apart(NftBatch& batch) {
  inet_rule("inbound", "networks are apart")
      .in({Part::iifname}, nft_set::nets)
      .counter()
      .drop()
      .append_to(batch);
}

// meta iifkind "bridge" iifname != @uplinks counter drop
void inbound_keeps_foreign_bridges_out(NftBatch& batch) {
  inet_rule("inbound", "and apart from those of others")
      .iifkind_is("bridge")
      .not_in({Part::iifname}, nft_set::uplinks)
      .counter()
      .drop()
      .append_to(batch);
}

// meta nfproto ipv4 oifname @open4 counter accept
void inbound_accepts_open4(NftBatch& batch) {
  inet_rule("inbound", "networks that are open to the outside")
      .family_is(Family::ipv4)
      .in({Part::oifname}, nft_set::open4)
      .counter()
      .accept()
      .append_to(batch);
}

// meta nfproto ipv6 oifname @open6 counter accept
void inbound_accepts_open6(NftBatch& batch) {
  inet_rule("inbound", "networks that are open to the outside")
      .family_is(Family::ipv6)
      .in({Part::oifname}, nft_set::open6)
      .counter()
      .accept()
      .append_to(batch);
}

// oifname @routed4 meta l4proto icmp counter accept
void inbound_accepts_ping_routed4(NftBatch& batch) {
  inet_rule("inbound", "routed networks answer to ping")
      .in({Part::oifname}, nft_set::routed4)
      .l4proto_is(IPPROTO_ICMP)
      .counter()
      .accept()
      .append_to(batch);
}

// oifname @routed6 meta l4proto ipv6-icmp counter accept
void inbound_accepts_ping_routed6(NftBatch& batch) {
  inet_rule("inbound", "routed networks answer to ping")
      .in({Part::oifname}, nft_set::routed6)
      .l4proto_is(IPPROTO_ICMPV6)
      .counter()
      .accept()
      .append_to(batch);
}

// oifname @routed4 ip daddr . meta l4proto . th dport @routed_ports4 goto published
void inbound_judges_routed_ports4(NftBatch& batch) {
  inet_rule("inbound", "published ports of routed networks")
      .in({Part::oifname}, nft_set::routed4)
      .in({Part::ip_daddr, Part::l4proto, Part::dport}, nft_set::routed_ports4)
      .go_to("published")
      .append_to(batch);
}

// oifname @routed6 ip6 daddr . meta l4proto . th dport @routed_ports6 goto published
void inbound_judges_routed_ports6(NftBatch& batch) {
  inet_rule("inbound", "published ports of routed networks")
      .in({Part::oifname}, nft_set::routed6)
      .in({Part::ip6_daddr, Part::l4proto, Part::dport}, nft_set::routed_ports6)
      .go_to("published")
      .append_to(batch);
}

// counter drop
void inbound_drops_the_rest(NftBatch& batch) {
  inet_rule("inbound", "nobody else comes in").counter().drop().append_to(batch);
}

}  // namespace

// In the order in which the kernel tries them.
void append_inbound_rules(NftBatch& batch) {
  inbound_accepts_addresses4(batch);
  inbound_accepts_addresses6(batch);
  inbound_judges_published(batch);
  inbound_keeps_networks_apart(batch);
  inbound_keeps_foreign_bridges_out(batch);
  inbound_accepts_open4(batch);
  inbound_accepts_open6(batch);
  inbound_accepts_ping_routed4(batch);
  inbound_accepts_ping_routed6(batch);
  inbound_judges_routed_ports4(batch);
  inbound_judges_routed_ports6(batch);
  inbound_drops_the_rest(batch);
}

}  // namespace drawbridge
