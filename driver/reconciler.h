// Brings the kernel from one desired state to another: observe, diff, apply. Nothing else changes
// links or rules.
#pragma once

#include "driver/repair.h"
#include "netlink/kernel.h"

#include <set>
#include <string>
#include <vector>

namespace drawbridge {

class Reconciler {
 public:
  /// kernel outlives the object.
  explicit Reconciler(Kernel& kernel) : kernel_(kernel) {}

  /// Changes what differs between two states of a few objects; what agrees with `after` already is
  /// left alone, what should be there of both and is not is made again.
  ///
  /// before, after   the same objects before and after the change, and nothing else
  /// errors  already_exists   a link of a wanted name is not ours; untouched
  ///         kernel           nothing changed; the text says which step failed and why
  Result<void> bring_to(KernelState const& before, KernelState const& after);

  /// The same, but a veth pair that is not there stays away: it went with its sandbox, and a new
  /// one would connect nobody.
  Result<void> change(KernelState const& before, KernelState const& after);

  /// Compares everything of ours with `wanted`: removes what is not in it, makes what is missing.
  /// The ruleset is replaced where it differs, and where it is not known yet. Pairs that are not
  /// there stay away. A family is forwarded again that was seen forwarded before; none else is.
  /// Goes on past single failures.
  ///
  /// returns  what was wrong; what followed from other damage is told with it
  std::vector<Repair> bring_all_to(KernelState const& wanted);

  /// Compares the same, and changes nothing.
  ///
  /// errors  kernel   it cannot be looked at
  Result<std::vector<Repair>> compare_all(KernelState const& wanted);

 private:
  Result<KernelState> look(KernelState const& before, KernelState const& after);
  Result<KernelState> look_at_all();
  void mend_links(KernelState const& observed, Plan const& plan, std::vector<Repair>& repairs);
  Plan repairs_of(KernelState const& observed, KernelState const& wanted) const;

  Kernel& kernel_;
  std::set<Family> seen_forwarded_;
};

}  // namespace drawbridge
