// What tests that send packets do with their sockets.
#pragma once

#include "base/file_descriptor.h"

#include <cstdint>
#include <string>

#include <netinet/in.h>

namespace drawbridge {

/// returns  an IPv4 address as IPv6 sockets write it, "::ffff:10.1.0.2", or an IPv6 address
sockaddr_in6 socket_address(std::string const& ip, std::uint16_t port);

/// returns  true when something arrives within so many milliseconds
bool becomes_readable(FileDescriptor const& socket, int patience_ms);

}  // namespace drawbridge
