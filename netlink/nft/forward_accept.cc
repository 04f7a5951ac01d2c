#include "netlink/nft/forward_accept.h"

#include "base/log.h"
#include "netlink/kernel_state.h"
#include "netlink/nft/socket.h"

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <fstream>
#include <optional>
#include <utility>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

namespace drawbridge {
namespace {

using Chain = Handle<nftnl_chain, nftnl_chain_free>;
using Rule = Handle<nftnl_rule, nftnl_rule_free>;

constexpr char const* forward = "FORWARD";
constexpr std::array<char const*, 2> chain_names{"DOCKER-USER", forward};
constexpr std::string_view comment = "drawbridge";

// ---- one rule ----------------------------------------------------------------------------------

/// -i INTERFACE -m comment --comment drawbridge -j ACCEPT
NftRule build(AcceptRule const& rule, ChainName const& chain) {
  NftRule built(chain, "");
  std::string_view name = rule.interface;
  bool const is_prefix = name.ends_with('+');
  name.remove_suffix(is_prefix ? 1 : 0);
  if (rule.direction == AcceptRule::Direction::in) {
    is_prefix ? built.iifname_starts_with(name) : built.iifname_is(name);
  } else {
    is_prefix ? built.oifname_starts_with(name) : built.oifname_is(name);
  }
  built.xt_comment(comment).counter().accept();
  return built;
}

std::vector<nftnl_expr const*> expressions_of(nftnl_rule const* rule) {
  std::vector<nftnl_expr const*> found;
  Handle<nftnl_expr_iter, nftnl_expr_iter_destroy> iterator(nftnl_expr_iter_create(rule));
  assert(iterator);
  while (nftnl_expr const* expression = nftnl_expr_iter_next(iterator.get())) {
    found.push_back(expression);
  }
  return found;
}

/// returns  "meta cmp match counter immediate"
std::string outline(std::vector<nftnl_expr const*> const& expressions) {
  std::string names;
  for (nftnl_expr const* expression : expressions) {
    names += names.empty() ? "" : " ";
    names += nftnl_expr_get_str(expression, NFTNL_EXPR_NAME);
  }
  return names;
}

std::string_view data_of(nftnl_expr const* expression, std::uint16_t attribute) {
  std::uint32_t bytes = 0;
  auto const* data = static_cast<char const*>(nftnl_expr_get(expression, attribute, &bytes));
  return data == nullptr ? std::string_view() : std::string_view(data, bytes);
}

std::string_view up_to_nul(std::string_view text) {
  return text.substr(0, text.find('\0'));
}

bool is_our_comment(nftnl_expr const* match) {
  return up_to_nul(data_of(match, NFTNL_EXPR_MT_NAME)) == "comment" &&
         up_to_nul(data_of(match, NFTNL_EXPR_MT_INFO)) == comment;
}

std::optional<AcceptRule::Direction> direction_of(nftnl_expr const* meta) {
  switch (nftnl_expr_get_u32(meta, NFTNL_EXPR_META_KEY)) {
    case NFT_META_IIFNAME:
      return AcceptRule::Direction::in;
    case NFT_META_OIFNAME:
      return AcceptRule::Direction::out;
    default:
      return std::nullopt;
  }
}

/// returns  what the comparison accepts, as iptables writes it; without a NUL it is a beginning
std::string interface_of(nftnl_expr const* compare) {
  std::string_view const data = data_of(compare, NFTNL_EXPR_CMP_DATA);
  std::string_view const name = up_to_nul(data);
  return std::string(name) + (name.size() == data.size() ? "+" : "");
}

bool gives_verdict(nftnl_expr const* immediate, std::uint32_t verdict) {
  return nftnl_expr_is_set(immediate, NFTNL_EXPR_IMM_VERDICT) &&
         nftnl_expr_get_u32(immediate, NFTNL_EXPR_IMM_VERDICT) == verdict;
}

/// Knows our rules by what they do and by iptables' comment: saving and restoring keeps only these.
std::optional<AcceptRule> recognise(nftnl_rule const* rule) {
  std::vector<nftnl_expr const*> const parts = expressions_of(rule);
  if (outline(parts) != "meta cmp match counter immediate") {
    return std::nullopt;
  }
  std::optional<AcceptRule::Direction> const direction = direction_of(parts[0]);
  bool const equal = nftnl_expr_get_u32(parts[1], NFTNL_EXPR_CMP_OP) == NFT_CMP_EQ;
  if (!direction || !equal || !is_our_comment(parts[2]) || !gives_verdict(parts[4], NF_ACCEPT)) {
    return std::nullopt;
  }
  return AcceptRule{*direction, interface_of(parts[1])};
}

/// returns  true for -j RETURN without a condition
bool is_final_return(nftnl_rule const* rule) {
  std::vector<nftnl_expr const*> const parts = expressions_of(rule);
  std::string const names = outline(parts);
  return (names == "counter immediate" || names == "immediate") &&
         gives_verdict(parts.back(), static_cast<std::uint32_t>(NFT_RETURN));
}

// ---- one chain ---------------------------------------------------------------------------------

ChainName chain_of(Family family, std::string const& name) {
  return {family == Family::ipv4 ? std::uint16_t{NFPROTO_IPV4} : std::uint16_t{NFPROTO_IPV6},
          "filter", name};
}

/// returns  "chain FORWARD of ip filter"
std::string describe(ChainName const& chain) {
  return "chain " + chain.chain + " of " + (chain.family == NFPROTO_IPV4 ? "ip " : "ip6 ") +
         chain.table;
}

/// returns  the chain as the kernel tells it; none where there is no such chain
Result<Chain> look_at(NftSocket& socket, ChainName const& name) {
  Chain chain(nftnl_chain_alloc());
  assert(chain);
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_TABLE, name.table.c_str());
  nftnl_chain_set_str(chain.get(), NFTNL_CHAIN_NAME, name.chain.c_str());
  NftQuestion question(NFT_MSG_GETCHAIN, name.family, 0);
  nftnl_chain_nlmsg_build_payload(question.message(), chain.get());
  Result<void> const asked = socket.ask(
      question, [&](nlmsghdr const* answer) { nftnl_chain_nlmsg_parse(answer, chain.get()); });
  if (!asked && asked.error().code == Errc::not_found) {
    return Chain();
  }
  if (!asked) {
    return fail(asked.error());
  }
  return chain;
}

bool drops_by_policy(Chain const& chain) {
  return chain && nftnl_chain_is_set(chain.get(), NFTNL_CHAIN_POLICY) &&
         nftnl_chain_get_u32(chain.get(), NFTNL_CHAIN_POLICY) == NF_DROP;
}

Rule rule_in(ChainName const& chain) {
  Rule rule(nftnl_rule_alloc());
  assert(rule);
  nftnl_rule_set_u32(rule.get(), NFTNL_RULE_FAMILY, chain.family);
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, chain.table.c_str());
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, chain.chain.c_str());
  return rule;
}

