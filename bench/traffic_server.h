// The side that answers: echoes on one port, reads and forgets on the next.
#pragma once

#include <cstdint>

namespace drawbridge {

/// Prints "ready" once it listens, on `port` (sends back what it gets) and on the next one (reads
/// and forgets). Returns when its standard input ends.
void serve(std::uint16_t port);

}  // namespace drawbridge
