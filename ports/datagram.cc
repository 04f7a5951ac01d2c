#include "ports/datagram.h"

#include <array>
#include <cstring>

#include <netinet/in.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

/// Room for what tells where a datagram went to, of either family.
struct alignas(cmsghdr) Control {
  std::array<char, CMSG_SPACE(sizeof(in6_pktinfo)) + CMSG_SPACE(sizeof(in_pktinfo))> bytes{};
};

template <class Info>
Info info_in(cmsghdr const* header) {
  Info info;
  std::memcpy(&info, CMSG_DATA(header), sizeof info);
  return info;
}

/// returns  the address that the datagram went to
std::optional<IpAddress> local_of(msghdr& message) {
  for (cmsghdr* each = CMSG_FIRSTHDR(&message); each != nullptr;
       each = CMSG_NXTHDR(&message, each)) {
    if (each->cmsg_level == IPPROTO_IPV6 && each->cmsg_type == IPV6_PKTINFO) {
      in6_pktinfo const info = info_in<in6_pktinfo>(each);
      return ip_address_from(Family::ipv6, &info.ipi6_addr);
    }
    if (each->cmsg_level == IPPROTO_IP && each->cmsg_type == IP_PKTINFO) {
      in_pktinfo const info = info_in<in_pktinfo>(each);
      return ip_address_from(Family::ipv4, &info.ipi_spec_dst);
    }
  }
  return std::nullopt;
}

std::uint32_t interface_of(SocketAddress const& client) {
  return client.storage.ss_family == AF_INET6
             ? reinterpret_cast<sockaddr_in6 const&>(client.storage).sin6_scope_id
             : 0;
}

bool is_ipv6(int socket) {
  int domain = 0;
  socklen_t size = sizeof domain;
  ::getsockopt(socket, SOL_SOCKET, SO_DOMAIN, &domain, &size);
  return domain == AF_INET6;
}

/// returns  the address as an IPv6 socket has it: ::ffff:192.0.2.1 for an IPv4 address
IpAddress mapped(IpAddress const& address) {
  return address.family == Family::ipv6
             ? address
             : IpAddress{Family::ipv6, AddressBits{0xffff} << 32 | address.bits};
}

template <class Info>
void put(Control& control, msghdr& message, cmsghdr const& kind, Info const& info) {
  message.msg_control = control.bytes.data();
  message.msg_controllen = CMSG_SPACE(sizeof info);
  cmsghdr* const header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = kind.cmsg_level;
  header->cmsg_type = kind.cmsg_type;
  header->cmsg_len = CMSG_LEN(sizeof info);
  std::memcpy(CMSG_DATA(header), &info, sizeof info);
}

void put_local6(Control& control, msghdr& message, DatagramPath const& path) {
  SocketAddress const local = socket_address_of(mapped(path.local), 0);
  in6_pktinfo info{};
  info.ipi6_addr = reinterpret_cast<sockaddr_in6 const&>(local.storage).sin6_addr;
  info.ipi6_ifindex = path.interface;
  put(control, message, {0, IPPROTO_IPV6, IPV6_PKTINFO}, info);
}

void put_local4(Control& control, msghdr& message, DatagramPath const& path) {
  in_pktinfo info{};
  info.ipi_spec_dst.s_addr = htonl(static_cast<std::uint32_t>(path.local.bits));
  put(control, message, {0, IPPROTO_IP, IP_PKTINFO}, info);
}

SocketAddress client_of(DatagramPath const& path, bool for_ipv6) {
  SocketAddress address =
      socket_address_of(for_ipv6 ? mapped(path.client) : path.client, path.client_port);
  if (for_ipv6) {
    reinterpret_cast<sockaddr_in6&>(address.storage).sin6_scope_id = path.interface;
  }
  return address;
}

}  // namespace

std::optional<Datagram> receive_datagram(int socket, std::span<char> buffer) {
  SocketAddress client;
  Control control;
  iovec bytes{buffer.data(), buffer.size()};
  msghdr message{};
  message.msg_name = client.data();
  message.msg_namelen = client.size;
  message.msg_iov = &bytes;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  ssize_t const size = ::recvmsg(socket, &message, 0);
  std::optional<IpAddress> const local = size < 0 ? std::nullopt : local_of(message);
  if (!local) {
    return std::nullopt;
  }
  return Datagram{{ip_address_of(client), port_of(client), *local, interface_of(client)},
                  buffer.first(static_cast<std::size_t>(size))};
}

void answer_datagram(int socket, DatagramPath const& path, std::span<char const> bytes) {
  bool const through_ipv6 = is_ipv6(socket);
  SocketAddress client = client_of(path, through_ipv6);
  Control control;
  iovec content{const_cast<char*>(bytes.data()), bytes.size()};
  msghdr message{};
  message.msg_name = client.data();
  message.msg_namelen = client.size;
  message.msg_iov = &content;
  message.msg_iovlen = 1;
  through_ipv6 ? put_local6(control, message, path) : put_local4(control, message, path);
  ::sendmsg(socket, &message, MSG_NOSIGNAL);
}

}  // namespace drawbridge
