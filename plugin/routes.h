// The methods of both protocols, one row each: decode, call, encode.
#pragma once

#include "driver/driver.h"
#include "ipam/ipam.h"
#include "netlink/kernel.h"
#include "plugin/attendance.h"
#include "plugin/engine_view.h"
#include "plugin/looks.h"
#include "plugin/router.h"

namespace drawbridge {

/// What the handlers work on; all outlive the router.
struct Services {
  CommitGroup& group;
  Driver& driver;
  Ipam& ipam;
  Kernel& kernel;
  EngineView& engine;
  Looks& looks;
  Attendance* attendance = nullptr;  // none: no answer waits for proxies
};

/// returns  a router that knows Plugin.Activate and every method of PROTOCOL.md
Router make_plugin_router(Services services);

}  // namespace drawbridge
