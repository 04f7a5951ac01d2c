#include "netlink/nft/connlimit.h"

#include "netlink/nft/rule.h"
#include "netlink/nft/skeleton.h"
#include "netlink/nft/socket.h"

#include <libnftnl/chain.h>
#include <libnftnl/set.h>

#include <cassert>
#include <charconv>
#include <variant>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

namespace drawbridge {
namespace {

constexpr std::string_view chain_prefix = "connlimit_";
constexpr char const* too_many = "more connections than the network allows one address";

/// What connlimit_chain() wrote into the name.
ConnLimit limit_in(std::string_view chain) {
  ConnLimit limit;
  char const* const end = chain.data() + chain.size();
  auto const rate = std::from_chars(chain.data() + chain_prefix.size(), end, limit.per_second);
  auto const burst = std::from_chars(rate.ptr + 1, end, limit.burst);
  assert(rate.ec == std::errc() && burst.ec == std::errc() && burst.ptr == end);
  return limit;
}

void append_chain(NftBatch& batch, std::string const& name) {
  Handle<nftnl_chain, nftnl_chain_free> chain(nftnl_chain_alloc());
  assert(chain);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, nft_table_name);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, name.c_str());
  nlmsghdr* message = batch.open(NFT_MSG_NEWCHAIN, NFPROTO_INET, NLM_F_CREATE | NLM_F_EXCL);
  nftnl_chain_nlmsg_build_payload(message, chain.get());
  batch.close();
}

// update @openers4 { oifname . ip saddr limit rate over 10/second burst 20 packets } counter drop
// update @openers6 { oifname . ip6 saddr limit rate over 10/second burst 20 packets } counter drop
void append_rules(NftBatch& batch, std::string const& chain) {
  ConnLimit const limit = limit_in(chain);
  ChainName const place{NFPROTO_INET, nft_table_name, chain};
  NftRule(place, too_many)
      .update_over({Part::oifname, Part::ip_saddr}, nft_set::openers4, limit)
      .counter()
      .drop()
      .append_to(batch);
  NftRule(place, too_many)
      .update_over({Part::oifname, Part::ip6_saddr}, nft_set::openers6, limit)
      .counter()
      .drop()
      .append_to(batch);
}

}  // namespace

bool is_connlimit_chain(std::string_view chain) {
  return chain.starts_with(chain_prefix);
}

std::set<std::string> connlimit_chains_of(std::set<Element> const& elements) {
  std::set<std::string> chains;
  auto next = elements.lower_bound(Element{nft_set::connlimit, {}});
  for (; next != elements.end() && next->set == nft_set::connlimit; ++next) {
    auto const* const verdict = std::get_if<Verdict>(&next->value);
    if (verdict != nullptr && is_connlimit_chain(verdict->chain)) {
      chains.insert(verdict->chain);
    }
  }
  return chains;
}

void append_connlimit_chains(NftBatch& batch, std::set<std::string> const& chains,
                             std::uint16_t family) {
  if (family != NFPROTO_INET) {
    return;
  }
  for (std::string const& chain : chains) {
    append_chain(batch, chain);
    append_rules(batch, chain);
  }
}

void append_openers_removal(NftBatch& batch, std::uint16_t family) {
  if (family != NFPROTO_INET) {
    return;
  }
  for (char const* name : {nft_set::openers4, nft_set::openers6}) {
    Handle<nftnl_set, nftnl_set_free> set(nftnl_set_alloc());
    assert(set);
    nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, nft_table_name);
    nftnl_set_set_str(set.get(), NFTNL_SET_NAME, name);
    nlmsghdr* message = batch.open(NFT_MSG_DELSETELEM, family, 0);
    nftnl_set_elems_nlmsg_build_payload(message, set.get());
    batch.close();
  }
}

}  // namespace drawbridge
