#include "netlink/nft/skeleton.h"

#include "netlink/nft/ruleset.h"
#include "netlink/nft/socket.h"

#include <libnftnl/chain.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <linux/if.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter_bridge.h>
#include <linux/netfilter_ipv4.h>

namespace drawbridge {
namespace {

using Table = Handle<nftnl_table, nftnl_table_free>;
using Chain = Handle<nftnl_chain, nftnl_chain_free>;
using Set = Handle<nftnl_set, nftnl_set_free>;

/// A type as nft(8) numbers it; the kernel only stores the number.
struct Type {
  std::uint32_t number = 0;
  std::uint8_t bytes = 0;
};

constexpr Type ipv4_addr{7, sizeof(in_addr)};
constexpr Type ipv6_addr{8, sizeof(in6_addr)};
constexpr Type ether_addr{9, ETH_ALEN};
constexpr Type inet_proto{12, 1};
constexpr Type inet_service{13, 2};
constexpr Type devgroup{35, 4};
constexpr Type ifname{41, IFNAMSIZ};
constexpr Type verdict{NFT_DATA_VERDICT, 0};
// Two types joined, each in whole registers.
constexpr Type ipv4_target{ipv4_addr.number << 6 | inet_service.number, sizeof(in_addr) + 4};
constexpr Type ipv6_target{ipv6_addr.number << 6 | inet_service.number, sizeof(in6_addr) + 4};

/// What types are as parts of a key, and as values of a map.
constexpr std::array<std::pair<Type, KeyPart::Kind>, 7> key_kinds{
    {{ifname, KeyPart::Kind::interface},
     {ipv4_addr, KeyPart::Kind::ipv4},
     {ipv6_addr, KeyPart::Kind::ipv6},
     {ether_addr, KeyPart::Kind::mac},
     {devgroup, KeyPart::Kind::group},
     {inet_proto, KeyPart::Kind::protocol},
     {inet_service, KeyPart::Kind::port}}};
constexpr std::array<std::pair<Type, MapValue>, 5> map_values{
    {{verdict, MapValue::verdict},
     {ipv4_addr, MapValue::ipv4},
     {ipv6_addr, MapValue::ipv6},
     {ipv4_target, MapValue::ipv4_target},
     {ipv6_target, MapValue::ipv6_target}}};

/// returns  the meaning of a type that is in `table`
template <class Table>
auto meaning_of(Type const& type, Table const& table) {
  auto const found = std::find_if(table.begin(), table.end(), [&type](auto const& entry) {
    return entry.first.number == type.number;
  });
  return found->second;
}

/// The parts of a key, up to the first that is no type.
using KeyTypes = std::array<Type, 4>;

/// `recent` is what rules put in themselves: at most so many, each for so long after it was last
/// seen.
enum class Holds : std::uint8_t { single, ranges, recent };
using enum Holds;
constexpr std::uint32_t most_recent = 65535;
constexpr std::uint64_t recent_for_ms = 60'000;

/// A set; a map when it has values.
struct SetShape {
  std::uint16_t family;
  char const* name;
  KeyTypes key;
  std::optional<Type> value = {};
  Holds holds = single;
};

constexpr std::array<SetShape, 52> set_shapes{{
    {NFPROTO_INET, nft_set::nets, {ifname}},
    {NFPROTO_INET, nft_set::pair, {ifname, ifname}, verdict},
    {NFPROTO_INET, nft_set::teams, {ifname, devgroup}},
    {NFPROTO_INET, nft_set::gateways4, {ipv4_addr}},
    {NFPROTO_INET, nft_set::gateways6, {ipv6_addr}},
    {NFPROTO_INET, nft_set::doors, {ifname, ether_addr}},
    {NFPROTO_INET, nft_set::uplinks, {ifname}},
    {NFPROTO_INET, nft_set::from_network, {ifname, ifname, inet_proto, inet_service}, {}, ranges},
    {NFPROTO_INET,
     nft_set::from_address4,
     {ipv4_addr, ifname, inet_proto, inet_service},
     {},
     ranges},
    {NFPROTO_INET,
     nft_set::from_address6,
     {ipv6_addr, ifname, inet_proto, inet_service},
     {},
     ranges},
    {NFPROTO_INET, nft_set::proxied4, {ifname, ipv4_addr, ipv4_addr}},
    {NFPROTO_INET, nft_set::proxied6, {ifname, ipv6_addr, ipv6_addr}},
    {NFPROTO_INET, nft_set::egress, {ifname}, verdict},
    {NFPROTO_INET, nft_set::to_host, {ifname}, verdict},
    {NFPROTO_INET, nft_set::limited, {ifname}},
    {NFPROTO_INET, nft_set::egress_to4, {ifname, ipv4_addr, inet_proto, inet_service}, {}, ranges},
    {NFPROTO_INET, nft_set::egress_to6, {ifname, ipv6_addr, inet_proto, inet_service}, {}, ranges},
    {NFPROTO_INET, nft_set::resolvers4, {ipv4_addr, inet_proto, inet_service}},
    {NFPROTO_INET, nft_set::resolvers6, {ipv6_addr, inet_proto, inet_service}},
    {NFPROTO_INET, nft_set::open4, {ifname}},
    {NFPROTO_INET, nft_set::open6, {ifname}},
    {NFPROTO_INET, nft_set::routed4, {ifname}},
    {NFPROTO_INET, nft_set::routed6, {ifname}},
    {NFPROTO_INET, nft_set::ports4, {ipv4_addr, inet_proto, inet_service}, ipv4_target},
    {NFPROTO_INET, nft_set::ports6, {ipv6_addr, inet_proto, inet_service}, ipv6_target},
    {NFPROTO_INET, nft_set::ports_any4, {inet_proto, inet_service}, ipv4_target},
    {NFPROTO_INET, nft_set::ports_any6, {inet_proto, inet_service}, ipv6_target},
    {NFPROTO_INET, nft_set::port_ranges4, {ipv4_addr, inet_proto, inet_service}, ipv4_addr, ranges},
    {NFPROTO_INET, nft_set::port_ranges6, {ipv6_addr, inet_proto, inet_service}, ipv6_addr, ranges},
    {NFPROTO_INET, nft_set::relayed4, {ifname, ipv4_addr, inet_proto, inet_service}, {}, ranges},
    {NFPROTO_INET, nft_set::relayed6, {ifname, ipv6_addr, inet_proto, inet_service}, {}, ranges},
    {NFPROTO_INET, nft_set::itself4, {ipv4_addr, ipv4_addr}},
    {NFPROTO_INET, nft_set::itself6, {ipv6_addr, ipv6_addr}},
    {NFPROTO_INET, nft_set::turns, {ifname, ifname}},
    {NFPROTO_INET, nft_set::routed_ports4, {ipv4_addr, inet_proto, inet_service}, {}, ranges},
    {NFPROTO_INET, nft_set::routed_ports6, {ipv6_addr, inet_proto, inet_service}, {}, ranges},
    {NFPROTO_INET, nft_set::publish, {ifname}, verdict},
    {NFPROTO_INET, nft_set::publish_from4, {ipv4_addr, ifname}, {}, ranges},
    {NFPROTO_INET, nft_set::publish_from6, {ipv6_addr, ifname}, {}, ranges},
    {NFPROTO_INET, nft_set::connlimit, {ifname}, verdict},
    {NFPROTO_INET, nft_set::openers4, {ifname, ipv4_addr}, {}, recent},
    {NFPROTO_INET, nft_set::openers6, {ifname, ipv6_addr}, {}, recent},
    {NFPROTO_INET, nft_set::masquerade4, {ifname}},
    {NFPROTO_INET, nft_set::masquerade6, {ifname}},
    {NFPROTO_INET, nft_set::host4, {ifname}, ipv4_addr},
    {NFPROTO_INET, nft_set::host6, {ifname}, ipv6_addr},
    {NFPROTO_INET, nft_set::written, {ifname}},
    {NFPROTO_BRIDGE, nft_set::sources4, {ifname, ether_addr, ipv4_addr}},
    {NFPROTO_BRIDGE, nft_set::sources6, {ifname, ether_addr, ipv6_addr}},
    {NFPROTO_BRIDGE, nft_set::targets6, {ifname, ipv6_addr}},
    {NFPROTO_BRIDGE, nft_set::bounded, {ifname}},
    {NFPROTO_BRIDGE, nft_set::projects, {ifname, devgroup}},
}};

/// A chain; of no hook when others lead into it.
struct Hook {
  char const* type;
  std::uint32_t number;
  std::int32_t priority;
};

struct ChainShape {
  std::uint16_t family;
  char const* name;
  std::optional<Hook> hook = {};
};

// Ours translate before Docker's own chains, at dstnat and srcnat, look at the connection.
constexpr std::array<ChainShape, 21> chain_shapes{{
    {NFPROTO_INET, nft_chain::apart},
    {NFPROTO_INET, "invited"},
    {NFPROTO_INET, nft_chain::egress_internet},
    {NFPROTO_INET, nft_chain::egress_listed},
    {NFPROTO_INET, nft_chain::host_internet},
    {NFPROTO_INET, "inbound"},
    {NFPROTO_INET, "published"},
    {NFPROTO_INET, nft_chain::publish_listed},
    {NFPROTO_INET, "ports"},
    {NFPROTO_INET, "early", Hook{"filter", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW}},
    {NFPROTO_INET, "prerouting", Hook{"nat", NF_INET_PRE_ROUTING, NF_IP_PRI_NAT_DST - 1}},
    {NFPROTO_INET, "local_nat", Hook{"nat", NF_INET_LOCAL_OUT, NF_IP_PRI_NAT_DST - 1}},
    {NFPROTO_INET, "forward", Hook{"filter", NF_INET_FORWARD, NF_IP_PRI_FILTER}},
    {NFPROTO_INET, "input", Hook{"filter", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER}},
    {NFPROTO_INET, "output", Hook{"filter", NF_INET_LOCAL_OUT, NF_IP_PRI_FILTER}},
    {NFPROTO_INET, "postrouting", Hook{"nat", NF_INET_POST_ROUTING, NF_IP_PRI_NAT_SRC - 1}},
    {NFPROTO_BRIDGE, "from4"},
    {NFPROTO_BRIDGE, "from6"},
    {NFPROTO_BRIDGE, "from_arp"},
    {NFPROTO_BRIDGE, "prerouting", Hook{"filter", NF_BR_PRE_ROUTING, NF_BR_PRI_NAT_DST_BRIDGED}},
    {NFPROTO_BRIDGE, "forward", Hook{"filter", NF_BR_FORWARD, NF_BR_PRI_FILTER_BRIDGED}},
}};

// ---- the frame ---------------------------------------------------------------------------------

Table table_with_comment(char const* name) {
  Table table(nftnl_table_alloc());
  Handle<nftnl_udata_buf, nftnl_udata_buf_free> data(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
  assert(table && data);
  nftnl_udata_put_strz(data.get(), NFTNL_UDATA_TABLE_COMMENT, "kept by drawbridge: do not edit");
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, name);
  nftnl_table_set_data(table.get(), NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(data.get()),
                       nftnl_udata_buf_len(data.get()));
  return table;
}

void append_table(NftBatch& batch, std::uint16_t type, std::uint16_t family,
                  char const* name = nft_table_name) {
  Table table = table_with_comment(name);
  std::uint16_t const flags = type == NFT_MSG_NEWTABLE ? std::uint16_t{NLM_F_CREATE} : 0;
  nlmsghdr* message = batch.open(type, family, flags);
  nftnl_table_nlmsg_build_payload(message, table.get());
  batch.close();
}

// nft(8) keeps beside a set how its keys are to be read; without it names are listed as "".
void describe_keys(nftnl_set* set, SetShape const& shape) {
  constexpr std::uint32_t host_order = 1;
  if (shape.key[0].number != ifname.number || shape.key[1].number != 0) {
    return;
  }
  Handle<nftnl_udata_buf, nftnl_udata_buf_free> data(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
  assert(data);
  nftnl_udata_put_u32(data.get(), NFTNL_UDATA_SET_KEYBYTEORDER, host_order);
  nftnl_set_set_data(set, NFTNL_SET_USERDATA, nftnl_udata_buf_data(data.get()),
                     nftnl_udata_buf_len(data.get()));
}

// Types of six bits each, joined; parts in whole registers of four bytes, one behind the other.
void shape_key(nftnl_set* set, SetShape const& shape) {
  std::uint32_t number = 0;
  std::uint32_t bytes = 0;
  std::vector<std::uint8_t> parts;
  for (Type const& part : shape.key) {
    if (part.number == 0) {
      break;
    }
    number = number << 6 | part.number;
    bytes += (part.bytes + 3U) / 4 * 4;
    parts.push_back(part.bytes);
  }
  nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, number);
  nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, parts.size() == 1 ? parts.front() : bytes);
  if (shape.holds == ranges) {
    nftnl_set_set_data(set, NFTNL_SET_DESC_CONCAT, parts.data(),
                       static_cast<std::uint32_t>(parts.size()));
  }
}

std::uint32_t flags_of(SetShape const& shape) {
  std::uint32_t flags = 0;
  flags |= shape.value ? std::uint32_t{NFT_SET_MAP} : 0U;
  flags |= shape.holds == ranges ? std::uint32_t{NFT_SET_INTERVAL | NFT_SET_CONCAT} : 0U;
  flags |= shape.holds == recent ? std::uint32_t{NFT_SET_EVAL | NFT_SET_TIMEOUT} : 0U;
  return flags;
}

void append_set(NftBatch& batch, SetShape const& shape, std::uint32_t id) {
  Set set(nftnl_set_alloc());
  assert(set);
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, nft_table_name);
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, shape.name);
  nftnl_set_set_u32(set.get(), NFTNL_SET_ID, id);
  nftnl_set_set_u32(set.get(), NFTNL_SET_FLAGS, flags_of(shape));
  shape_key(set.get(), shape);
  describe_keys(set.get(), shape);
  if (shape.value) {
    nftnl_set_set_u32(set.get(), NFTNL_SET_DATA_TYPE, shape.value->number);
    nftnl_set_set_u32(set.get(), NFTNL_SET_DATA_LEN, shape.value->bytes);
  }
  if (shape.holds == recent) {
    nftnl_set_set_u32(set.get(), NFTNL_SET_DESC_SIZE, most_recent);
    nftnl_set_set_u64(set.get(), NFTNL_SET_TIMEOUT, recent_for_ms);
  }
  nlmsghdr* message = batch.open(NFT_MSG_NEWSET, shape.family, NLM_F_CREATE);
  nftnl_set_nlmsg_build_payload(message, set.get());
  batch.close();
}

