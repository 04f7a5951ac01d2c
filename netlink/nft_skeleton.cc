#include "netlink/nft_skeleton.h"

#include "netlink/nft_expressions.h"
#include "netlink/nft_socket.h"

#include <libnftnl/chain.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>

#include <array>
#include <cassert>
#include <cstdint>
#include <cstring>

#include <linux/if.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_ipv4.h>

namespace drawbridge {
namespace {

using Table = Handle<nftnl_table, nftnl_table_free>;
using Chain = Handle<nftnl_chain, nftnl_chain_free>;
using Set = Handle<nftnl_set, nftnl_set_free>;

// Types of keys as nft(8) numbers them; the kernel only stores them. Six bits each, joined.
constexpr std::uint32_t type_ipv4_addr = 7;
constexpr std::uint32_t type_ipv6_addr = 8;
constexpr std::uint32_t type_ifname = 41;
constexpr std::uint32_t type_ifname_ifname = type_ifname << 6 | type_ifname;

// RFC 4861, 4.3 and 4.4.
constexpr std::uint8_t neighbor_solicitation = 135;
constexpr std::uint8_t neighbor_advertisement = 136;

enum class Holds { keys, verdicts };

struct SetShape {
  char const* name;
  std::uint32_t key_type;
  std::uint32_t key_bytes;
  Holds holds;
};

constexpr std::array<SetShape, 6> set_shapes{{
    {nft_set::nets, type_ifname, IFNAMSIZ, Holds::keys},
    {nft_set::internal, type_ifname, IFNAMSIZ, Holds::keys},
    {nft_set::pair, type_ifname_ifname, 2 * IFNAMSIZ, Holds::verdicts},
    {nft_set::gateways4, type_ipv4_addr, sizeof(in_addr), Holds::keys},
    {nft_set::gateways6, type_ipv6_addr, sizeof(in6_addr), Holds::keys},
    {nft_set::uplinks, type_ifname, IFNAMSIZ, Holds::keys},
}};

struct ChainShape {
  char const* name;
  char const* type;
  std::uint32_t hook;
  std::int32_t priority;
};

// Ours translates before Docker's own source translation, at srcnat, looks at the connection.
constexpr std::array<ChainShape, 3> chain_shapes{{
    {"forward", "filter", NF_INET_FORWARD, NF_IP_PRI_FILTER},
    {"input", "filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER},
    {"postrouting", "nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC - 1},
}};

NftRule rule_in(char const* chain, char const* comment) {
  return NftRule({NFPROTO_INET, nft_table_name, chain}, comment);
}

// ---- chain forward: packets from one interface to another ------------------------------------

// ct state established,related counter accept
void forward_accepts_replies(NftBatch& batch) {
  rule_in("forward", "replies, and what belongs to an accepted connection")
      .ct_established_or_related()
      .counter()
      .accept()
      .append_to(batch);
}

// counter iifname . oifname vmap @pair
void forward_accepts_allowed_pairs(NftBatch& batch) {
  rule_in("forward", "inside a network, and between networks that may")
      .counter()
      .iifname_oifname_vmap(nft_set::pair)
      .append_to(batch);
}

// oifname @nets counter drop
void forward_keeps_others_out(NftBatch& batch) {
  rule_in("forward", "nobody else comes in")
      .oifname_in(nft_set::nets)
      .counter()
      .drop()
      .append_to(batch);
}

// iifname @internal counter drop
void forward_keeps_internal_in(NftBatch& batch) {
  rule_in("forward", "an internal network has no way out")
      .iifname_in(nft_set::internal)
      .counter()
      .drop()
      .append_to(batch);
}

// iifname @nets meta oifkind "bridge" oifname != @uplinks ct status ! dnat counter drop
void forward_spares_foreign_bridges(NftBatch& batch) {
  rule_in("forward", "no way into containers of others but by their published ports")
      .iifname_in(nft_set::nets)
      .oifkind_is("bridge")
      .oifname_not_in(nft_set::uplinks)
      .ct_not_dnat()
      .counter()
      .drop()
      .append_to(batch);
}

// ---- chain input: packets for this host itself -----------------------------------------------

// ct state established,related counter accept
void input_accepts_replies(NftBatch& batch) {
  rule_in("input", "replies to this host")
      .ct_established_or_related()
      .counter()
      .accept()
      .append_to(batch);
}

// iifname != "lo" ip daddr @gateways4 fib daddr . iif type != local counter drop
void input_guards_gateways4(NftBatch& batch) {
  rule_in("input", "a gateway answers its own network only")
      .iifname_is_not("lo")
      .ip_daddr_in(nft_set::gateways4)
      .daddr_not_local_to_iif()
      .counter()
      .drop()
      .append_to(batch);
}

// iifname != "lo" ip6 daddr @gateways6 fib daddr . iif type != local counter drop
void input_guards_gateways6(NftBatch& batch) {
  rule_in("input", "a gateway answers its own network only")
      .iifname_is_not("lo")
      .ip6_daddr_in(nft_set::gateways6)
      .daddr_not_local_to_iif()
      .counter()
      .drop()
      .append_to(batch);
}

// iifname @internal icmpv6 type nd-neighbor-solicit counter accept
void input_accepts_solicitations(NftBatch& batch) {
  rule_in("input", "members ask for the host's Ethernet address")
      .iifname_in(nft_set::internal)
      .icmpv6_type_is(neighbor_solicitation)
      .counter()
      .accept()
      .append_to(batch);
}

// iifname @internal icmpv6 type nd-neighbor-advert counter accept
void input_accepts_advertisements(NftBatch& batch) {
  rule_in("input", "members answer when the host asks for theirs")
      .iifname_in(nft_set::internal)
      .icmpv6_type_is(neighbor_advertisement)
      .counter()
      .accept()
      .append_to(batch);
}

// iifname @internal counter drop
void input_keeps_internal_off_the_host(NftBatch& batch) {
  rule_in("input", "an internal network reaches nothing on this host")
      .iifname_in(nft_set::internal)
      .counter()
      .drop()
      .append_to(batch);
}

// ---- chain postrouting: the source address that others see -----------------------------------

// iifname @nets oifname != @nets counter masquerade
void postrouting_masquerades(NftBatch& batch) {
  rule_in("postrouting", "outbound traffic carries this host's address")
      .iifname_in(nft_set::nets)
      .oifname_not_in(nft_set::nets)
      .counter()
      .masquerade()
      .append_to(batch);
}

// In the order in which the kernel tries them.
void append_rules(NftBatch& batch) {
  forward_accepts_replies(batch);
  forward_accepts_allowed_pairs(batch);
  forward_keeps_others_out(batch);
  forward_keeps_internal_in(batch);
  forward_spares_foreign_bridges(batch);

  input_accepts_replies(batch);
  input_guards_gateways4(batch);
  input_guards_gateways6(batch);
  input_accepts_solicitations(batch);
  input_accepts_advertisements(batch);
  input_keeps_internal_off_the_host(batch);

  postrouting_masquerades(batch);
}

// ---- the frame ---------------------------------------------------------------------------------

Table table_with_comment() {
  Table table(nftnl_table_alloc());
  Handle<nftnl_udata_buf, nftnl_udata_buf_free> data(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
  assert(table && data);
  nftnl_udata_put_strz(data.get(), NFTNL_UDATA_TABLE_COMMENT, "kept by drawbridge: do not edit");
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, nft_table_name);
  nftnl_table_set_data(table.get(), NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(data.get()),
                       nftnl_udata_buf_len(data.get()));
  return table;
}

void append_table(NftBatch& batch, std::uint16_t type, std::uint16_t flags) {
  Table table = table_with_comment();
  nlmsghdr* message = batch.open(type, NFPROTO_INET, flags);
  nftnl_table_nlmsg_build_payload(message, table.get());
  batch.close();
}

// nft(8) keeps beside a set how its keys are to be read; without it names are listed as "".
void describe_keys(nftnl_set* set, std::uint32_t key_type) {
  constexpr std::uint32_t host_order = 1;
  if (key_type != type_ifname) {
    return;
  }
  Handle<nftnl_udata_buf, nftnl_udata_buf_free> data(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
  assert(data);
  nftnl_udata_put_u32(data.get(), NFTNL_UDATA_SET_KEYBYTEORDER, host_order);
  nftnl_set_set_data(set, NFTNL_SET_USERDATA, nftnl_udata_buf_data(data.get()),
                     nftnl_udata_buf_len(data.get()));
}

void append_set(NftBatch& batch, SetShape const& shape, std::uint32_t id) {
  Set set(nftnl_set_alloc());
  assert(set);
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, nft_table_name);
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, shape.name);
  nftnl_set_set_u32(set.get(), NFTNL_SET_ID, id);
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_TYPE, shape.key_type);
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_LEN, shape.key_bytes);
  describe_keys(set.get(), shape.key_type);
  if (shape.holds == Holds::verdicts) {
    nftnl_set_set_u32(set.get(), NFTNL_SET_FLAGS, NFT_SET_MAP);
    nftnl_set_set_u32(set.get(), NFTNL_SET_DATA_TYPE, NFT_DATA_VERDICT);
    nftnl_set_set_u32(set.get(), NFTNL_SET_DATA_LEN, 0);
  }
  nlmsghdr* message = batch.open(NFT_MSG_NEWSET, NFPROTO_INET, NLM_F_CREATE);
  nftnl_set_nlmsg_build_payload(message, set.get());
  batch.close();
}

void append_chain(NftBatch& batch, ChainShape const& shape) {
  Chain chain(nftnl_chain_alloc());
  assert(chain);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, nft_table_name);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, shape.name);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, shape.type);
  nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, shape.hook);
  nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, shape.priority);
  nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
  nlmsghdr* message = batch.open(NFT_MSG_NEWCHAIN, NFPROTO_INET, NLM_F_CREATE);
  nftnl_chain_nlmsg_build_payload(message, chain.get());
  batch.close();
}

}  // namespace

bool is_verdict_map(char const* set) {
  for (SetShape const& shape : set_shapes) {
    if (std::strcmp(shape.name, set) == 0) {
      return shape.holds == Holds::verdicts;
    }
  }
  return false;
}

// Deleting needs a table to be there, and adding is no error when it is: so add, then delete.
void append_table_removal(NftBatch& batch) {
  append_table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE);
  append_table(batch, NFT_MSG_DELTABLE, 0);
}

void append_skeleton(NftBatch& batch) {
  append_table_removal(batch);
  append_table(batch, NFT_MSG_NEWTABLE, NLM_F_CREATE);
  std::uint32_t id = 0;
  for (SetShape const& shape : set_shapes) {
    append_set(batch, shape, ++id);
  }
  for (ChainShape const& shape : chain_shapes) {
    append_chain(batch, shape);
  }
  append_rules(batch);
}

}  // namespace drawbridge
