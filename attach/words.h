// What the log says of a membership that was made or ended. Pure.
#pragma once

#include "attach/plan.h"

#include <string>

namespace drawbridge {

/// returns  "proxy http-proxy joined network shop: container web is routable"
std::string words_of_connect(HostView const& host, AttachWishes const& wishes,
                             Membership const& membership);

/// returns  "proxy http-proxy left network shop: no routable container is left"
std::string words_of_disconnect(HostView const& host, AttachWishes const& wishes,
                                Membership const& membership);

}  // namespace drawbridge
