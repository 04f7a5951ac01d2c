#include "netlink/nft/rule.h"

#include "netlink/nft/socket.h"

#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <linux/icmpv6.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/rtnetlink.h>
#include <linux/udp.h>

namespace drawbridge {
namespace {

/// An expression on its way into a rule. Allocation fails with the process' memory only.
class Expression {
 public:
  explicit Expression(char const* name) : expression_(nftnl_expr_alloc(name)) {
    assert(expression_);
  }
  Expression& set(std::uint16_t attribute, std::uint32_t value) {
    nftnl_expr_set_u32(expression_.get(), attribute, value);
    return *this;
  }
  Expression& set(std::uint16_t attribute, char const* text) {
    nftnl_expr_set_str(expression_.get(), attribute, text);
    return *this;
  }
  Expression& set(std::uint16_t attribute, void const* data, std::size_t bytes) {
    nftnl_expr_set(expression_.get(), attribute, data, static_cast<std::uint32_t>(bytes));
    return *this;
  }
  void add_to(nftnl_rule* rule) { nftnl_rule_add_expr(rule, expression_.release()); }

 private:
  Handle<nftnl_expr, nftnl_expr_free> expression_;
};

/// An ARP message between Ethernet and IPv4. source: RFC 826
constexpr std::uint32_t arp_saddr_ether_offset = sizeof(arphdr);
constexpr std::uint32_t arp_saddr_ip_offset = arp_saddr_ether_offset + ETH_ALEN;
/// source: RFC 4861, 4.4
constexpr std::uint32_t nd_target_offset = 8;

enum class Source : std::uint8_t { meta, link_header, network_header, transport_header, ct };
/// The header that must be there for a part to mean what it says.
enum class Header : std::uint8_t { any, ethernet, ipv4, ipv6, arp };

struct PartShape {
  Source source;
  std::uint32_t at;  // a key of meta or ct, an offset in the header
  std::uint32_t bytes;
  Header header = Header::any;
};

PartShape shape_of(Part part) {
  switch (part) {
    case Part::iifname:
      return {Source::meta, NFT_META_IIFNAME, IFNAMSIZ};
    case Part::oifname:
      return {Source::meta, NFT_META_OIFNAME, IFNAMSIZ};
    case Part::iifgroup:
      return {Source::meta, NFT_META_IIFGROUP, 4};
    case Part::l4proto:
      return {Source::meta, NFT_META_L4PROTO, 1};
    case Part::dport:
      return {Source::transport_header, offsetof(udphdr, dest), 2};
    case Part::ether_saddr:
      return {Source::link_header, offsetof(ethhdr, h_source), ETH_ALEN, Header::ethernet};
    case Part::ether_daddr:
      return {Source::link_header, offsetof(ethhdr, h_dest), ETH_ALEN, Header::ethernet};
    case Part::ip_saddr:
      return {Source::network_header, offsetof(iphdr, saddr), sizeof(in_addr), Header::ipv4};
    case Part::ip_daddr:
      return {Source::network_header, offsetof(iphdr, daddr), sizeof(in_addr), Header::ipv4};
    case Part::ip6_saddr:
      return {Source::network_header, offsetof(ipv6hdr, saddr), sizeof(in6_addr), Header::ipv6};
    case Part::ip6_daddr:
      return {Source::network_header, offsetof(ipv6hdr, daddr), sizeof(in6_addr), Header::ipv6};
    case Part::arp_saddr_ether:
      return {Source::network_header, arp_saddr_ether_offset, ETH_ALEN, Header::arp};
    case Part::arp_saddr_ip:
      return {Source::network_header, arp_saddr_ip_offset, sizeof(in_addr), Header::arp};
    case Part::nd_target:
      return {Source::transport_header, nd_target_offset, sizeof(in6_addr)};
    case Part::ct_original_ip_daddr:
      return {Source::ct, NFT_CT_DST_IP, sizeof(in_addr)};
    case Part::ct_original_ip6_daddr:
      return {Source::ct, NFT_CT_DST_IP6, sizeof(in6_addr)};
  }
  assert(false);
  return {};
}

std::uint32_t payload_base(Source source) {
  switch (source) {
    case Source::link_header:
      return NFT_PAYLOAD_LL_HEADER;
    case Source::network_header:
      return NFT_PAYLOAD_NETWORK_HEADER;
    default:
      return NFT_PAYLOAD_TRANSPORT_HEADER;
  }
}

/// Registers hold four bytes each; those of 16 bytes are four of them, and have numbers of their
/// own, which nft(8) prefers.
std::uint32_t register_at(std::uint32_t word) {
  return word % 4 == 0 ? NFT_REG_1 + word / 4 : NFT_REG32_00 + word;
}

/// An address as it stands in a packet.
struct NetworkOrder {
  std::array<std::uint8_t, sizeof(in6_addr)> bytes{};
  std::size_t size;

