#include "netlink/rate.h"

#include "netlink/link_message.h"
#include "netlink/link_role.h"
#include "netlink/mark.h"
#include "netlink/rate_message.h"
#include "netlink/route_channel.h"

#include <fmt/core.h>
#include <netlink/errno.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace drawbridge {
namespace {

constexpr std::uint64_t bits_per_byte = 8;

/// A kind of link, qdisc, classifier or action that the kernel does not know is "not found", too.
Error refusal(int code, std::string const& host_end) {
  if (code != NLE_OBJ_NOTFOUND && code != NLE_OPNOTSUPP) {
    return nl_error(code, "limit " + host_end);
  }
  return {Errc::unsupported, "limit " + host_end +
                                 ": the kernel cannot: load ifb, sch_tbf, sch_ingress, cls_u32 and "
                                 "act_mirred, or leave the option `rate` out"};
}

bool is_working_limiter(Link const& link, std::string const& owner) {
  return role_of(link) == LinkRole::limiter && link.alias == limiter_mark_of(owner) && link.up &&
         has_bucket(link);
}

}  // namespace

std::string limiter_name(std::string_view host_end) {
  return std::string(limiter_prefix)
      .append(host_end.substr(std::min(port_prefix.size(), host_end.size())));
}

std::string host_end_of(std::string_view limiter) {
  return std::string(port_prefix)
      .append(limiter.substr(std::min(limiter_prefix.size(), limiter.size())));
}

bool has_bucket(Link const& link) {
  return link.qdisc == "tbf";
}

// The burst is what 10 ms bring: a timer of a busy machine may be as late, and what it missed is
// not made up for beyond the burst. Two frames are the least, since what is larger than the burst
// never leaves (packets that the kernel cuts later, GSO, are cut here). The queue is another
// 100 ms, with 50 TCP did not always fill 8 Mbit/s; ten frames at least, which is what TCP begins
// with, and 16 MiB at most, which is memory.
Bucket bucket_for(std::uint64_t rate_bits_per_second, std::uint32_t mtu_bytes) {
  constexpr std::uint64_t header_bytes = 18;  // Ethernet's, with one tag
  constexpr std::uint64_t longest_queue = 16U << 20;
  std::uint64_t const rate = rate_bits_per_second / bits_per_byte;
  std::uint64_t const frame = mtu_bytes + header_bytes;
  std::uint64_t const burst = std::max(rate / 100, 2 * frame);
  std::uint64_t const queue = std::clamp(rate / 10, 10 * frame, longest_queue);
  return {rate, static_cast<std::uint32_t>(burst), static_cast<std::uint32_t>(burst + queue)};
}

RateLimits::RateLimits(std::unique_ptr<RouteChannel> channel) : channel_(std::move(channel)) {}
RateLimits::RateLimits(RateLimits&&) noexcept = default;
RateLimits& RateLimits::operator=(RateLimits&&) noexcept = default;
RateLimits::~RateLimits() = default;

Result<RateLimits> RateLimits::open() {
  Result<RouteChannel> channel = RouteChannel::open();
  if (!channel) {
    return fail(channel.error());
  }
  return RateLimits(std::make_unique<RouteChannel>(std::move(*channel)));
}

Result<RateInForce> RateLimits::in_force(Link const& host_end, RouteSocket& links) {
  if (!has_bucket(host_end)) {
    return RateInForce{};
  }
  Result<std::uint64_t> const into = bucket_rate(host_end.index);
  if (!into) {
    return fail(into.error());
  }
  Result<std::uint32_t> const limiter = redirect_target(host_end.index);
  if (!limiter) {
    return fail(limiter.error());
  }
  Result<std::uint64_t> const out_of = limiter_rate(*limiter, host_end, links);
  if (!out_of) {
    return fail(out_of.error());
  }
  bool const is_whole = *into != 0 && *into == *out_of;
  return RateInForce{is_whole ? *into : unsound_rate, *limiter};
}

