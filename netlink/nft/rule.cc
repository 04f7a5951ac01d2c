#include "netlink/nft/rule.h"

#include "netlink/nft/expression.h"
#include "netlink/nft/socket.h"

#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>

#include <array>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <arpa/inet.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_ether.h>
#include <linux/in6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tuple_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_comment.h>

namespace drawbridge {
namespace {

/// Registers hold four bytes each; those of 16 bytes are four of them, and have numbers of their
/// own, which nft(8) prefers.
std::uint32_t register_at(std::uint32_t word) {
  return word % 4 == 0 ? NFT_REG_1 + word / 4 : NFT_REG32_00 + word;
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
  if (shape.source == PartShape::Source::meta) {
    return load_meta(shape.at, reg);
  }
  if (shape.source == PartShape::Source::ct) {
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
    case PartShape::Header::any:
      return *this;
    case PartShape::Header::ethernet: {
      std::uint16_t const ethernet = ARPHRD_ETHER;
      return is_bridge ? *this
                       : load_meta(NFT_META_IIFTYPE, NFT_REG_1)
                             .compare(NFT_CMP_EQ, &ethernet, sizeof ethernet);
    }
    case PartShape::Header::ipv4:
      return is_bridge ? protocol_is(ETH_P_IP) : family_is(Family::ipv4);
    case PartShape::Header::ipv6:
      return is_bridge ? protocol_is(ETH_P_IPV6) : family_is(Family::ipv6);
    case PartShape::Header::arp:
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

NftRule& NftRule::return_to_caller() {
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
      .set(NFTNL_EXPR_NAT_FAMILY, std::uint32_t{nfproto_of(family)})
      .set(NFTNL_EXPR_NAT_REG_ADDR_MIN, std::uint32_t{NFT_REG_1})
      .add_to(rule_.get());
  return *this;
}

// The port lies in the first whole register behind the address.
NftRule& NftRule::dnat_to_target(KeyParts key, Family family, char const* map) {
  load_key(key).lookup_into(NFT_REG_1, map);
  auto const address_words = static_cast<std::uint32_t>(bits_of(family)) / 32;
  Expression("nat")
      .set(NFTNL_EXPR_NAT_TYPE, std::uint32_t{NFT_NAT_DNAT})
      .set(NFTNL_EXPR_NAT_FAMILY, std::uint32_t{nfproto_of(family)})
      .set(NFTNL_EXPR_NAT_REG_ADDR_MIN, std::uint32_t{NFT_REG_1})
      .set(NFTNL_EXPR_NAT_REG_PROTO_MIN, register_at(address_words))
      .add_to(rule_.get());
  return *this;
}

NftRule& NftRule::dnat_to_mapped(KeyParts key, Family family, char const* map) {
  load_key(key).lookup_into(NFT_REG_1, map);
  Expression("nat")
      .set(NFTNL_EXPR_NAT_TYPE, std::uint32_t{NFT_NAT_DNAT})
      .set(NFTNL_EXPR_NAT_FAMILY, std::uint32_t{nfproto_of(family)})
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