  explicit NetworkOrder(IpAddress const& address)
      : size(static_cast<std::size_t>(bits_of(address.family)) / 8) {
    for (std::size_t i = 0; i < size; ++i) {
      bytes[i] = static_cast<std::uint8_t>(address.bits >> (8 * (size - 1 - i)));
    }
  }
};

std::uint32_t nfproto_of(Family family) {
  return family == Family::ipv4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

void add_comment(nftnl_rule* rule, std::string const& comment) {
  Handle<nftnl_udata_buf, nftnl_udata_buf_free> data(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
  assert(data);
  nftnl_udata_put_strz(data.get(), NFTNL_UDATA_RULE_COMMENT, comment.c_str());
  nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(data.get()),
                      nftnl_udata_buf_len(data.get()));
}

}  // namespace

NftRule::NftRule(ChainName place, std::string const& comment)
    : place_(std::move(place)), rule_(nftnl_rule_alloc()) {
  assert(rule_);
  nftnl_rule_set_u32(rule_.get(), NFTNL_RULE_FAMILY, place_.family);
  nftnl_rule_set_str(rule_.get(), NFTNL_RULE_TABLE, place_.table.c_str());
  nftnl_rule_set_str(rule_.get(), NFTNL_RULE_CHAIN, place_.chain.c_str());
  if (!comment.empty()) {
    add_comment(rule_.get(), comment);
  }
}

NftRule& NftRule::load_meta(std::uint32_t key, std::uint32_t reg) {
  Expression("meta")
      .set(NFTNL_EXPR_META_KEY, key)
      .set(NFTNL_EXPR_META_DREG, reg)
      .add_to(rule_.get());
  return *this;
}

NftRule& NftRule::load_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t bytes,
                               std::uint32_t reg) {
  Expression("payload")
      .set(NFTNL_EXPR_PAYLOAD_BASE, base)
      .set(NFTNL_EXPR_PAYLOAD_OFFSET, offset)
      .set(NFTNL_EXPR_PAYLOAD_LEN, bytes)
      .set(NFTNL_EXPR_PAYLOAD_DREG, reg)
      .add_to(rule_.get());
  return *this;
}

NftRule& NftRule::load_ct(std::uint32_t key) {
  Expression("ct")
      .set(NFTNL_EXPR_CT_KEY, key)
      .set(NFTNL_EXPR_CT_DREG, NFT_REG_1)
      .add_to(rule_.get());
  return *this;
}

NftRule& NftRule::load_original(std::uint32_t key, std::uint32_t reg) {
  Handle<nftnl_expr, nftnl_expr_free> loading(nftnl_expr_alloc("ct"));
  assert(loading);
  nftnl_expr_set_u32(loading.get(), NFTNL_EXPR_CT_KEY, key);
  nftnl_expr_set_u8(loading.get(), NFTNL_EXPR_CT_DIR, IP_CT_DIR_ORIGINAL);
  nftnl_expr_set_u32(loading.get(), NFTNL_EXPR_CT_DREG, reg);
  nftnl_rule_add_expr(rule_.get(), loading.release());
  return *this;
}

NftRule& NftRule::load(Part part, std::uint32_t reg) {
  PartShape const shape = shape_of(part);
  if (shape.source == Source::meta) {
    return load_meta(shape.at, reg);
  }
  if (shape.source == Source::ct) {
    return load_original(shape.at, reg);
  }
  return load_payload(payload_base(shape.source), shape.at, shape.bytes, reg);
}

// Parts lie one behind the other, each in whole registers, and a lookup reads them as one key.
NftRule& NftRule::load_key(KeyParts key) {
  for (Part const part : key) {
    require_header_of(part);
  }
  std::uint32_t word = 0;
  for (Part const part : key) {
    load(part, register_at(word));
    word += (shape_of(part).bytes + 3) / 4;
  }
  return *this;
}

NftRule& NftRule::require_header_of(Part part) {
  bool const is_bridge = place_.family == NFPROTO_BRIDGE;
  switch (shape_of(part).header) {
    case Header::any:
      return *this;
    case Header::ethernet: {
      std::uint16_t const ethernet = ARPHRD_ETHER;
      return is_bridge ? *this
                       : load_meta(NFT_META_IIFTYPE, NFT_REG_1)
                             .compare(NFT_CMP_EQ, &ethernet, sizeof ethernet);
    }
    case Header::ipv4:
      return is_bridge ? protocol_is(ETH_P_IP) : family_is(Family::ipv4);
    case Header::ipv6:
      return is_bridge ? protocol_is(ETH_P_IPV6) : family_is(Family::ipv6);
    case Header::arp:
      return ether_type_is(ETH_P_ARP);
  }
  return *this;
}

// meta protocol: as ether type, but cheaper to load.
NftRule& NftRule::protocol_is(std::uint16_t ether_type) {
  std::uint16_t const value = htons(ether_type);
  return load_meta(NFT_META_PROTOCOL, NFT_REG_1).compare(NFT_CMP_EQ, &value, sizeof value);
}

NftRule& NftRule::mask(void const* bits, std::size_t bytes) {
  std::array<char, sizeof(in6_addr)> const zero{};
  assert(bytes <= zero.size());
  Expression("bitwise")
      .set(NFTNL_EXPR_BITWISE_SREG, NFT_REG_1)
      .set(NFTNL_EXPR_BITWISE_DREG, NFT_REG_1)
      .set(NFTNL_EXPR_BITWISE_LEN, static_cast<std::uint32_t>(bytes))
      .set(NFTNL_EXPR_BITWISE_MASK, bits, bytes)
      .set(NFTNL_EXPR_BITWISE_XOR, zero.data(), bytes)
      .add_to(rule_.get());
  return *this;
}

NftRule& NftRule::compare(std::uint32_t op, void const* data, std::size_t bytes) {
  Expression("cmp")
      .set(NFTNL_EXPR_CMP_SREG, NFT_REG_1)
      .set(NFTNL_EXPR_CMP_OP, op)
      .set(NFTNL_EXPR_CMP_DATA, data, bytes)
      .add_to(rule_.get());
  return *this;
}

// Names lie in registers padded with NUL to IFNAMSIZ: comparing fewer bytes compares a beginning.
NftRule& NftRule::compare_name(std::uint32_t op, std::string_view name, std::size_t bytes) {
  std::array<char, IFNAMSIZ> padded{};
  assert(name.size() < padded.size() && bytes <= padded.size());
  name.copy(padded.data(), name.size());
  return compare(op, padded.data(), bytes);
}

NftRule& NftRule::compare_byte(std::uint8_t value) {
  return compare(NFT_CMP_EQ, &value, sizeof value);
}

NftRule& NftRule::lookup(char const* set, std::uint32_t flags) {
  Expression("lookup")
      .set(NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1)
      .set(NFTNL_EXPR_LOOKUP_SET, set)
      .set(NFTNL_EXPR_LOOKUP_FLAGS, flags)
      .add_to(rule_.get());
  return *this;
}

NftRule& NftRule::lookup_into(std::uint32_t reg, char const* map) {
  Expression("lookup")
      .set(NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1)
      .set(NFTNL_EXPR_LOOKUP_DREG, reg)
      .set(NFTNL_EXPR_LOOKUP_SET, map)
      .add_to(rule_.get());
  return *this;
}

NftRule& NftRule::verdict(std::uint32_t code, char const* chain) {
  Expression immediate("immediate");
  immediate.set(NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT).set(NFTNL_EXPR_IMM_VERDICT, code);
  if (chain != nullptr) {
    immediate.set(NFTNL_EXPR_IMM_CHAIN, chain);
  }
  immediate.add_to(rule_.get());
  return *this;
}

NftRule& NftRule::in(KeyParts key, char const* set) {
  return load_key(key).lookup(set, 0);
}

NftRule& NftRule::not_in(KeyParts key, char const* set) {
  return load_key(key).lookup(set, NFT_LOOKUP_F_INV);
}

NftRule& NftRule::vmap(KeyParts key, char const* map) {
  return load_key(key).lookup_into(NFT_REG_VERDICT, map);
}

NftRule& NftRule::iifname_starts_with(std::string_view prefix) {
  return load_meta(NFT_META_IIFNAME, NFT_REG_1).compare_name(NFT_CMP_EQ, prefix, prefix.size());
}

NftRule& NftRule::oifname_starts_with(std::string_view prefix) {
  return load_meta(NFT_META_OIFNAME, NFT_REG_1).compare_name(NFT_CMP_EQ, prefix, prefix.size());
}

NftRule& NftRule::iifname_does_not_start_with(std::string_view prefix) {
  return load_meta(NFT_META_IIFNAME, NFT_REG_1).compare_name(NFT_CMP_NEQ, prefix, prefix.size());
}

// With the NUL behind it, as iptables does; it lists a comparison of 16 bytes in another form.
NftRule& NftRule::iifname_is(std::string_view name) {
  return load_meta(NFT_META_IIFNAME, NFT_REG_1).compare_name(NFT_CMP_EQ, name, name.size() + 1);
}

NftRule& NftRule::oifname_is(std::string_view name) {
  return load_meta(NFT_META_OIFNAME, NFT_REG_1).compare_name(NFT_CMP_EQ, name, name.size() + 1);
}

NftRule& NftRule::iifname_is_not(std::string_view name) {
  return load_meta(NFT_META_IIFNAME, NFT_REG_1).compare_name(NFT_CMP_NEQ, name, IFNAMSIZ);
}

NftRule& NftRule::iifkind_is(std::string_view kind) {
  return load_meta(NFT_META_IIFKIND, NFT_REG_1).compare_name(NFT_CMP_EQ, kind, IFNAMSIZ);
}

NftRule& NftRule::oifkind_is(std::string_view kind) {
  return load_meta(NFT_META_OIFKIND, NFT_REG_1).compare_name(NFT_CMP_EQ, kind, IFNAMSIZ);
}

NftRule& NftRule::ether_type_is(std::uint16_t type) {
  std::uint16_t const value = htons(type);
  return load_payload(NFT_PAYLOAD_LL_HEADER, offsetof(ethhdr, h_proto), sizeof value)
      .compare(NFT_CMP_EQ, &value, sizeof value);
}

NftRule& NftRule::family_is(Family family) {
  return load_meta(NFT_META_NFPROTO, NFT_REG_1)
      .compare_byte(static_cast<std::uint8_t>(nfproto_of(family)));
}

NftRule& NftRule::l4proto_is(std::uint8_t protocol) {
  return load_meta(NFT_META_L4PROTO, NFT_REG_1).compare_byte(protocol);
}

NftRule& NftRule::daddr_within(IpPrefix const& prefix) {
  int const bits = bits_of(prefix.family());
  NetworkOrder const ones(IpAddress{prefix.family(), ~AddressBits{0} << (bits - prefix.length)});
  NetworkOrder const first(prefix.first());
  return load_key({prefix.family() == Family::ipv4 ? Part::ip_daddr : Part::ip6_daddr})
      .mask(ones.bytes.data(), ones.size)
      .compare(NFT_CMP_EQ, first.bytes.data(), first.size);
}

NftRule& NftRule::ip6_saddr_is_unspecified() {
  NetworkOrder const unspecified(IpAddress{Family::ipv6, 0});
  return load_key({Part::ip6_saddr})
      .compare(NFT_CMP_EQ, unspecified.bytes.data(), unspecified.size);
}

NftRule& NftRule::udp_sport_is(std::uint16_t port) {
  std::uint16_t const value = htons(port);
  return l4proto_is(IPPROTO_UDP)
      .load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(udphdr, source), sizeof value)
      .compare(NFT_CMP_EQ, &value, sizeof value);
}

