// Our table `inet drawbridge` in the kernel, and the accept rules beside it.
//
// Written, never read back: what the sets hold is mirrored here, so an operation costs one small
// transaction however many networks there are. source: docs/firewall.md
#pragma once

#include "base/result.h"
#include "netlink/kernel_state.h"

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {

class NftTable {
 public:
  /// errors  kernel   no nf_tables, or no right to use it
  static Result<NftTable> open();
  NftTable(NftTable&&) noexcept;
  NftTable& operator=(NftTable&&) noexcept;
  ~NftTable();

  /// Replaces the whole table by the skeleton, these elements and the uplinks, in one transaction:
  /// no packet sees neither, and established flows go on. Follow it by mend().
  ///
  /// errors  kernel   refused; what was there is still there
  Result<void> replace(std::set<Element> const& elements);

  /// Removes and adds elements in one transaction. Removing what is gone and adding what is there
  /// is success. A table that is not as it was written is replaced. A bridge that is named in
  /// another way than "db-…" gets its accept rules, or loses them, on the way.
  ///
  /// errors  kernel   refused; the table is as it was
  Result<void> change(std::set<Element> const& remove, std::set<Element> const& add);

  /// Makes these the interfaces that carry a next-hop route. Before the first replace() it only
  /// takes note.
  Result<void> set_uplinks(std::set<std::string> const& interfaces);

  /// Puts back what others took away: the table, or the accept rules where FORWARD drops. Costs one
  /// question when nothing in any table changed but by us.
  ///
  /// returns  a line for each repair
  Result<std::vector<std::string>> mend();

  /// Takes the table and the accept rules away.
  Result<void> remove_all();

 private:
  class State;
  explicit NftTable(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace drawbridge
