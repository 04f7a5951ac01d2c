// What the kernel says in text about ports: ranges that are set aside, and sockets that have them.
//
// Pure. source: Documentation/networking/ip-sysctl.rst, proc_net_tcp.rst
#pragma once

#include "model/address.h"
#include "model/policy.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace drawbridge {

/// text  ip_local_reserved_ports: "1,5-9"
///
/// returns  what of it can be understood
std::vector<PortRange> parse_reserved_ports(std::string_view text);

/// text  ip_local_port_range: "32768\t60999"
std::optional<PortRange> parse_ephemeral_ports(std::string_view text);

/// A line of /proc/net/tcp, tcp6, udp or udp6.
struct ListedSocket {
  IpAddress address;  // an IPv4 address in an IPv6 socket is an IPv4 address
  std::uint16_t port = 0;
  bool listens = false;     // TCP
  std::uint64_t inode = 0;  // 0: no process has it any more

  bool operator==(ListedSocket const&) const = default;
};

/// returns  what the lines of `text` that have `port` say
std::vector<ListedSocket> parse_sockets(std::string_view text, std::uint16_t port);

}  // namespace drawbridge
