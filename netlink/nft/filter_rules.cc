#include "model/private_ranges.h"
#include "netlink/nft/icmpv6_types.h"
#include "netlink/nft/inet_rule.h"
#include "netlink/nft/rule.h"
#include "netlink/nft/ruleset.h"
#include "netlink/nft/skeleton.h"

#include <linux/in.h>
#include <linux/netfilter.h>

namespace drawbridge {
namespace {

// ---- chain apart: inside a network whose members are apart --------------------------------------

// ct status dnat goto published
void apart_judges_published(NftBatch& batch) {
  inet_rule("apart", "published ports").ct_dnat().go_to("published").append_to(batch);
}

// iifname . ether daddr @doors counter drop
void apart_drops_detours(NftBatch& batch) {
  inet_rule("apart", "members meet at the bridge, never by way of the gateway")
      .in({Part::iifname, Part::ether_daddr}, nft_set::doors)
      .counter()
      .drop()
      .append_to(batch);
}

// br_netfilter shows frames here that the bridge has let through.
// counter accept
void apart_accepts_frames(NftBatch& batch) {
  inet_rule("apart", "frames that the bridge lets through").counter().accept().append_to(batch);
}

// ---- chain invited: into one of our networks ----------------------------------------------------

// oifname . iifgroup @teams counter accept
void invited_accepts_teams(NftBatch& batch) {
  inet_rule("invited", "networks of one team")
      .in({Part::oifname, Part::iifgroup}, nft_set::teams)
      .counter()
      .accept()
      .append_to(batch);
}

// meta iifkind "bridge" iifname . oifname . meta l4proto . th dport @from_network counter accept
void invited_accepts_services(NftBatch& batch) {
  inet_rule("invited", "what a network offers to another")
      .iifkind_is("bridge")
      .in({Part::iifname, Part::oifname, Part::l4proto, Part::dport}, nft_set::from_network)
      .counter()
      .accept()
      .append_to(batch);
}

// What was translated is for a published port, and judged as such.
// iifname . ip saddr . ip daddr @proxied4 ct status ! dnat counter accept, and the same for ip6
void invited_accepts_proxies(NftBatch& batch) {
  inet_rule("invited", "proxies, at the members that they serve")
      .in({Part::iifname, Part::ip_saddr, Part::ip_daddr}, nft_set::proxied4)
      .ct_not_dnat()
      .counter()
      .accept()
      .append_to(batch);
  inet_rule("invited", "proxies, at the members that they serve")
      .in({Part::iifname, Part::ip6_saddr, Part::ip6_daddr}, nft_set::proxied6)
      .ct_not_dnat()
      .counter()
      .accept()
      .append_to(batch);
}

// ---- resolvers: in each chain that has nothing else in common -----------------------------------

// ip daddr . meta l4proto . th dport @resolvers4 counter return, and the same for ip6
void return_for_resolvers(NftBatch& batch, char const* chain) {
  inet_rule(chain, "name servers of this host")
      .in({Part::ip_daddr, Part::l4proto, Part::dport}, nft_set::resolvers4)
      .counter()
      .return_to_caller()
      .append_to(batch);
  inet_rule(chain, "name servers of this host")
      .in({Part::ip6_daddr, Part::l4proto, Part::dport}, nft_set::resolvers6)
      .counter()
      .return_to_caller()
      .append_to(batch);
}

// ---- chain egress_internet: out of a network that may reach the Internet only -------------------

// ip daddr PREFIX counter drop, a rule for each of the ranges
void egress_internet_drops_private(NftBatch& batch) {
  for (PrivateRange const& range : private_ranges) {
    inet_rule(nft_chain::egress_internet, range.description)
        .daddr_within(IpPrefix::parse(range.prefix).value())
        .counter()
        .drop()
        .append_to(batch);
  }
}

// ---- chain egress_listed: out of a network that may reach what is listed only -------------------

// iifname . ct original ip daddr . meta l4proto . th dport @egress_to4 counter return
void egress_listed_returns_for_listed4(NftBatch& batch) {
  inet_rule("egress_listed", "what is listed")
      .in({Part::iifname, Part::ct_original_ip_daddr, Part::l4proto, Part::dport},
          nft_set::egress_to4)
      .counter()
      .return_to_caller()
      .append_to(batch);
}

// iifname . ct original ip6 daddr . meta l4proto . th dport @egress_to6 counter return
void egress_listed_returns_for_listed6(NftBatch& batch) {
  inet_rule("egress_listed", "what is listed")
      .in({Part::iifname, Part::ct_original_ip6_daddr, Part::l4proto, Part::dport},
          nft_set::egress_to6)
      .counter()
      .return_to_caller()
      .append_to(batch);
}

// counter drop
void egress_listed_drops_the_rest(NftBatch& batch) {
  inet_rule("egress_listed", "and nothing else").counter().drop().append_to(batch);
}

// ---- chain host_internet: the same networks towards this host -----------------------------------

// counter drop
void host_internet_drops_the_rest(NftBatch& batch) {
  inet_rule("host_internet", "this host is not the Internet").counter().drop().append_to(batch);
}

// ---- chain forward: packets from one interface to another ---------------------------------------

// ct state established,related counter accept
void forward_accepts_replies(NftBatch& batch) {
  inet_rule("forward", "replies, and what belongs to an accepted connection")
      .ct_established_or_related()
      .counter()
      .accept()
      .append_to(batch);
}

// counter iifname . oifname vmap @pair
void forward_judges_pairs(NftBatch& batch) {
  inet_rule("forward", "inside a network, and between networks that may")
      .counter()
      .vmap({Part::iifname, Part::oifname}, nft_set::pair)
      .append_to(batch);
}

// oifname @nets jump invited
void forward_asks_who_is_invited(NftBatch& batch) {
  inet_rule("forward", "into one of our networks, by its own will")
      .in({Part::oifname}, nft_set::nets)
      .jump("invited")
      .append_to(batch);
}

// iifname vmap @egress
void forward_judges_egress(NftBatch& batch) {
  inet_rule("forward", "out of a network that may not go everywhere")
      .vmap({Part::iifname}, nft_set::egress)
      .append_to(batch);
}

// oifname @nets goto inbound
void forward_judges_inbound(NftBatch& batch) {
  inet_rule("forward", "into one of our networks")
      .in({Part::oifname}, nft_set::nets)
      .go_to("inbound")
      .append_to(batch);
}

// iifname @nets meta oifkind "bridge" oifname != @uplinks ct status ! dnat counter drop
void forward_spares_foreign_bridges(NftBatch& batch) {
  inet_rule("forward", "no way into containers of others but by their published ports")
      .in({Part::iifname}, nft_set::nets)
      .oifkind_is("bridge")
      .not_in({Part::oifname}, nft_set::uplinks)
      .ct_not_dnat()
      .counter()
      .drop()
      .append_to(batch);
}

// ---- chain input: packets for this host itself --------------------------------------------------

// ct state established,related counter accept
void input_accepts_replies(NftBatch& batch) {
  inet_rule("input", "replies to this host")
      .ct_established_or_related()
      .counter()
      .accept()
      .append_to(batch);
}

// iifname != "lo" ip daddr @gateways4 fib daddr . iif type != local counter drop
void input_guards_gateways4(NftBatch& batch) {
  inet_rule("input", "a gateway answers its own network only")
      .iifname_is_not("lo")
      .in({Part::ip_daddr}, nft_set::gateways4)
      .daddr_not_local_to_iif()
      .counter()
      .drop()
      .append_to(batch);
}

// iifname != "lo" ip6 daddr @gateways6 fib daddr . iif type != local counter drop
void input_guards_gateways6(NftBatch& batch) {
  inet_rule("input", "a gateway answers its own network only")
      .iifname_is_not("lo")
      .in({Part::ip6_daddr}, nft_set::gateways6)
      .daddr_not_local_to_iif()
      .counter()
      .drop()
      .append_to(batch);
}

// iifname @nets icmpv6 type nd-neighbor-solicit counter accept
void input_accepts_solicitations(NftBatch& batch) {
  inet_rule("input", "members ask for the host's Ethernet address")
      .in({Part::iifname}, nft_set::nets)
      .icmpv6_type_is(neighbor_solicitation)
      .counter()
      .accept()
      .append_to(batch);
}

// iifname @nets icmpv6 type nd-neighbor-advert counter accept
void input_accepts_advertisements(NftBatch& batch) {
  inet_rule("input", "members answer when the host asks for theirs")
      .in({Part::iifname}, nft_set::nets)
      .icmpv6_type_is(neighbor_advertisement)
      .counter()
      .accept()
      .append_to(batch);
}

// iifname vmap @to_host
void input_judges_networks(NftBatch& batch) {
  inet_rule("input", "a network that may not reach everything here")
      .vmap({Part::iifname}, nft_set::to_host)
      .append_to(batch);
}

// ---- chain output: packets of this host itself --------------------------------------------------

// What this host sends once more of a connection that was cut would open it again, the other way.
// oifname @limited ct state new tcp flags ! syn counter drop
void output_leaves_cut_connections(NftBatch& batch) {
  inet_rule("output", "a connection that was cut stays cut")
      .in({Part::oifname}, nft_set::limited)
      .ct_new()
      .tcp_without_syn()
      .counter()
      .drop()
      .append_to(batch);
}

}  // namespace

// In the order in which the kernel tries them.
void append_filter_rules(NftBatch& batch) {
  apart_judges_published(batch);
  apart_drops_detours(batch);
  apart_accepts_frames(batch);

  invited_accepts_teams(batch);
  invited_accepts_services(batch);
  invited_accepts_proxies(batch);

  return_for_resolvers(batch, nft_chain::egress_internet);
  egress_internet_drops_private(batch);

  egress_listed_returns_for_listed4(batch);
  egress_listed_returns_for_listed6(batch);
  return_for_resolvers(batch, nft_chain::egress_listed);
  egress_listed_drops_the_rest(batch);

  return_for_resolvers(batch, nft_chain::host_internet);
  host_internet_drops_the_rest(batch);

  forward_accepts_replies(batch);
  forward_judges_pairs(batch);
  forward_asks_who_is_invited(batch);
  forward_judges_egress(batch);
  forward_judges_inbound(batch);
  forward_spares_foreign_bridges(batch);

  input_accepts_replies(batch);
  input_guards_gateways4(batch);
  input_guards_gateways6(batch);
  input_accepts_solicitations(batch);
  input_accepts_advertisements(batch);
  input_judges_networks(batch);

  output_leaves_cut_connections(batch);
}

}  // namespace drawbridge
