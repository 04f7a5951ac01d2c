#include "ports/port_socket.h"

#include "base/log.h"
#include "model/published_port.h"
#include "ports/socket_address.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>

#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

bool has_ports(std::uint8_t protocol) {
  return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

bool turn_on(int socket, int level, int option, int on = 1) {
  return ::setsockopt(socket, level, option, &on, sizeof on) == 0;
}

std::string text_of_limit() {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return fmt::format("{}", limit.rlim_cur);
}

/// Turns errno into an error.
tl::unexpected<Error> failed(HostPort const& port, int error) {
  std::string const what = port.to_string();
  switch (error) {
    case EADDRINUSE:
      return port.port == 0 ? fail(Errc::exhausted, what +
                                                        ": no port is free: widen "
                                                        "net.ipv4.ip_local_port_range, or name one")
                            : fail(Errc::already_exists, what + " is taken");
    case EADDRNOTAVAIL:
    case EINVAL:  // a link-local address, which is of an interface
    case EAFNOSUPPORT:
      return fail(Errc::invalid_argument,
                  fmt::format("address {} is none of this host: publish on one that `ip address` "
                              "shows, link-local ones excepted, or on 0.0.0.0",
                              port.host ? port.host->to_string() : "0.0.0.0"));
    case EMFILE:
      return fail(Errc::kernel,
                  fmt::format("{}: this process has all {} files open that it may have: raise "
                              "LimitNOFILE of its service, or publish fewer ports",
                              what, text_of_limit()));
    case ENFILE:
      return fail(Errc::kernel, what +
                                    ": this host has all files open that it may have: raise "
                                    "fs.file-max");
    case EACCES:
      return fail(Errc::kernel, what +
                                    ": this process may not have a port that low: run it as "
                                    "root, or lower net.ipv4.ip_unprivileged_port_start");
    default:
      return fail(Errc::kernel, fmt::format("{}: {}", what, std::strerror(error)));
  }
}

int open_socket(HostPort const& port, Family family) {
  return ::socket(
      family == Family::ipv4 ? AF_INET : AF_INET6,
      (port.protocol == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC | SOCK_NONBLOCK,
      port.protocol);
}

/// Only sockets that listen may be bound over connections that ended a moment ago, and keep others
/// out nevertheless. A UDP socket that let its port be reused would share it.
bool set_options(int socket, HostPort const& port, Family family) {
  bool const is_udp = port.protocol == IPPROTO_UDP;
  bool const reuses = is_udp || turn_on(socket, SOL_SOCKET, SO_REUSEADDR);
  if (family == Family::ipv4) {
    return reuses && (!is_udp || turn_on(socket, IPPROTO_IP, IP_PKTINFO));
  }
  return reuses && turn_on(socket, IPPROTO_IPV6, IPV6_V6ONLY, port.host ? 1 : 0) &&
         (!is_udp || turn_on(socket, IPPROTO_IPV6, IPV6_RECVPKTINFO));
}

bool bind_and_listen(int socket, HostPort const& port, IpAddress const& host) {
  SocketAddress const address = socket_address_of(host, port.port);
  return ::bind(socket, address.data(), address.size) == 0 &&
         (port.protocol == IPPROTO_UDP || ::listen(socket, SOMAXCONN) == 0);
}

bool lacks_sctp(HostPort const& port, int error) {
  return port.protocol == IPPROTO_SCTP && (error == EPROTONOSUPPORT || error == ESOCKTNOSUPPORT);
}

}  // namespace

std::string HostPort::to_string() const {
  IpAddress const shown = host.value_or(IpAddress{});
  bool const is_ipv6 = shown.family == Family::ipv6;
  return fmt::format("{} port {}{}{}:{}", name_of_protocol(protocol), is_ipv6 ? "[" : "",
                     shown.to_string(), is_ipv6 ? "]" : "", port);
}

Result<FileDescriptor> open_port_socket(HostPort const& port, PortFilter const& filter) {
  if (!has_ports(port.protocol)) {
    return fail(Errc::unsupported, fmt::format("protocol {} has no ports: publish ports of tcp, "
                                               "udp or sctp",
                                               port.protocol));
  }
  IpAddress host = port.host.value_or(IpAddress{Family::ipv6, 0});
  FileDescriptor socket(open_socket(port, host.family));
  if (!socket.is_open() && errno == EAFNOSUPPORT && !port.host) {
    host = IpAddress{Family::ipv4, 0};
    socket = FileDescriptor(open_socket(port, host.family));
  }
  if (!socket.is_open() && lacks_sctp(port, errno)) {
    log::debug("{} is held by no socket: this kernel has no sctp", port.to_string());
    return socket;
  }
  if (!socket.is_open() || !set_options(socket.get(), port, host.family)) {
    return failed(port, errno);
  }
  // Before the socket has the port, so that not one packet gets past the filter.
  if (Result<void> const attached = filter.attach(socket.get()); !attached) {
    return fail(attached.error().within(port.to_string()));
  }
  if (!bind_and_listen(socket.get(), port, host)) {
    return failed(port, errno);
  }
  return socket;
}

std::uint16_t port_of_socket(FileDescriptor const& socket) {
  SocketAddress address;
  bool const known =
      socket.is_open() && ::getsockname(socket.get(), address.data(), &address.size) == 0;
  return known ? port_of(address) : std::uint16_t{0};
}

}  // namespace drawbridge