void append_chain(NftBatch& batch, ChainShape const& shape, char const* table = nft_table_name) {
  Chain chain(nftnl_chain_alloc());
  assert(chain);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, table);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, shape.name);
  if (shape.hook) {
    nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TYPE, shape.hook->type);
    nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_HOOKNUM, shape.hook->number);
    nftnl_chain_set_s32(chain.get(), NFTNL_CHAIN_PRIO, shape.hook->priority);
    nftnl_chain_set_u32(chain.get(), NFTNL_CHAIN_POLICY, NF_ACCEPT);
  }
  nlmsghdr* message = batch.open(NFT_MSG_NEWCHAIN, shape.family, NLM_F_CREATE);
  nftnl_chain_nlmsg_build_payload(message, chain.get());
  batch.close();
}

}  // namespace

std::string connlimit_chain(ConnLimit const& limit) {
  return "connlimit_" + std::to_string(limit.per_second) + "_" + std::to_string(limit.burst);
}

std::uint16_t family_of(std::string_view set) {
  for (SetShape const& shape : set_shapes) {
    if (shape.name == set) {
      return shape.family;
    }
  }
  return NFPROTO_INET;
}

std::vector<char const*> sets_of(std::uint16_t family) {
  std::vector<char const*> names;
  for (SetShape const& shape : set_shapes) {
    if (shape.family == family && shape.holds != recent) {
      names.push_back(shape.name);
    }
  }
  return names;
}