NftRule& NftRule::daddr_not_local_to_iif() {
  Expression("fib")
      .set(NFTNL_EXPR_FIB_DREG, NFT_REG_1)
      .set(NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE)
      .set(NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR | NFTA_FIB_F_IIF)
      .add_to(rule_.get());
  std::uint32_t const local = RTN_LOCAL;
  return compare(NFT_CMP_NEQ, &local, sizeof local);
}

NftRule& NftRule::saddr_reached_by_iif() {
  Expression("fib")
      .set(NFTNL_EXPR_FIB_DREG, NFT_REG_1)
      .set(NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_OIF)
      .set(NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_SADDR | NFTA_FIB_F_IIF | NFTA_FIB_F_PRESENT)
      .add_to(rule_.get());
  std::uint32_t const exists = 1;
  return compare(NFT_CMP_EQ, &exists, sizeof exists);
}

NftRule& NftRule::icmpv6_type_is(std::uint8_t type) {
  if (place_.family != NFPROTO_BRIDGE) {
    family_is(Family::ipv6);
  }
  return l4proto_is(IPPROTO_ICMPV6)
      .load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(icmp6hdr, icmp6_type), sizeof type)
      .compare_byte(type);
}

NftRule& NftRule::tcp_without_syn() {
  constexpr std::size_t flags_offset = 13;  // RFC 9293, section 3.1
  constexpr std::uint8_t syn = 0x02;
  return l4proto_is(IPPROTO_TCP)
      .load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, flags_offset, sizeof syn)
      .mask(&syn, sizeof syn)
      .compare_byte(0);
}

