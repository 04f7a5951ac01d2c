// The accept rules beside Docker's, in `ip filter` and `ip6 filter`.
//
// In DOCKER-USER, behind the rules that users put there: so our packets do not walk what Docker has
// in FORWARD for each of its networks. Where the policy of FORWARD is drop, what our tables let
// through needs an accept there anyway, and has it at the end of FORWARD, too, because Docker takes
// its jump to DOCKER-USER out for a moment whenever it makes a network. They have the form in which
// iptables stores `-i db-+ -m comment --comment drawbridge -j ACCEPT`, so that it lists, finds,
// saves and deletes them. Nobody else's rule is ever touched. source: docs/firewall.md
#pragma once

#include "base/result.h"
#include "model/address.h"
#include "netlink/nft/rule.h"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

class NftSocket;

/// One of our rules: what `iptables -S` shows between the chain and the comment.
struct AcceptRule {
  enum class Direction : std::uint8_t { in, out };

  Direction direction;
  std::string interface;  // as iptables writes it: "db-+" is every name that starts with "db-"

  auto operator<=>(AcceptRule const&) const = default;
};

class ForwardAccept {
 public:
  explicit ForwardAccept(Family family);

  /// Puts our rules where they are missing and takes the pairs of bridges away that are gone. Costs
  /// a few questions when all is well, however long the chains are. Where the policy is accept it
  /// does nothing at the end of FORWARD: rules that are there stay. Once, it warns of legacy
  /// iptables in the log: that is no repair.
  ///
  /// named_bridges  those whose names do not start with bridge_prefix, two rules for each
  /// returns        a line for each chain that was changed
  Result<std::vector<std::string>> mend(NftSocket& socket,
                                        std::set<std::string> const& named_bridges);

  /// returns  a line for each chain that mend() would change
  Result<std::vector<std::string>> astray(NftSocket& socket,
                                          std::set<std::string> const& named_bridges);

  /// Takes exactly our rules away.
  ///
  /// returns  how many there were
  Result<std::size_t> remove_all(NftSocket& socket);

 private:
  using Rules = std::set<AcceptRule>;
  using Handles = std::map<AcceptRule, std::uint64_t>;

  Result<std::vector<std::string>> try_to_mend(NftSocket& socket, Rules const& wanted);
  Result<std::vector<std::string>> plan_all(NftSocket& socket, Rules const& wanted,
                                            NftBatch& batch);
  Result<bool> plan(NftSocket& socket, ChainName const& chain, Rules const& wanted,
                    NftBatch& batch);
  Result<bool> is_settled(NftSocket& socket, ChainName const& chain, Rules const& wanted);
  Result<void> commit(NftSocket& socket, NftBatch& batch);
  void warn_of_legacy();

  Family family_;
  std::map<std::string, Handles> known_;  // our rules by chain, as we last saw them
  bool warned_ = false;
};

}  // namespace drawbridge
