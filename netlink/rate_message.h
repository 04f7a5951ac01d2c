// Limits of rate as rtnetlink messages, there and back: tc(8) by hand. Pure.
//
// Internal to this folder (libnl types). source: linux/pkt_sched.h, linux/pkt_cls.h,
// linux/tc_act/tc_mirred.h
#pragma once

#include "netlink/rate.h"
#include "netlink/route_message.h"

#include <cstdint>
#include <optional>

namespace drawbridge::rate_message {

// tc qdisc replace dev LINK root tbf …; tc qdisc get, del dev LINK root
RouteMessage set_bucket(std::uint32_t link, Bucket const& bucket);
RouteMessage get_bucket(std::uint32_t link);
RouteMessage remove_bucket(std::uint32_t link);

// tc qdisc add, del dev LINK ingress. What is there already stays as it is.
RouteMessage add_ingress(std::uint32_t link);
RouteMessage remove_ingress(std::uint32_t link);

/// tc filter replace dev LINK ingress pref 1 u32 match u32 0 0 action mirred egress redirect dev TO
RouteMessage redirect_ingress(std::uint32_t link, std::uint32_t to);
/// tc filter show dev LINK ingress; to be dumped
RouteMessage list_redirects(std::uint32_t link);

/// returns  bytes per second; nothing for a message about something else
std::optional<std::uint64_t> parse_bucket(nlmsghdr* message);
/// returns  the index of the link that takes what comes; nothing for another kind of filter
std::optional<std::uint32_t> parse_redirect(nlmsghdr* message);

}  // namespace drawbridge::rate_message
