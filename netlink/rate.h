// Limits how fast a container receives and sends: token buckets of the kernel (tc-tbf(8)), outside
// of its reach. Internal to netlink/.
//
//   into it     a bucket at the host end of its pair, where the bridge sends
//   out of it   the host end hands what comes to an ifb of its own, which has the other bucket;
//   from
//               there it comes in again as if it had just arrived, to the bridge and its guards
//
// Made only where a rate is asked for. ADR 24 has what was measured.
#pragma once

#include "base/result.h"
#include "netlink/kernel_state.h"
#include "netlink/route_socket.h"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace drawbridge {

class RouteChannel;
class RouteMessage;

/// How the names of the ifbs begin; on they go like those of the host ends.
inline constexpr std::string_view limiter_prefix = "di-";

/// returns  "di-0123456789ab" for "dv-0123456789ab"
std::string limiter_name(std::string_view host_end);
/// Undoes it.
std::string host_end_of(std::string_view limiter);

/// What tbf is told.
struct Bucket {
  std::uint64_t bytes_per_second = 0;  // of whole frames
  std::uint32_t burst_bytes = 0;       // may leave at once after a pause
  std::uint32_t queue_bytes = 0;       // may wait; what is more is dropped

  bool operator==(Bucket const&) const = default;
};

/// The bucket for a rate. Pure.
Bucket bucket_for(std::uint64_t rate_bits_per_second, std::uint32_t mtu_bytes);

/// What the kernel says of the limits of a host end.
struct RateInForce {
  std::uint64_t bits_per_second = 0;  // 0: no limit; unsound_rate: not whole
  std::uint32_t limiter = 0;          // index of the ifb that takes what comes; 0: none
};

/// returns  true when the link has a bucket; one without costs no question more
bool has_bucket(Link const& link);

class RateLimits {
 public:
  static Result<RateLimits> open();
  RateLimits(RateLimits&&) noexcept;
  RateLimits& operator=(RateLimits&&) noexcept;
  ~RateLimits();

  Result<RateInForce> in_force(Link const& host_end, RouteSocket& links);

  /// Makes the limit, or changes it; the buckets keep what waits in them. An ifb that is there
  /// already, even a retired one, is used. When it fails there is no limit.
  ///
  /// veth    its owner, MTU and rate, which is not 0
  /// errors  already_exists   a link of the ifb's name is there and is not ours
  ///         unsupported      the kernel has not all that it takes
  Result<void> set(Link const& host_end, Veth const& veth, RouteSocket& links);

  /// Takes both limits off the host end. The ifb stays, and does nothing any more.
  Result<void> clear(Link const& host_end);

 private:
  explicit RateLimits(std::unique_ptr<RouteChannel> channel);
  Result<std::uint64_t> bucket_rate(std::uint32_t link);
  Result<std::uint32_t> redirect_target(std::uint32_t host_end);
  Result<std::uint64_t> limiter_rate(std::uint32_t limiter, Link const& host_end,
                                     RouteSocket& links);
  Result<void> install(Link const& host_end, Veth const& veth, std::uint32_t limiter, bool is_new);

  std::unique_ptr<RouteChannel> channel_;
};

}  // namespace drawbridge
