// Ends of connections, for tests that see what gets through: each waits as long as a busy machine
// may take, and no longer.
#pragma once

#include "base/file_descriptor.h"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace drawbridge {

/// type     SOCK_STREAM or SOCK_DGRAM
/// options  of SOL_SOCKET to turn on: SO_REUSEADDR, SO_REUSEPORT
///
/// returns  a socket that is bound, and listens if it is TCP; closed, with errno, when that failed
FileDescriptor serve(int type, std::string const& ip, std::uint16_t port,
                     std::initializer_list<int> options = {});
std::uint16_t port_of(FileDescriptor const& socket);

/// returns  a socket that is connected; closed when nobody answered
FileDescriptor dial(int type, std::string const& ip, std::uint16_t port, int patience_ms = 5000);
/// returns  true when a TCP connection is neither taken nor refused; needs a control that is
bool is_unanswered(std::string const& ip, std::uint16_t port);
FileDescriptor accept_from(FileDescriptor const& listener);

void say(FileDescriptor const& socket, std::string const& words);
/// returns  so many bytes, or fewer where the other side ended or nothing more came
std::string hear(FileDescriptor const& socket, std::size_t size);
/// returns  true when the connection is over; `error` is 0 after an orderly end
bool ends(FileDescriptor const& socket, int error = 0);

/// Gives this namespace an address that is at once its own in every respect.
void add_loopback_address(std::string const& ip);

/// returns  how many descriptors this process has open
std::size_t open_descriptors();

}  // namespace drawbridge