NftRule& NftRule::ct_new() {
  std::uint32_t const none = 0;
  return load_ct(NFT_CT_STATE)
      .mask(NF_CT_STATE_BIT(IP_CT_NEW))
      .compare(NFT_CMP_NEQ, &none, sizeof none);
}

NftRule& NftRule::ct_established_or_related() {
  std::uint32_t const none = 0;
  return load_ct(NFT_CT_STATE)
      .mask(NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED))
      .compare(NFT_CMP_NEQ, &none, sizeof none);
}

NftRule& NftRule::ct_dnat() {
  std::uint32_t const none = 0;
  return load_ct(NFT_CT_STATUS).mask(IPS_DST_NAT).compare(NFT_CMP_NEQ, &none, sizeof none);
}

NftRule& NftRule::ct_not_dnat() {
  std::uint32_t const none = 0;
  return load_ct(NFT_CT_STATUS).mask(IPS_DST_NAT).compare(NFT_CMP_EQ, &none, sizeof none);
}

// libnftnl takes the match's data over and frees it with free(3), which the analyzer cannot see.
// NOLINTBEGIN(clang-analyzer-unix.Malloc)
NftRule& NftRule::xt_comment(std::string_view text) {
  Handle<void, std::free> info(std::calloc(1, sizeof(xt_comment_info)));
  assert(info && text.size() < sizeof(xt_comment_info));
  std::memcpy(info.get(), text.data(), text.size());
  Expression("match")
      .set(NFTNL_EXPR_MT_NAME, "comment")
      .set(NFTNL_EXPR_MT_REV, std::uint32_t{0})
      .set(NFTNL_EXPR_MT_INFO, info.release(), sizeof(xt_comment_info))
      .add_to(rule_.get());
  return *this;
}
// NOLINTEND(clang-analyzer-unix.Malloc)

