// The one door to the kernel. linux_kernel.h is the real one, tests/support/fake_kernel.h the
// other.
//
// Synchronous, one thread. Only links that carry our mark (ifalias "drawbridge:<id>") and our own
// nftables tables are ever changed, besides the accept rules that SPEC.md names under Coexistence.
#pragma once

#include "base/result.h"
#include "model/pool.h"
#include "netlink/flow.h"
#include "netlink/kernel_state.h"
#include "netlink/plan.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {

/// What was done to this host meanwhile.
struct Disturbance {
  bool ours = false;   // to a link or a table of ours, or perhaps. Links: by ourselves, too
  bool rules = false;  // to any nftables table, by others
};

class Kernel {
 public:
  virtual ~Kernel() = default;

  /// Looks at the named links only.
  ///
  /// returns    bridges and veths of these names that carry our mark, the foreign names among them,
  ///            and the families that are forwarded. Never `elements`: our tables are written, not
  ///            read.
  virtual Result<KernelState> observe(std::set<std::string> const& links) = 0;

  /// Looks at every link: those that carry our mark, and the names of all others as foreign.
  /// Retired ones go back to the reaper's queue. Looks at our tables, too: they are read where
  /// others changed any nftables table since they were right.
  ///
  /// returns  with `elements`, but for the host's own: uplinks, name servers. Where tables are
  ///          astray or not known, they are what was written last
  virtual Result<KernelState> observe_owned() = 0;

  /// Reads what the sets of our tables hold, but for the facts of the host that they hold, too. For
  /// a start that remembers nothing; it asks for each set.
  virtual Result<std::set<Element>> held_elements() = 0;

  /// Runs a plan, all or nothing: when a step fails, the inverses of the steps before it run.
  /// Removing what is gone is success.
  ///
  /// errors  already_exists   a link of that name is there
  ///         kernel           the kernel refused; the text says which step and why
  virtual Result<void> apply(Plan const& plan) = 0;

  /// Replaces our tables by the static skeleton and these elements, in one transaction.
  virtual Result<void> replace_ruleset(std::set<Element> const& elements) = 0;

  /// Puts back what others can take away: our tables, the accept rules beside a FORWARD policy of
  /// drop, the lists of uplinks and name servers. Costs one short look when nothing changed.
  ///
  /// returns  a line for each repair
  virtual Result<std::vector<std::string>> mend() = 0;

  /// returns  a line for each repair of accept rules that mend() would make
  virtual Result<std::vector<std::string>> astray_accept_rules() = 0;

  /// Forgets the connections for which `is_to_be_cut` says yes; their next packet is judged as
  /// that of a new one. Looks at every connection of this host: not on the path of a reply.
  ///
  /// returns  how many
  virtual Result<std::size_t> cut_flows(std::function<bool(Flow const&)> const& is_to_be_cut) = 0;

  /// Forgets the connections that one of the patterns means. Costs the kernel at least one walk
  /// over its table (9 ms even when that is empty): not on the path of a reply.
  ///
  /// returns  how many
  virtual Result<std::size_t> forget_flows(std::vector<FlowPattern> const& patterns) = 0;

  /// Deletes a few retired links. To be called while nobody waits.
  ///
  /// returns  true while more are left
  virtual bool reap() = 0;
  /// returns  how many retired links wait for it
  virtual std::size_t links_to_reap() const = 0;

  /// Costs what has changed since the last call; our own links' part of it costs the logarithm of
  /// their number.
  ///
  /// returns  the host's routes, kept current by what the kernel reports; changed by the next call
  virtual Result<HostRoutes const*> host_routes() = 0;

  /// returns  a descriptor, only to wait on, that is readable while host_routes() has something to
  ///          take in, news or not; -1 where there is none. Another call may take it in before it
  ///          is seen: whoever waits looks at the generation once in a while, too.
  virtual int events_descriptor() const = 0;

  /// returns  what others did since the last call. Never waits
  virtual Disturbance take_disturbance() = 0;

  /// returns  a descriptor, only to wait on, that is readable while others changed any nftables
  ///          table; take_disturbance() takes it in. -1 where there is none. Links and addresses
  ///          are among what events_descriptor() tells, and are taken in by host_routes()
  virtual int rules_descriptor() const = 0;

  /// returns  the MTU of the default route's interface; 1500 without a default route
  virtual Result<std::uint32_t> default_mtu_bytes() = 0;
};

}  // namespace drawbridge
