#include "netlink/nft_expressions.h"

#include "netlink/nft_socket.h"

#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>

#include <array>
#include <cassert>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <utility>

#include <linux/icmpv6.h>
#include <linux/if.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/rtnetlink.h>

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

NftRule& NftRule::load_payload(std::uint32_t base, std::uint32_t offset, std::uint32_t bytes) {
  Expression("payload")
      .set(NFTNL_EXPR_PAYLOAD_BASE, base)
      .set(NFTNL_EXPR_PAYLOAD_OFFSET, offset)
      .set(NFTNL_EXPR_PAYLOAD_LEN, bytes)
      .set(NFTNL_EXPR_PAYLOAD_DREG, NFT_REG_1)
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

NftRule& NftRule::mask(std::uint32_t bits) {
  std::uint32_t const zero = 0;
  Expression("bitwise")
      .set(NFTNL_EXPR_BITWISE_SREG, NFT_REG_1)
      .set(NFTNL_EXPR_BITWISE_DREG, NFT_REG_1)
      .set(NFTNL_EXPR_BITWISE_LEN, sizeof bits)
      .set(NFTNL_EXPR_BITWISE_MASK, &bits, sizeof bits)
      .set(NFTNL_EXPR_BITWISE_XOR, &zero, sizeof zero)
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

NftRule& NftRule::verdict(std::uint32_t code) {
  Expression("immediate")
      .set(NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT)
      .set(NFTNL_EXPR_IMM_VERDICT, code)
      .add_to(rule_.get());
  return *this;
}

NftRule& NftRule::iifname_in(char const* set) {
  return load_meta(NFT_META_IIFNAME, NFT_REG_1).lookup(set, 0);
}

NftRule& NftRule::oifname_in(char const* set) {
  return load_meta(NFT_META_OIFNAME, NFT_REG_1).lookup(set, 0);
}

NftRule& NftRule::oifname_not_in(char const* set) {
  return load_meta(NFT_META_OIFNAME, NFT_REG_1).lookup(set, NFT_LOOKUP_F_INV);
}

// Two names of 16 bytes fill registers 1 and 2, which a lookup reads as one key.
NftRule& NftRule::iifname_oifname_vmap(char const* map) {
  load_meta(NFT_META_IIFNAME, NFT_REG_1).load_meta(NFT_META_OIFNAME, NFT_REG_2);
  Expression("lookup")
      .set(NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1)
      .set(NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT)
      .set(NFTNL_EXPR_LOOKUP_SET, map)
      .add_to(rule_.get());
  return *this;
}

NftRule& NftRule::iifname_starts_with(std::string_view prefix) {
  return load_meta(NFT_META_IIFNAME, NFT_REG_1).compare_name(NFT_CMP_EQ, prefix, prefix.size());
}

NftRule& NftRule::oifname_starts_with(std::string_view prefix) {
  return load_meta(NFT_META_OIFNAME, NFT_REG_1).compare_name(NFT_CMP_EQ, prefix, prefix.size());
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

NftRule& NftRule::oifkind_is(std::string_view kind) {
  return load_meta(NFT_META_OIFKIND, NFT_REG_1).compare_name(NFT_CMP_EQ, kind, IFNAMSIZ);
}

NftRule& NftRule::ip_daddr_in(char const* set) {
  return load_meta(NFT_META_NFPROTO, NFT_REG_1)
      .compare_byte(NFPROTO_IPV4)
      .load_payload(NFT_PAYLOAD_NETWORK_HEADER, offsetof(iphdr, daddr), sizeof(in_addr))
      .lookup(set, 0);
}

NftRule& NftRule::ip6_daddr_in(char const* set) {
  return load_meta(NFT_META_NFPROTO, NFT_REG_1)
      .compare_byte(NFPROTO_IPV6)
      .load_payload(NFT_PAYLOAD_NETWORK_HEADER, offsetof(ipv6hdr, daddr), sizeof(in6_addr))
      .lookup(set, 0);
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

NftRule& NftRule::icmpv6_type_is(std::uint8_t type) {
  return load_meta(NFT_META_NFPROTO, NFT_REG_1)
      .compare_byte(NFPROTO_IPV6)
      .load_meta(NFT_META_L4PROTO, NFT_REG_1)
      .compare_byte(IPPROTO_ICMPV6)
      .load_payload(NFT_PAYLOAD_TRANSPORT_HEADER, offsetof(icmp6hdr, icmp6_type), sizeof type)
      .compare_byte(type);
}

NftRule& NftRule::ct_established_or_related() {
  std::uint32_t const none = 0;
  return load_ct(NFT_CT_STATE)
      .mask(NF_CT_STATE_BIT(IP_CT_ESTABLISHED) | NF_CT_STATE_BIT(IP_CT_RELATED))
      .compare(NFT_CMP_NEQ, &none, sizeof none);
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

NftRule& NftRule::masquerade() {
  Expression("masq").add_to(rule_.get());
  return *this;
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