NftRule& NftRule::counter() {
  Expression("counter").add_to(rule_.get());
  return *this;
}

NftRule& NftRule::accept() {
  return verdict(NF_ACCEPT);
}

NftRule& NftRule::drop() {
  return verdict(NF_DROP);
}

NftRule& NftRule::return_() {
  return verdict(static_cast<std::uint32_t>(NFT_RETURN));
}

NftRule& NftRule::jump(char const* chain) {
  return verdict(static_cast<std::uint32_t>(NFT_JUMP), chain);
}

NftRule& NftRule::go_to(char const* chain) {
  return verdict(static_cast<std::uint32_t>(NFT_GOTO), chain);
}

NftRule& NftRule::masquerade() {
  Expression("masq").add_to(rule_.get());
  return *this;
}

NftRule& NftRule::snat(Family family) {
  Expression("nat")
      .set(NFTNL_EXPR_NAT_TYPE, std::uint32_t{NFT_NAT_SNAT})
      .set(NFTNL_EXPR_NAT_FAMILY, nfproto_of(family))
      .set(NFTNL_EXPR_NAT_REG_ADDR_MIN, std::uint32_t{NFT_REG_1})
      .add_to(rule_.get());
  return *this;
}

NftRule& NftRule::snat_to_mapped(Family family, char const* map) {
  return load(Part::iifname, NFT_REG_1).lookup_into(NFT_REG_1, map).snat(family);
}

NftRule& NftRule::snat_to_saddr(Family family) {
  return load(family == Family::ipv4 ? Part::ip_saddr : Part::ip6_saddr, NFT_REG_1).snat(family);
}

void NftRule::write(NftBatch& batch, std::uint16_t flags) const {
  auto const all = static_cast<std::uint16_t>(NLM_F_CREATE | flags);
  nlmsghdr* message = batch.open(NFT_MSG_NEWRULE, place_.family, all);
  nftnl_rule_nlmsg_build_payload(message, rule_.get());
  batch.close();
}

void NftRule::append_to(NftBatch& batch, std::uint16_t flags) const {
  write(batch, NLM_F_APPEND | flags);
}

void NftRule::insert_before(std::uint64_t handle, NftBatch& batch, std::uint16_t flags) const {
  nftnl_rule_set_u64(rule_.get(), NFTNL_RULE_POSITION, handle);
  write(batch, flags);
  nftnl_rule_unset(rule_.get(), NFTNL_RULE_POSITION);
}

}  // namespace drawbridge
