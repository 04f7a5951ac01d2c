// Our tables `inet drawbridge` and `bridge drawbridge` in the kernel, and the accept rules beside
// them.
//
// What the sets hold is mirrored here, and read back only by replace(), and by look() when others
// were there: so an operation costs one small transaction however many networks there are.
// source: docs/firewall.md
#pragma once

#include "base/result.h"
#include "netlink/kernel_state.h"
#include "netlink/nft/monitor.h"

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {

/// What a look at our tables found.
struct TableView {
  bool are_known = false;           // false before the first replace(): whose they are is not known
  std::vector<std::string> astray;  // a line for each damage but to `elements`
  std::set<Element> elements;       // what the sets hold, without facts of the host. What is astray
                                    // is not read: then it is what they should hold
};

class NftTable {
 public:
  /// Where the kernel has no nf_tables for bridges, it says so in the log, and does without that
  /// table from then on.
  ///
  /// errors  kernel   no nf_tables, or no right to use it
  static Result<NftTable> open();
  NftTable(NftTable&&) noexcept;
  NftTable& operator=(NftTable&&) noexcept;
  ~NftTable();

  /// Makes both tables the skeleton, these elements, the uplinks and the resolvers, in one
  /// transaction: no packet sees neither, and established flows go on. Rules stay that are still as
  /// this build writes them, also those of an earlier daemon; so do elements that are right.
  /// What others took out comes back, what others put in is taken out. Follow it by mend().
  ///
  /// errors  kernel   refused; what was there is still there
  Result<void> replace(std::set<Element> const& elements);

  /// Removes and adds elements in one transaction, of both tables. Removing what is gone and adding
  /// what is there is success; an element that is removed and added with another value is replaced.
  /// Tables that are not as they were written are replaced. A bridge that is named in another way
  /// than "db-…" gets its accept rules, or loses them, on the way.
  ///
  /// errors  kernel   refused, as are intervals of a set that overlap; the tables are as they were
  Result<void> change(std::set<Element> const& remove, std::set<Element> const& add);

  /// Makes these the interfaces that carry a next-hop route. Before the first replace() it only
  /// takes note.
  Result<void> set_uplinks(std::set<std::string> const& interfaces);

  /// Makes these the name servers that networks reach whose egress is limited. Before the first
  /// replace() it only takes note.
  Result<void> set_resolvers(std::set<IpAddress> const& addresses);

  /// Puts back what others took away: the tables, or the accept rules. Costs one question when
  /// nothing in any table changed but by us.
  ///
  /// returns  a line for each repair
  Result<std::vector<std::string>> mend();

  /// Looks at what the tables hold. Costs one question when nothing in any table changed but by us
  /// since they were right, else all of them are read. Nothing changes.
  ///
  /// errors  kernel   refused
  Result<TableView> look();

  /// returns  a line for each chain of others where mend() would put our accept rules in order
  /// errors   kernel   refused
  Result<std::vector<std::string>> astray_accept_rules();

  /// Reads what look() reads when it is not known yet whose the tables are: before the first
  /// replace().
  ///
  /// returns  what their sets hold, without facts of the host
  /// errors   kernel   refused
  Result<std::set<Element>> held();

  /// returns  what others did to tables of this host since the last call
  NftNews take_news();
  /// returns  what is readable while there is such news
  int news_descriptor() const;

  /// Takes the tables and the accept rules away.
  ///
  /// returns  how many accept rules there were
  Result<std::size_t> remove_all();

 private:
  class State;
  explicit NftTable(std::unique_ptr<State> state);

  std::unique_ptr<State> state_;
};

}  // namespace drawbridge
