#include "netlink/nft/fingerprint.h"

#include "netlink/nft/connlimit.h"
#include "netlink/nft/skeleton.h"
#include "netlink/nft/socket.h"

#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>

#include <cassert>
#include <string>
#include <string_view>
#include <utility>

#include <linux/netfilter/nf_tables.h>

namespace drawbridge {
namespace {

/// returns  a fingerprint of the table alone
Result<Fingerprint> look_at_table(NftSocket& socket, std::uint16_t family) {
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
  Fingerprint found;
  found.table = nftnl_table_get_u64(table.get(), NFTNL_TABLE_HANDLE);
  found.flags = nftnl_table_get_u32(table.get(), NFTNL_TABLE_FLAGS);
  return found;
}

// Older kernels list the chains of every table of the family.
Result<void> add_chains(NftSocket& socket, std::uint16_t family, Fingerprint& found) {
  NftQuestion question(NFT_MSG_GETCHAIN, family, NLM_F_DUMP);
  auto const read = [&found](nlmsghdr const* answer) {
    Handle<nftnl_chain, nftnl_chain_free> chain(nftnl_chain_alloc());
    assert(chain);
    nftnl_chain_nlmsg_parse(answer, chain.get());
    if (std::string_view(nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_TABLE)) == nft_table_name) {
      found.chains.emplace_back(nftnl_chain_get_u64(chain.get(), NFTNL_CHAIN_HANDLE),
                                nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_POLICY));
      std::string const name = nftnl_chain_get_str(chain.get(), NFTNL_CHAIN_NAME);
      if (is_connlimit_chain(name)) {
        found.connlimit_chains.insert(name);
      }
    }
  };
  return socket.ask(question, read, [&found] {
    found.chains.clear();
    found.connlimit_chains.clear();
  });
}

Result<void> add_rules(NftSocket& socket, std::uint16_t family, Fingerprint& found) {
  Handle<nftnl_rule, nftnl_rule_free> filter(nftnl_rule_alloc());
  assert(filter);
  nftnl_rule_set_str(filter.get(), NFTNL_RULE_TABLE, nft_table_name);
  NftQuestion question(NFT_MSG_GETRULE, family, NLM_F_DUMP);
  nftnl_rule_nlmsg_build_payload(question.message(), filter.get());
  auto const read = [&found](nlmsghdr const* answer) {
    Handle<nftnl_rule, nftnl_rule_free> rule(nftnl_rule_alloc());
    assert(rule);
    nftnl_rule_nlmsg_parse(answer, rule.get());
    found.rules.push_back(nftnl_rule_get_u64(rule.get(), NFTNL_RULE_HANDLE));
  };
  return socket.ask(question, read, [&found] { found.rules.clear(); });
}

}  // namespace

Result<std::optional<Fingerprint>> fingerprint_of(NftSocket& socket, std::uint16_t family) {
  Result<Fingerprint> found = look_at_table(socket, family);
  if (!found && found.error().code == Errc::not_found) {
    return std::nullopt;
  }
  if (!found) {
    return fail(found.error());
  }
  Result<void> asked = add_chains(socket, family, *found);
  if (asked) {
    asked = add_rules(socket, family, *found);
  }
  if (!asked) {
    return fail(asked.error());
  }
  return std::move(*found);
}

}  // namespace drawbridge
