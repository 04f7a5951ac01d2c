// Which tables of ours stand in the kernel with the rules that this build writes, whoever wrote
// them: this daemon, or the one before it.
//
// A daemon knows what it wrote by fingerprint. For the next one it leaves a mark in set `written`:
// one word, a digest of the rules as this build writes them and of the fingerprints. Rules of
// another build, and rules that others changed, give another word. Internal to netlink/.
// source: docs/firewall.md
#pragma once

#include "base/result.h"
#include "netlink/kernel_state.h"
#include "netlink/nft/fingerprint.h"

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

class NftSocket;

/// Of tables, by family.
using Fingerprints = std::map<std::uint16_t, Fingerprint>;

/// rules    the bytes that write them
/// boot     what is another text each time that the host starts: tables that somebody saved, edited
///          and loaded after that can have the handles of ours
/// returns  fifteen digits, which an interface's name has room for; others when anything differs
std::string word_for(std::string_view rules, std::string_view boot,
                     Fingerprints const& fingerprints);

class WrittenTables {
 public:
  /// Where the kernel has no nf_tables for bridges, it says so in the log, and does without that
  /// table. Without it members are not kept from forging addresses, nor projects apart; all else
  /// holds.
  explicit WrittenTables(NftSocket& socket);

  /// returns  NFPROTO_INET, NFPROTO_BRIDGE
  std::vector<std::uint16_t> const& families() const { return families_; }

  /// returns  false before remember() and recognise()
  bool are_known() const { return !fingerprints_.empty(); }

  /// Takes the tables as they are for ours, right after they were written. When a look fails they
  /// are not known for ours, and the next astray() names them.
  void remember(NftSocket& socket);

  /// Takes the tables that bear our mark for ours.
  ///
  /// returns  false where none do, or a look fails
  bool recognise(NftSocket& socket);

  /// returns  a line for each table that is not as it was written
  /// errors   kernel   refused
  Result<std::vector<std::string>> astray(NftSocket& socket) const;

  /// returns  a line for each table that is not there
  /// errors   kernel   refused
  Result<std::vector<std::string>> absent(NftSocket& socket) const;

  /// returns  the chains that elements of `connlimit` lead to, and that are not there
  std::set<std::string> missing_chains(std::set<Element> const& elements) const;

  /// returns  the mark of the tables that are known
  Element mark() const;

  void forget() { fingerprints_.clear(); }

 private:
  Element mark_of(Fingerprints const& fingerprints) const;

  std::vector<std::uint16_t> families_;
  Fingerprints fingerprints_;
};

}  // namespace drawbridge
