// The control socket: what an administrator can ask the running daemon.
//
// What it fails to do is answered with status 500 and the reason as "Err".
#pragma once

#include "plugin/router.h"
#include "plugin/routes.h"
#include "plugin/status_report.h"
#include "store/store.h"

#include <chrono>

namespace drawbridge {

/// What only the control socket needs.
struct ControlSide {
  Store& store;  // outlives the router
  ServedPaths paths = {};
  std::string docker_socket = {};  // empty: Docker is not asked
  std::chrono::steady_clock::time_point started = std::chrono::steady_clock::now();
};

/// returns  a router for GET /status, /networks, /endpoints, /pools, /ports, /backup (the bytes of
/// a
///          copy of the state), GET /reconcile (what is to be repaired) and POST /reconcile (which
///          repairs it)
Router make_control_router(Services services, ControlSide side);

}  // namespace drawbridge