Rule parse(nlmsghdr const* message) {
  Rule rule(nftnl_rule_alloc());
  assert(rule);
  nftnl_rule_nlmsg_parse(message, rule.get());
  return rule;
}

/// returns  what is at this handle, if it is one of ours
Result<std::optional<AcceptRule>> rule_at(NftSocket& socket, ChainName const& chain,
                                          std::uint64_t handle) {
  std::optional<AcceptRule> found;
  Rule const rule = rule_in(chain);
  nftnl_rule_set_u64(rule.get(), NFTNL_RULE_HANDLE, handle);
  NftQuestion question(NFT_MSG_GETRULE, chain.family, 0);
  nftnl_rule_nlmsg_build_payload(question.message(), rule.get());
  Result<void> const asked =
      socket.ask(question, [&](nlmsghdr const* answer) { found = recognise(parse(answer).get()); });
  if (!asked && asked.error().code != Errc::not_found) {
    return fail(asked.error());
  }
  return found;
}

/// What a walk along a whole chain finds.
struct Walk {
  std::vector<std::pair<AcceptRule, std::uint64_t>> ours;
  std::uint64_t final_return = 0;  // handle of the first -j RETURN without a condition

  void meet(nftnl_rule const* rule) {
    std::uint64_t const handle = nftnl_rule_get_u64(rule, NFTNL_RULE_HANDLE);
    if (std::optional<AcceptRule> const found = recognise(rule)) {
      ours.emplace_back(*found, handle);
    } else if (final_return == 0 && is_final_return(rule)) {
      final_return = handle;
    }
  }
};

