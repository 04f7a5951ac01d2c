// Links that carry our mark: sees them, changes them, and nothing else.
//
// A retired veth keeps its name until it is deleted; it counts as absent, and one that is wanted
// again before that is taken back into use. The ifb that limits a pair's rate goes with it.
#pragma once

#include "netlink/plan.h"
#include "netlink/rate.h"
#include "netlink/reaper.h"
#include "netlink/route_socket.h"

#include <cstddef>
#include <set>
#include <string>

namespace drawbridge {

class OwnedLinks {
 public:
  static Result<OwnedLinks> open();

  /// Adds to `state` the bridges and veths of these names; other links of these names are foreign.
  Result<void> observe(std::set<std::string> const& names, KernelState& state);
  /// Adds to `state` all bridges and veths of ours, and the names of all other links as foreign.
  /// Retired ones that an earlier process left go into the queue of reap(), and so do ifbs that
  /// limit nothing.
  Result<void> observe_all(KernelState& state);

  // Errors of all of these:
  //   already_exists   a link of that name is there
  //   not_found        there is none of that name; for a retirement that is success
  //   conflict         it is there and does not carry our mark, or that of another owner
  Result<void> run(CreateBridge const& step);
  Result<void> run(RetireBridge const& step);
  Result<void> run(AddAddress const& step);
  Result<void> run(RemoveAddress const& step);
  Result<void> run(SetMtu const& step);
  Result<void> run(BringUp const& step);
  Result<void> run(CreateVeth const& step);
  Result<void> run(RetireVeth const& step);
  Result<void> run(AttachPort const& step);
  Result<void> run(SetIsolation const& step);
  Result<void> run(SetGroup const& step);
  Result<void> run(SetHairpin const& step);
  Result<void> run(AllowLoopback const& step);
  Result<void> run(SetRate const& step);

  /// Deletes a few retired links. See Reaper::reap().
  Result<void> reap() { return reaper_.reap(links_); }
  bool has_retired() const { return !reaper_.is_empty(); }
  std::size_t retired() const { return reaper_.size(); }

  /// Deletes every link of ours, now; goes on past what fails.
  ///
  /// returns  how many there were
  Result<std::size_t> remove_all();

 private:
  OwnedLinks(RouteSocket links, RateLimits limits, Reaper reaper)
      : links_(std::move(links)), limits_(std::move(limits)), reaper_(std::move(reaper)) {}

  Result<void> observe_one(Link const& link, KernelState& state);
  void enqueue(Link const& retired);
  Result<MacAddress> mac_behind(Link const& port);
  Result<std::string> name_of_link(std::uint32_t index);
  Result<Link> owned(std::string const& name);
  Result<std::optional<Link>> owned_by(std::string const& name, std::string const& owner);
  Result<std::uint32_t> master_named(std::string const& bridge);
  Result<bool> revive(Veth const& veth, std::uint32_t master);
  Error taken(std::string const& name);

  Result<void> observe_rates(std::vector<Link> const& all, KernelState& state);
  Result<void> retire_unused(Link const& limiter);
  Result<void> retire_limiter(Link const& limiter);
  Result<void> retire_limiter_of(std::string const& host_end);
  Result<void> settle_rate(Link const& host_end, Veth const& veth);
  Result<void> settle_rate_after_mtu(Link const& host_end, std::uint32_t mtu_bytes);
  Result<void> limit_new(Veth const& veth);

  RouteSocket links_;
  RateLimits limits_;
  Reaper reaper_;
};

}  // namespace drawbridge
