#include "netlink/nft/inet_rule.h"
#include "netlink/nft/rule.h"
#include "netlink/nft/ruleset.h"
#include "netlink/nft/skeleton.h"

#include <linux/netfilter.h>

namespace drawbridge {
namespace {

IpPrefix loopback4() {
  return {IpAddress{Family::ipv4, 127U << 24}, 8};
}

IpPrefix loopback6() {
  return {IpAddress{Family::ipv6, 1}, 128};
}

// ---- chain early: before connections are tracked ------------------------------------------------

// Our bridges let packets to 127.0.0.1 leave (route_localnet), and would let them in, too.
// ip daddr 127.0.0.0/8 iifname @nets counter drop
void early_guards_loopback(NftBatch& batch) {
  inet_rule("early", "127.0.0.1 is this host's own")
      .daddr_within(loopback4())
      .in({Part::iifname}, nft_set::nets)
      .counter()
      .drop()
      .append_to(batch);
}

// ip saddr 127.0.0.0/8 iifname @nets counter drop
void early_drops_forged_loopback(NftBatch& batch) {
  inet_rule("early", "127.0.0.1 is this host's own")
      .saddr_within(loopback4())
      .in({Part::iifname}, nft_set::nets)
      .counter()
      .drop()
      .append_to(batch);
}

// ---- chain prerouting: connections that come to this host ---------------------------------------

// fib daddr type != local return
void prerouting_spares_transit(NftBatch& batch) {
  inet_rule("prerouting", "what is for others is left as it is")
      .daddr_is_not_local()
      .return_to_caller()
      .append_to(batch);
}

// The kernel drops it for being on the wrong interface, unless it is translated before that.
// ip daddr 127.0.0.0/8 counter return
void prerouting_spares_loopback(NftBatch& batch) {
  inet_rule("prerouting", "nobody comes to 127.0.0.1 from outside")
      .daddr_within(loopback4())
      .counter()
      .return_to_caller()
      .append_to(batch);
}

// Sets of intervals are the slow ones: only members are looked up.
// iifname @nets iifname . ip daddr . meta l4proto . th dport @relayed4 counter return, and the same
// for ip6
void prerouting_spares_relayed(NftBatch& batch) {
  inet_rule("prerouting", "drawbridge relays it: its bridge would not pass it on")
      .in({Part::iifname}, nft_set::nets)
      .in({Part::iifname, Part::ip_daddr, Part::l4proto, Part::dport}, nft_set::relayed4)
      .counter()
      .return_to_caller()
      .append_to(batch);
  inet_rule("prerouting", "drawbridge relays it: its bridge would not pass it on")
      .in({Part::iifname}, nft_set::nets)
      .in({Part::iifname, Part::ip6_daddr, Part::l4proto, Part::dport}, nft_set::relayed6)
      .counter()
      .return_to_caller()
      .append_to(batch);
}

// jump ports
void prerouting_translates(NftBatch& batch) {
  inet_rule("prerouting", "published ports").jump("ports").append_to(batch);
}

// ---- chain local_nat: connections that this host opens ------------------------------------------

// fib daddr type != local return
void local_nat_spares_transit(NftBatch& batch) {
  inet_rule("local_nat", "what is for others is left as it is")
      .daddr_is_not_local()
      .return_to_caller()
      .append_to(batch);
}

// The reply to ::1 would be dropped on its way back: IPv6 has no route_localnet.
// ip6 daddr ::1 counter return
void local_nat_spares_loopback6(NftBatch& batch) {
  inet_rule("local_nat", "drawbridge relays it: ::1 does not leave a host")
      .daddr_within(loopback6())
      .counter()
      .return_to_caller()
      .append_to(batch);
}

// jump ports
void local_nat_translates(NftBatch& batch) {
  inet_rule("local_nat", "published ports").jump("ports").append_to(batch);
}

// ---- chain ports: where a published port leads --------------------------------------------------

// dnat ip to ip daddr . meta l4proto . th dport map @ports4, and the same for ip6
void ports_of_an_address(NftBatch& batch) {
  inet_rule("ports", "of one address of this host")
      .dnat_to_target({Part::ip_daddr, Part::l4proto, Part::dport}, Family::ipv4, nft_set::ports4)
      .append_to(batch);
  inet_rule("ports", "of one address of this host")
      .dnat_to_target({Part::ip6_daddr, Part::l4proto, Part::dport}, Family::ipv6, nft_set::ports6)
      .append_to(batch);
}

// meta nfproto ipv4 dnat ip to meta l4proto . th dport map @ports_any4, and for ipv6
void ports_of_any_address(NftBatch& batch) {
  inet_rule("ports", "of every address of this host")
      .family_is(Family::ipv4)
      .dnat_to_target({Part::l4proto, Part::dport}, Family::ipv4, nft_set::ports_any4)
      .append_to(batch);
  inet_rule("ports", "of every address of this host")
      .family_is(Family::ipv6)
      .dnat_to_target({Part::l4proto, Part::dport}, Family::ipv6, nft_set::ports_any6)
      .append_to(batch);
}

// dnat ip to ip daddr . meta l4proto . th dport map @port_ranges4, and the same for ip6
void ports_of_ranges(NftBatch& batch) {
  inet_rule("ports", "ranges, whose ports keep their numbers")
      .dnat_to_mapped({Part::ip_daddr, Part::l4proto, Part::dport}, Family::ipv4,
                      nft_set::port_ranges4)
      .append_to(batch);
  inet_rule("ports", "ranges, whose ports keep their numbers")
      .dnat_to_mapped({Part::ip6_daddr, Part::l4proto, Part::dport}, Family::ipv6,
                      nft_set::port_ranges6)
      .append_to(batch);
}

// ---- chain published: who reaches a published port, and how often -------------------------------

// oifname vmap @publish
void published_judges_senders(NftBatch& batch) {
  inet_rule("published", "for those whom the network publishes to")
      .vmap({Part::oifname}, nft_set::publish)
      .append_to(batch);
}

// Until it is answered, each packet of a connection comes by here.
// ct status confirmed counter accept
void published_counts_connections_once(NftBatch& batch) {
  inet_rule("published", "a connection is counted once")
      .ct_confirmed()
      .counter()
      .accept()
      .append_to(batch);
}

// oifname vmap @connlimit
void published_limits_connections(NftBatch& batch) {
  inet_rule("published", "and not more often than it takes")
      .vmap({Part::oifname}, nft_set::connlimit)
      .append_to(batch);
}

// counter accept
void published_accepts_the_rest(NftBatch& batch) {
  inet_rule("published", "published ports").counter().accept().append_to(batch);
}

// ---- chain publish_listed: of a network that publishes to a list --------------------------------

// ip saddr . oifname @publish_from4 counter return, and the same for ip6
void publish_listed_returns_for_listed(NftBatch& batch) {
  inet_rule(nft_chain::publish_listed, "who is listed")
      .in({Part::ip_saddr, Part::oifname}, nft_set::publish_from4)
      .counter()
      .return_to_caller()
      .append_to(batch);
  inet_rule(nft_chain::publish_listed, "who is listed")
      .in({Part::ip6_saddr, Part::oifname}, nft_set::publish_from6)
      .counter()
      .return_to_caller()
      .append_to(batch);
}

// counter drop
void publish_listed_drops_the_rest(NftBatch& batch) {
  inet_rule(nft_chain::publish_listed, "and nobody else").counter().drop().append_to(batch);
}

}  // namespace

// In the order in which the kernel tries them.
void append_port_rules(NftBatch& batch) {
  early_guards_loopback(batch);
  early_drops_forged_loopback(batch);

  prerouting_spares_transit(batch);
  prerouting_spares_loopback(batch);
  prerouting_spares_relayed(batch);
  prerouting_translates(batch);

  local_nat_spares_transit(batch);
  local_nat_spares_loopback6(batch);
  local_nat_translates(batch);

  ports_of_an_address(batch);
  ports_of_any_address(batch);
  ports_of_ranges(batch);

  published_judges_senders(batch);
  published_counts_connections_once(batch);
  published_limits_connections(batch);
  published_accepts_the_rest(batch);

  publish_listed_returns_for_listed(batch);
  publish_listed_drops_the_rest(batch);
}

}  // namespace drawbridge