/// returns  bits per second; 0 when the bucket went meanwhile
Result<std::uint64_t> RateLimits::bucket_rate(std::uint32_t link) {
  std::vector<RouteMessage> batch;
  batch.push_back(rate_message::get_bucket(link));
  batch.back().forgive(NLE_OBJ_NOTFOUND).forgive(NLE_NODEV);
  std::uint64_t bytes_per_second = 0;
  int const code = first_failure(channel_->run(batch, [&](nlmsghdr* answer) {
    bytes_per_second = rate_message::parse_bucket(answer).value_or(0);
  }));
  if (code != 0) {
    return fail(nl_error(code, fmt::format("ask for the limit of link {}", link)));
  }
  return bytes_per_second * bits_per_byte;
}

/// returns  0 when what comes goes its normal way
Result<std::uint32_t> RateLimits::redirect_target(std::uint32_t host_end) {
  std::uint32_t target = 0;
  auto const keep = [&](nlmsghdr* answer) {
    target = rate_message::parse_redirect(answer).value_or(target);
  };
  int const code =
      channel_->dump(rate_message::list_redirects(host_end), keep, [&] { target = 0; });
  if (code != 0 && code != NLE_OBJ_NOTFOUND && code != NLE_NODEV) {
    return fail(nl_error(code, fmt::format("list the filters of link {}", host_end)));
  }
  return target;
}

/// returns  bits per second; 0 when no working ifb of ours has this index
Result<std::uint64_t> RateLimits::limiter_rate(std::uint32_t limiter, Link const& host_end,
                                               RouteSocket& links) {
  if (limiter == 0) {
    return std::uint64_t{0};
  }
  Result<std::optional<Link>> const link = links.find(limiter);
  if (!link) {
    return fail(link.error());
  }
  std::string const owner = owner_in(host_end.alias).value_or("");
  bool const is_working = *link && is_working_limiter(**link, owner);
  return is_working ? bucket_rate(limiter) : std::uint64_t{0};
}

Result<void> RateLimits::set(Link const& host_end, Veth const& veth, RouteSocket& links) {
  std::string const name = limiter_name(veth.host_end);
  Result<std::optional<Link>> const found = links.find(name);
  if (!found) {
    return fail(found.error());
  }
  bool const is_new = !*found;
  if (!is_new && ((*found)->kind != "ifb" || role_of(**found) == LinkRole::foreign)) {
    return fail(Errc::already_exists,
                "link " + name + " is there and is not drawbridge's; delete or rename it");
  }
  Result<std::uint32_t> const index =
      is_new ? links.free_index() : Result<std::uint32_t>((*found)->index);
  if (!index) {
    return fail(index.error());
  }
  Result<void> installed = install(host_end, veth, *index, is_new);
  if (installed) {
    return {};
  }
  ErrorList errors;
  errors.add(installed.error());
  for (Result<void> const& undone :
       {clear(host_end), is_new ? links.delete_link(*index) : Result<void>()}) {
    if (!undone) {
      errors.add(undone.error());
    }
  }
  return fail(errors.joined());
}

// Nothing is sent to the ifb before it can limit it: what comes to one that is down is lost.
Result<void> RateLimits::install(Link const& host_end, Veth const& veth, std::uint32_t limiter,
                                 bool is_new) {
  Bucket const bucket = bucket_for(veth.rate_bits_per_second, veth.mtu_bytes);
  std::vector<RouteMessage> batch;
  if (is_new) {
    batch.push_back(link_message::new_limiter(limiter_name(veth.host_end), limiter));
  }
  link_message::add_limiter(batch, veth, limiter);
  batch.push_back(rate_message::set_bucket(limiter, bucket));
  batch.push_back(rate_message::set_bucket(host_end.index, bucket));
  batch.push_back(rate_message::add_ingress(host_end.index));
  batch.push_back(rate_message::redirect_ingress(host_end.index, limiter));
  int const code = first_failure(channel_->run(batch));
  return code == 0 ? Result<void>() : fail(refusal(code, veth.host_end));
}

Result<void> RateLimits::clear(Link const& host_end) {
  std::vector<RouteMessage> batch;
  batch.push_back(rate_message::remove_ingress(host_end.index));
  batch.push_back(rate_message::remove_bucket(host_end.index));
  int const code = first_failure(channel_->run(batch));
  if (code != 0 && code != NLE_NODEV) {
    return fail(nl_error(code, "take the limit off " + host_end.name));
  }
  return {};
}

}  // namespace drawbridge
