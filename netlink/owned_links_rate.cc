// The part of owned_links.h that limits rates.
#include "netlink/link_role.h"
#include "netlink/mark.h"
#include "netlink/owned_links.h"

namespace drawbridge {

/// Adds the limits that are in force to veths of `state`. An ifb that nothing is handed to, because
/// its maker died or others took its filter away, is retired.
Result<void> OwnedLinks::observe_rates(std::vector<Link> const& all, KernelState& state) {
  std::set<std::uint32_t> used;
  for (Link const& link : all) {
    if (role_of(link) != LinkRole::veth) {
      continue;
    }
    Result<RateInForce> const rate = limits_.in_force(link, links_);
    if (!rate) {
      return fail(rate.error());
    }
    state.veths[link.name].rate_bits_per_second = rate->bits_per_second;
    used.insert(rate->limiter);
  }
  for (Link const& link : all) {
    bool const is_unused = role_of(link) == LinkRole::limiter && !used.contains(link.index);
    Result<void> retired = is_unused ? retire_unused(link) : Result<void>();
    if (!retired) {
      return retired;
    }
  }
  return {};
}

/// Where the bucket at the host end is gone, nobody asked what is handed to this ifb: it may be all
/// that leaves the container.
Result<void> OwnedLinks::retire_unused(Link const& limiter) {
  Result<std::optional<Link>> const host_end = links_.find(host_end_of(limiter.name));
  if (!host_end) {
    return fail(host_end.error());
  }
  bool const is_unseen =
      *host_end && role_of(**host_end) == LinkRole::veth && !has_bucket(**host_end);
  Result<void> cleared = is_unseen ? limits_.clear(**host_end) : Result<void>();
  return cleared ? retire_limiter(limiter) : cleared;
}

Result<void> OwnedLinks::retire_limiter(Link const& limiter) {
  Result<void> retired = links_.retire_veth(limiter.index);
  if (retired) {
    reaper_.add_veth(limiter.index);
  }
  return retired;
}

/// Of a host end that has one; what is not there is not missed.
Result<void> OwnedLinks::retire_limiter_of(std::string const& host_end) {
  Result<std::optional<Link>> const limiter = links_.find(limiter_name(host_end));
  if (!limiter) {
    return fail(limiter.error());
  }
  bool const is_ours = *limiter && role_of(**limiter) == LinkRole::limiter;
  return is_ours ? retire_limiter(**limiter) : Result<void>();
}

/// Gives the host end the limit that `veth` wants, or takes off what it has.
Result<void> OwnedLinks::settle_rate(Link const& host_end, Veth const& veth) {
  if (veth.rate_bits_per_second > unsound_rate) {
    return limits_.set(host_end, veth, links_);
  }
  if (!has_bucket(host_end)) {
    return {};
  }
  Result<void> cleared = limits_.clear(host_end);
  return cleared ? retire_limiter_of(host_end.name) : cleared;
}

/// A pair that cannot be limited is not made at all.
Result<void> OwnedLinks::limit_new(Veth const& veth) {
  Result<Link> const link = owned(veth.host_end);
  if (!link) {
    return fail(link.error());
  }
  Result<void> limited = settle_rate(*link, veth);
  if (limited) {
    return limited;
  }
  ErrorList errors;
  errors.add(limited.error());
  Result<void> const removed = links_.delete_link(link->index);
  if (!removed) {
    errors.add(removed.error());
  }
  return fail(errors.joined());
}

/// Larger frames need a larger bucket.
Result<void> OwnedLinks::settle_rate_after_mtu(Link const& host_end, std::uint32_t mtu_bytes) {
  Result<RateInForce> const rate = limits_.in_force(host_end, links_);
  if (!rate) {
    return fail(rate.error());
  }
  Veth veth;
  veth.host_end = host_end.name;
  veth.owner = owner_in(host_end.alias).value_or("");
  veth.mtu_bytes = mtu_bytes;
  veth.rate_bits_per_second = rate->bits_per_second;
  return veth.rate_bits_per_second > unsound_rate ? settle_rate(host_end, veth) : Result<void>();
}

Result<void> OwnedLinks::run(SetRate const& step) {
  Result<std::optional<Link>> const link = owned_by(step.veth.host_end, step.veth.owner);
  if (!link) {
    return fail(link.error());
  }
  if (!*link) {
    return fail(Errc::not_found, "link " + step.veth.host_end + " is not there");
  }
  return settle_rate(**link, step.veth);
}

}  // namespace drawbridge
