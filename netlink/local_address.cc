#include "netlink/local_address.h"

#include "base/handle.h"

#include <libmnl/libmnl.h>

#include <array>
#include <cstdint>

#include <linux/rtnetlink.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

constexpr std::size_t reply_bytes = 4096;

using Buffer = std::array<char, reply_bytes>;

// ip route get ADDRESS
nlmsghdr* write_question(Buffer& buffer, IpAddress const& address) {
  nlmsghdr* const message = mnl_nlmsg_put_header(buffer.data());
  message->nlmsg_type = RTM_GETROUTE;
  message->nlmsg_flags = NLM_F_REQUEST;
  auto* const route = static_cast<rtmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(rtmsg)));
  route->rtm_family = address.family == Family::ipv4 ? AF_INET : AF_INET6;
  int const bits = bits_of(address.family);
  route->rtm_dst_len = static_cast<unsigned char>(bits);
  std::array<std::uint8_t, 16> bytes{};
  for (int i = 0; i < bits / 8; ++i) {
    bytes[static_cast<std::size_t>(i)] =
        static_cast<std::uint8_t>(address.bits >> (bits - 8 * (i + 1)));
  }
  mnl_attr_put(message, RTA_DST, static_cast<std::size_t>(bits / 8), bytes.data());
  return message;
}

}  // namespace

// To bind a socket would say yes to every address where net.ipv4.ip_nonlocal_bind is set.
bool is_address_of_this_host(IpAddress const& address) {
  Handle<mnl_socket, mnl_socket_close> const socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  alignas(nlmsghdr) Buffer buffer{};
  nlmsghdr const* const question = write_question(buffer, address);
  if (!socket || mnl_socket_sendto(socket.get(), question, question->nlmsg_len) < 0) {
    return false;
  }
  ssize_t const size = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
  auto const* const answer = reinterpret_cast<nlmsghdr const*>(buffer.data());
  return size > 0 && mnl_nlmsg_ok(answer, static_cast<int>(size)) &&
         answer->nlmsg_type == RTM_NEWROUTE &&
         static_cast<rtmsg const*>(mnl_nlmsg_get_payload(answer))->rtm_type == RTN_LOCAL;
}

}  // namespace drawbridge
