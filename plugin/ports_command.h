// `drawbridge ports`: asks the running daemon which ports are published.
#pragma once

#include "base/result.h"
#include "plugin/options.h"

#include <string>

namespace drawbridge {

/// Asks the daemon on its control socket.
///
/// returns  what to print: a table, or the daemon's JSON
/// errors   kernel, invalid_argument   no daemon answers there; the text says what to do
///          malformed, unsupported     what answers is another drawbridge, or none
Result<std::string> list_ports(PortsCommand const& command);

}  // namespace drawbridge
