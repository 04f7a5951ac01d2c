#include "netlink/nft/fingerprint.h"

#include "netlink/nft/skeleton.h"
#include "netlink/nft/socket.h"

#include <libnftnl/rule.h>
#include <libnftnl/table.h>

#include <cassert>
#include <utility>

#include <linux/netfilter/nf_tables.h>

namespace drawbridge {
namespace {

Result<std::uint64_t> table_handle(NftSocket& socket, std::uint16_t family) {
  Handle<nftnl_table, nftnl_table_free> table(nftnl_table_alloc());
  assert(table);
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, nft_table_name);
  NftQuestion question(NFT_MSG_GETTABLE, family, 0);
  nftnl_table_nlmsg_build_payload(question.message(), table.get());
  Result<void> asked = socket.ask(
      question, [&](nlmsghdr const* answer) { nftnl_table_nlmsg_parse(answer, table.get()); });
  if (!asked) {
    return fail(asked.error());
  }
  return nftnl_table_get_u64(table.get(), NFTNL_TABLE_HANDLE);
}

Result<std::vector<std::uint64_t>> rule_handles(NftSocket& socket, std::uint16_t family) {
  std::vector<std::uint64_t> handles;
  Handle<nftnl_rule, nftnl_rule_free> filter(nftnl_rule_alloc());
  assert(filter);
  nftnl_rule_set_str(filter.get(), NFTNL_RULE_TABLE, nft_table_name);
  NftQuestion question(NFT_MSG_GETRULE, family, NLM_F_DUMP);
  nftnl_rule_nlmsg_build_payload(question.message(), filter.get());
  auto const read = [&handles](nlmsghdr const* answer) {
    Handle<nftnl_rule, nftnl_rule_free> rule(nftnl_rule_alloc());
    assert(rule);
    nftnl_rule_nlmsg_parse(answer, rule.get());
    handles.push_back(nftnl_rule_get_u64(rule.get(), NFTNL_RULE_HANDLE));
  };
  Result<void> asked = socket.ask(question, read, [&handles] { handles.clear(); });
  if (!asked) {
    return fail(asked.error());
  }
  return handles;
}

}  // namespace

Result<std::optional<Fingerprint>> fingerprint_of(NftSocket& socket, std::uint16_t family) {
  Result<std::uint64_t> const table = table_handle(socket, family);
  if (!table && table.error().code == Errc::not_found) {
    return std::nullopt;
  }
  if (!table) {
    return fail(table.error());
  }
  Result<std::vector<std::uint64_t>> rules = rule_handles(socket, family);
  if (!rules) {
    return fail(rules.error());
  }
  return Fingerprint{*table, std::move(*rules)};
}

}  // namespace drawbridge
