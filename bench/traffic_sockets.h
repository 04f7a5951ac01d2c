// Sockets as the traffic program makes them. What fails ends the program with a line that says why.
#pragma once

#include "base/file_descriptor.h"

#include <cstddef>
#include <cstdint>
#include <string>

#include <netinet/in.h>

namespace drawbridge {

constexpr std::size_t stream_buffer_size = 128 * 1024;  // bytes of one send or receive
constexpr int event_count = 64;                         // of one epoll_wait

[[noreturn]] void give_up(std::string const& why);
[[noreturn]] void give_up_with_errno(std::string const& what);

/// ip  an IPv4 address
sockaddr_in socket_address(std::string const& ip, std::uint16_t port);

/// flags    SOCK_NONBLOCK, or 0
/// returns  a TCP socket that is not connected
FileDescriptor make_socket(int flags);

void set_no_delay(FileDescriptor const& socket);

/// events, data  of an epoll_event
void watch(FileDescriptor const& epoll, int fd, std::uint32_t events, std::uint64_t data);

}  // namespace drawbridge