Result<Walk> walk(NftSocket& socket, ChainName const& chain) {
  Walk walk;
  Rule const filter = rule_in(chain);
  NftQuestion question(NFT_MSG_GETRULE, chain.family, NLM_F_DUMP);
  nftnl_rule_nlmsg_build_payload(question.message(), filter.get());
  Result<void> const asked = socket.ask(
      question, [&](nlmsghdr const* answer) { walk.meet(parse(answer).get()); },
      [&walk] { walk = Walk{}; });
  if (!asked) {
    return fail(asked.error());
  }
  return walk;
}

void append_deletion(NftBatch& batch, ChainName const& chain, std::uint64_t handle) {
  Rule const rule = rule_in(chain);
  nftnl_rule_set_u64(rule.get(), NFTNL_RULE_HANDLE, handle);
  nlmsghdr* message = batch.open(NFT_MSG_DELRULE, chain.family, 0);
  nftnl_rule_nlmsg_build_payload(message, rule.get());
  batch.close();
}

/// Only what users put into DOCKER-USER before its RETURN is ever reached, and so with ours.
void append_addition(NftBatch& batch, ChainName const& chain, AcceptRule const& rule,
                     std::uint64_t final_return) {
  NftRule const built = build(rule, chain);
  if (chain.chain == forward || final_return == 0) {
    built.append_to(batch, NLM_F_ECHO);
  } else {
    built.insert_before(final_return, batch, NLM_F_ECHO);
  }
}

std::set<AcceptRule> rules_for(std::set<std::string> const& named_bridges) {
  std::set<AcceptRule> rules;
  auto const add_pair = [&rules](std::string const& interface) {
    rules.insert({AcceptRule::Direction::in, interface});
    rules.insert({AcceptRule::Direction::out, interface});
  };
  add_pair(std::string(bridge_prefix) + "+");
  std::for_each(named_bridges.begin(), named_bridges.end(), add_pair);
  return rules;
}

}  // namespace

ForwardAccept::ForwardAccept(Family family) : family_(family) {}

Result<std::vector<std::string>> ForwardAccept::mend(NftSocket& socket,
                                                     std::set<std::string> const& named_bridges) {
  Rules const wanted = rules_for(named_bridges);
  Result<std::vector<std::string>> mended = try_to_mend(socket, wanted);
  if (!mended && mended.error().code == Errc::not_found) {
    mended = try_to_mend(socket, wanted);  // a chain changed between our look and our change
  }
  if (!mended) {
    return mended;
  }
  warn_of_legacy();
  return mended;
}

Result<std::vector<std::string>> ForwardAccept::astray(NftSocket& socket,
                                                       std::set<std::string> const& named_bridges) {
  NftBatch never_sent;
  std::map<std::string, Handles> known = known_;
  Result<std::vector<std::string>> lines = plan_all(socket, rules_for(named_bridges), never_sent);
  known_ = std::move(known);
  return lines;
}

Result<std::vector<std::string>> ForwardAccept::try_to_mend(NftSocket& socket,
                                                            Rules const& wanted) {
  NftBatch batch;
  Result<std::vector<std::string>> lines = plan_all(socket, wanted, batch);
  if (!lines) {
    return lines;
  }
  Result<void> const committed = commit(socket, batch);
  return committed ? std::move(lines) : fail(committed.error());
}

