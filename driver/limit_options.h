// The values of the options that limit how much: `rate` and `connlimit`. Pure.
//
// What they mean in the kernel is in netlink/rate.h and netlink/nft/connlimit.h.
#pragma once

#include "base/result.h"
#include "model/policy.h"

#include <cstdint>
#include <string_view>

namespace drawbridge {

/// Reads "8mbit": a whole number and a unit of tc(8), bit, kbit, mbit or gbit, in powers of ten.
///
/// returns  bits per second, as many as whole bytes have: the kernel counts in these
/// errors   invalid_argument   not that, or out of 8kbit to 100gbit; without key and value, like
///                             bad_value()
Result<std::uint64_t> parse_rate(std::string_view text);

/// Reads "N/s" or "N/s:BURST", both from 1 to 1000000. Without a burst it is N.
///
/// errors   invalid_argument   not that; without key and value, like bad_value()
Result<ConnLimit> parse_connlimit(std::string_view text);

}  // namespace drawbridge
