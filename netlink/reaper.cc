#include "netlink/reaper.h"

#include "netlink/mark.h"

#include <algorithm>
#include <random>

namespace drawbridge {
namespace {

// A veth in a group costs half a millisecond, during which no link on this host can be changed.
constexpr std::size_t veths_at_a_time = 32;

/// From the half of the numbers in which no link in use is: kernel_state.h, LinkGroup.
std::uint32_t random_group() {
  return std::random_device{}() | 1U << 31;
}

/// returns  true for a retired link, false for one that is gone or has come to be another's
Result<bool> is_retired(RouteSocket& links, std::uint32_t index) {
  Result<std::optional<Link>> const link = links.find(index);
  if (!link) {
    return fail(link.error());
  }
  return link->has_value() && (*link)->alias == retired_mark;
}

}  // namespace

Result<Reaper> Reaper::create(RouteSocket& links) {
  Result<std::vector<Link>> const all = links.links();
  if (!all) {
    return fail(all.error());
  }
  std::uint32_t group = random_group();
  while (std::any_of(all->begin(), all->end(),
                     [&](Link const& link) { return link.group == group; })) {
    group = random_group();
  }
  return Reaper(group);
}

void Reaper::forget(std::uint32_t index) {
  bridges_.erase(index);
  veths_.erase(index);
}

Result<void> Reaper::reap(RouteSocket& links) {
  if (!veths_.empty()) {
    return reap_veths(links);
  }
  return bridges_.empty() ? Result<void>() : reap_bridge(links);
}

Result<void> Reaper::reap_veths(RouteSocket& links) {
  std::set<std::uint32_t> batch;
  for (std::size_t tried = 0; tried < veths_at_a_time && !veths_.empty(); ++tried) {
    std::uint32_t const index = veths_.extract(veths_.begin()).value();
    Result<bool> const retired = is_retired(links, index);
    if (!retired) {
      return fail(retired.error());
    }
    if (*retired) {
      batch.insert(index);
    }
  }
  return batch.empty() ? Result<void>() : links.delete_links(batch, group_);
}

Result<void> Reaper::reap_bridge(RouteSocket& links) {
  std::uint32_t const index = bridges_.extract(bridges_.begin()).value();
  Result<bool> const retired = is_retired(links, index);
  if (!retired) {
    return fail(retired.error());
  }
  return *retired ? links.delete_link(index) : Result<void>();
}

}  // namespace drawbridge
