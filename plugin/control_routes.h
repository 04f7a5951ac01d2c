// The control socket: what an administrator can ask the running daemon.
#pragma once

#include "driver/driver.h"
#include "ipam/ipam.h"
#include "plugin/router.h"

namespace drawbridge {

/// returns  a router for GET /status: version, numbers of networks and endpoints, every leased pool
Router make_control_router(Driver const& driver, Ipam const& ipam);

}  // namespace drawbridge
