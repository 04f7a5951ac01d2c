// Published ports as messages show them. Pure.
#pragma once

#include "model/published_port.h"

#include <string>

namespace drawbridge {

/// returns  "30000-39999", or "8080" where both ends are one
std::string to_text(PortRange const& range);

/// returns  the ports of this host: "0.0.0.0:8080-8090/tcp", "[::1]:53/udp"
std::string host_text(PublishedPort const& port);

}  // namespace drawbridge
