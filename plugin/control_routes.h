// The control socket: what an administrator can ask the running daemon.
#pragma once

#include "plugin/router.h"
#include "plugin/routes.h"

namespace drawbridge {

/// returns  a router for GET /status (version, numbers of networks and endpoints, leased pools, how
///          full the configured ones are) and for GET /ports (every published port)
Router make_control_router(Services services);

}  // namespace drawbridge
