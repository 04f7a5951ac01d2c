// How the daemon holds a host port: whose packets it takes and relays, because the kernel cannot
// translate them. Pure. source: docs/ports.md
#pragma once

#include "model/network.h"
#include "ports/host_ports.h"

namespace drawbridge {

PortHold hold_of(Network const& network, Endpoint const& endpoint, PublishedPort const& port);

}  // namespace drawbridge
