// The queue of retired links: what is deleted while nobody waits.
//
// Every deletion looks at the mark first: an index may have come to belong to another link.
#pragma once

#include "base/result.h"
#include "netlink/route_socket.h"

#include <cstddef>
#include <cstdint>
#include <set>

namespace drawbridge {

class Reaper {
 public:
  /// Chooses a group number for veths that no link on this host has: deleting a group takes every
  /// member.
  static Result<Reaper> create(RouteSocket& links);

  void add_bridge(std::uint32_t index) { bridges_.insert(index); }
  void add_veth(std::uint32_t index) { veths_.insert(index); }
  void forget(std::uint32_t index);

  /// Deletes a few veths, or else one bridge: the kernel lets nobody at any link meanwhile.
  ///
  /// returns  what could not be deleted; it is out of the queue, and comes back with the next look
  ///          at all links
  Result<void> reap(RouteSocket& links);
  bool is_empty() const { return bridges_.empty() && veths_.empty(); }
  std::size_t size() const { return bridges_.size() + veths_.size(); }

 private:
  explicit Reaper(std::uint32_t group) : group_(group) {}
  Result<void> reap_veths(RouteSocket& links);
  Result<void> reap_bridge(RouteSocket& links);

  std::uint32_t group_;
  std::set<std::uint32_t> bridges_;  // by index
  std::set<std::uint32_t> veths_;    // of the host ends
};

}  // namespace drawbridge