std::vector<KeyPart> key_parts_of(std::string_view set) {
  std::vector<KeyPart> parts;
  auto const shape = std::find_if(set_shapes.begin(), set_shapes.end(),
                                  [set](SetShape const& each) { return each.name == set; });
  for (Type const& part : shape == set_shapes.end() ? KeyTypes{} : shape->key) {
    if (part.number != 0) {
      parts.push_back({meaning_of(part, key_kinds), part.bytes});
    }
  }
  return parts;
}

MapValue map_value_of(std::string_view set) {
  auto const shape = std::find_if(set_shapes.begin(), set_shapes.end(),
                                  [set](SetShape const& each) { return each.name == set; });
  return shape == set_shapes.end() || !shape->value ? MapValue::none
                                                    : meaning_of(*shape->value, map_values);
}

bool holds_ranges(std::string_view set) {
  for (SetShape const& shape : set_shapes) {
    if (shape.name == set) {
      return shape.holds == ranges;
    }
  }
  return false;
}

// Deleting needs a table to be there, and adding is no error when it is: so add, then delete.
void append_table_removal(NftBatch& batch, std::uint16_t family) {
  append_table(batch, NFT_MSG_NEWTABLE, family);
  append_table(batch, NFT_MSG_DELTABLE, family);
}

void append_trial(NftBatch& batch, std::uint16_t family) {
  char const* const name = "drawbridge_trial";
  append_table(batch, NFT_MSG_NEWTABLE, family, name);
  for (ChainShape const& shape : chain_shapes) {
    if (shape.family == family && shape.hook) {
      append_chain(batch, shape, name);
    }
  }
  append_table(batch, NFT_MSG_DELTABLE, family, name);
}

void append_skeleton(NftBatch& batch, std::uint16_t family) {
  append_table_removal(batch, family);
  append_table(batch, NFT_MSG_NEWTABLE, family);
  std::uint32_t id = 0;
  for (SetShape const& shape : set_shapes) {
    id += 1;
    if (shape.family == family) {
      append_set(batch, shape, id);
    }
  }
  for (ChainShape const& shape : chain_shapes) {
    if (shape.family == family) {
      append_chain(batch, shape);
    }
  }
  if (family == NFPROTO_BRIDGE) {
    append_bridge_rules(batch);
  } else {
    append_filter_rules(batch);
    append_inbound_rules(batch);
    append_port_rules(batch);
    append_nat_rules(batch);
  }
}

}  // namespace drawbridge