/// returns  a line for each chain for which `batch` holds something
Result<std::vector<std::string>> ForwardAccept::plan_all(NftSocket& socket, Rules const& wanted,
                                                         NftBatch& batch) {
  std::vector<std::string> lines;
  Result<Chain> const policy = look_at(socket, chain_of(family_, forward));
  if (!policy) {
    return fail(policy.error());
  }
  for (char const* name : chain_names) {
    if (std::string_view(name) == forward && !drops_by_policy(*policy)) {
      continue;  // at its end they would do what the policy does
    }
    Result<bool> const planned = plan(socket, chain_of(family_, name), wanted, batch);
    if (!planned) {
      return fail(planned.error());
    }
    if (*planned) {
      lines.push_back(describe(chain_of(family_, name)) + ": accept rules put in order");
    }
  }
  return lines;
}

/// returns  true when `batch` holds something for this chain
Result<bool> ForwardAccept::plan(NftSocket& socket, ChainName const& chain, Rules const& wanted,
                                 NftBatch& batch) {
  Result<bool> const settled = is_settled(socket, chain, wanted);
  if (!settled || *settled) {
    return settled ? false : settled;
  }
  Result<Walk> const found = walk(socket, chain);
  if (!found) {
    return fail(found.error());
  }
  Handles& known = known_[chain.chain];
  known.clear();
  for (auto const& [rule, handle] : found->ours) {
    if (!wanted.contains(rule) || !known.emplace(rule, handle).second) {
      append_deletion(batch, chain, handle);
    }
  }
  for (AcceptRule const& rule : wanted) {
    if (!known.contains(rule)) {
      append_addition(batch, chain, rule, found->final_return);
    }
  }
  return known.size() != wanted.size() || known.size() != found->ours.size();
}

/// returns  true when the rules that we know of are there, and are all; or when there is no chain
Result<bool> ForwardAccept::is_settled(NftSocket& socket, ChainName const& chain,
                                       Rules const& wanted) {
  Result<Chain> const there = look_at(socket, chain);
  if (!there) {
    return fail(there.error());
  }
  if (!*there) {
    return true;
  }
  Handles const& known = known_[chain.chain];
  for (auto const& [rule, handle] : known) {
    Result<std::optional<AcceptRule>> const found = rule_at(socket, chain, handle);
    if (!found) {
      return fail(found.error());
    }
    if (*found != rule || !wanted.contains(rule)) {
      return false;
    }
  }
  return known.size() == wanted.size();
}

Result<void> ForwardAccept::commit(NftSocket& socket, NftBatch& batch) {
  auto const remember = [this](nlmsghdr const* echo) {
    Rule const rule = parse(echo);
    if (std::optional<AcceptRule> const added = recognise(rule.get())) {
      std::string const chain = nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN);
      known_[chain][*added] = nftnl_rule_get_u64(rule.get(), NFTNL_RULE_HANDLE);
    }
  };
  Result<void> committed = socket.commit(batch, remember);
  if (!committed) {
    known_.clear();
  }
  return committed;
}

// The rules of the older iptables live in another part of the kernel, out of our reach.
void ForwardAccept::warn_of_legacy() {
  bool const ipv4 = family_ == Family::ipv4;
  std::ifstream tables(ipv4 ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names");
  for (std::string table; !warned_ && std::getline(tables, table);) {
    warned_ = table == "filter";
    if (warned_) {
      log::warn(
          "{}-legacy has a filter table: if its FORWARD chain drops, let interfaces db-+ through "
          "there",
          ipv4 ? "iptables" : "ip6tables");
    }
  }
}

Result<std::size_t> ForwardAccept::remove_all(NftSocket& socket) {
  NftBatch batch;
  std::size_t removed = 0;
  for (char const* name : chain_names) {
    ChainName const chain = chain_of(family_, name);
    Result<Walk> const found = walk(socket, chain);
    if (!found) {
      return fail(found.error().within("remove accept rules"));
    }
    for (auto const& [rule, handle] : found->ours) {
      append_deletion(batch, chain, handle);
      ++removed;
    }
  }
  known_.clear();
  Result<void> const committed = commit(socket, batch);
  return committed ? Result<std::size_t>(removed) : fail(committed.error());
}

}  // namespace drawbridge
