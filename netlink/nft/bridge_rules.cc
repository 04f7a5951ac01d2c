#include "netlink/kernel_state.h"
#include "netlink/nft/icmpv6_types.h"
#include "netlink/nft/rule.h"
#include "netlink/nft/ruleset.h"
#include "netlink/nft/skeleton.h"

#include <linux/if_ether.h>
#include <linux/netfilter.h>

namespace drawbridge {
namespace {

// RFC 4861, 4.2 and 4.5.
constexpr std::uint8_t router_advertisement = 134;
constexpr std::uint8_t redirect = 137;
// RFC 2131, RFC 8415.
constexpr std::uint16_t dhcp_server = 67;
constexpr std::uint16_t dhcpv6_server = 547;

NftRule bridge_rule(char const* chain, char const* comment) {
  return NftRule({NFPROTO_BRIDGE, nft_table_name, chain}, comment);
}

// ---- chain from4: IPv4 packets that members send ------------------------------------------------

// iifname . ether saddr . ip saddr != @sources4 counter drop
void from4_drops_forged(NftBatch& batch) {
  bridge_rule("from4", "a member sends from its own addresses")
      .not_in({Part::iifname, Part::ether_saddr, Part::ip_saddr}, nft_set::sources4)
      .counter()
      .drop()
      .append_to(batch);
}

// udp sport 67 counter drop
void from4_drops_dhcp_servers(NftBatch& batch) {
  bridge_rule("from4", "a member is no DHCP server")
      .udp_sport_is(dhcp_server)
      .counter()
      .drop()
      .append_to(batch);
}

// ---- chain from6: IPv6 packets that members send ------------------------------------------------

// iifname . ether saddr . ip6 saddr != @sources6 counter drop
void from6_drops_forged(NftBatch& batch) {
  bridge_rule("from6", "a member sends from its own addresses")
      .not_in({Part::iifname, Part::ether_saddr, Part::ip6_saddr}, nft_set::sources6)
      .counter()
      .drop()
      .append_to(batch);
}

// icmpv6 type nd-router-advert counter drop
void from6_drops_routers(NftBatch& batch) {
  bridge_rule("from6", "a member is no router")
      .icmpv6_type_is(router_advertisement)
      .counter()
      .drop()
      .append_to(batch);
}

// icmpv6 type nd-redirect counter drop
void from6_drops_redirects(NftBatch& batch) {
  bridge_rule("from6", "a member is no router")
      .icmpv6_type_is(redirect)
      .counter()
      .drop()
      .append_to(batch);
}

// A question from :: says that the asker wants the address; whoever has it must give it up.
// icmpv6 type nd-neighbor-solicit ip6 saddr :: iifname . @th,64,128 != @targets6 counter drop
void from6_drops_forged_claims(NftBatch& batch) {
  bridge_rule("from6", "a member claims its own addresses")
      .icmpv6_type_is(neighbor_solicitation)
      .ip6_saddr_is_unspecified()
      .not_in({Part::iifname, Part::nd_target}, nft_set::targets6)
      .counter()
      .drop()
      .append_to(batch);
}

// icmpv6 type nd-neighbor-advert iifname . @th,64,128 != @targets6 counter drop
void from6_drops_forged_answers(NftBatch& batch) {
  bridge_rule("from6", "a member answers for its own addresses")
      .icmpv6_type_is(neighbor_advertisement)
      .not_in({Part::iifname, Part::nd_target}, nft_set::targets6)
      .counter()
      .drop()
      .append_to(batch);
}

// udp sport 547 counter drop
void from6_drops_dhcp_servers(NftBatch& batch) {
  bridge_rule("from6", "a member is no DHCP server")
      .udp_sport_is(dhcpv6_server)
      .counter()
      .drop()
      .append_to(batch);
}

// ---- chain from_arp: ARP messages that members send ---------------------------------------------

// iifname . ether saddr . arp saddr ip != @sources4 counter drop
void from_arp_drops_forged(NftBatch& batch) {
  bridge_rule("from_arp", "a member sends from its own addresses")
      .not_in({Part::iifname, Part::ether_saddr, Part::arp_saddr_ip}, nft_set::sources4)
      .counter()
      .drop()
      .append_to(batch);
}

// iifname . arp saddr ether . arp saddr ip != @sources4 counter drop
void from_arp_drops_forged_answers(NftBatch& batch) {
  bridge_rule("from_arp", "a member answers for its own addresses")
      .not_in({Part::iifname, Part::arp_saddr_ether, Part::arp_saddr_ip}, nft_set::sources4)
      .counter()
      .drop()
      .append_to(batch);
}

// ---- chain prerouting: every frame that comes into any bridge -----------------------------------

// The one rule that frames of other bridges pay for, so it counts nothing.
// iifname != "dv-*" accept
void prerouting_passes_others(NftBatch& batch) {
  bridge_rule("prerouting", "only what members send is looked at")
      .iifname_does_not_start_with(port_prefix)
      .accept()
      .append_to(batch);
}

// ether type ip goto from4
void prerouting_judges_ipv4(NftBatch& batch) {
  bridge_rule("prerouting", "IPv4").ether_type_is(ETH_P_IP).go_to("from4").append_to(batch);
}

// ether type ip6 goto from6
void prerouting_judges_ipv6(NftBatch& batch) {
  bridge_rule("prerouting", "IPv6").ether_type_is(ETH_P_IPV6).go_to("from6").append_to(batch);
}

// ether type arp goto from_arp
void prerouting_judges_arp(NftBatch& batch) {
  bridge_rule("prerouting", "ARP").ether_type_is(ETH_P_ARP).go_to("from_arp").append_to(batch);
}

// counter drop
void prerouting_drops_the_rest(NftBatch& batch) {
  bridge_rule("prerouting", "and nothing but IPv4, IPv6 and ARP").counter().drop().append_to(batch);
}

// ---- chain forward: frames from one port to another ---------------------------------------------

// iifname @bounded oifname @bounded oifname . iifgroup != @projects counter drop
void forward_keeps_projects_apart(NftBatch& batch) {
  bridge_rule("forward", "projects are apart")
      .in({Part::iifname}, nft_set::bounded)
      .in({Part::oifname}, nft_set::bounded)
      .not_in({Part::oifname, Part::iifgroup}, nft_set::projects)
      .counter()
      .drop()
      .append_to(batch);
}

}  // namespace

// In the order in which the kernel tries them.
void append_bridge_rules(NftBatch& batch) {
  from4_drops_forged(batch);
  from4_drops_dhcp_servers(batch);

  from6_drops_forged(batch);
  from6_drops_routers(batch);
  from6_drops_redirects(batch);
  from6_drops_forged_claims(batch);
  from6_drops_forged_answers(batch);
  from6_drops_dhcp_servers(batch);

  from_arp_drops_forged(batch);
  from_arp_drops_forged_answers(batch);

  prerouting_passes_others(batch);
  prerouting_judges_ipv4(batch);
  prerouting_judges_ipv6(batch);
  prerouting_judges_arp(batch);
  prerouting_drops_the_rest(batch);

  forward_keeps_projects_apart(batch);
}

}  // namespace drawbridge
