#include "netlink/nft/monitor.h"

#include "netlink/nft/skeleton.h"
#include "netlink/nft/socket.h"

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

constexpr std::size_t event_buffer_bytes = std::size_t{64} * 1024;
// Room for some ten thousand changed elements.
constexpr int ruleset_queue_bytes = 2 * 1024 * 1024;
// Events that come faster than they are read must not keep the caller for ever.
constexpr int longest_ruleset_drain = 10'000;
// In each message about a table, and what is in it, this is the table's name.
constexpr std::uint16_t table_attribute = 1;

/// The kernel drops what begins with a message of this port. Filters load numbers in network order.
bool drop_events_of(int fd, std::uint32_t port) {
  std::array<sock_filter, 4> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(nlmsghdr, nlmsg_pid)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, htonl(port), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, 0),
      BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
  }};
  sock_fprog const filter{program.size(), program.data()};
  return ::setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) == 0;
}

/// The first needs a privilege of the host, the second is cut at net.core.rmem_max.
void enlarge_queue(int fd) {
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &ruleset_queue_bytes,
                   sizeof ruleset_queue_bytes)) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &ruleset_queue_bytes, sizeof ruleset_queue_bytes);
  }
}

bool is_of_our_table(nlmsghdr const* message) {
  if (message->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
      (message->nlmsg_type & 0xff) == NFT_MSG_NEWGEN) {
    return false;
  }
  bool is_ours = false;
  auto const look_at = [](nlattr const* attribute, void* answer) {
    if (mnl_attr_get_type(attribute) != table_attribute) {
      return MNL_CB_OK;
    }
    *static_cast<bool*>(answer) = mnl_attr_validate(attribute, MNL_TYPE_NUL_STRING) >= 0 &&
                                  std::string_view(mnl_attr_get_str(attribute)) == nft_table_name;
    return MNL_CB_STOP;
  };
  mnl_attr_parse(message, sizeof(nfgenmsg), look_at, &is_ours);
  return is_ours;
}

void take_in(NftNews& news, char const* datagram, int bytes) {
  auto const* message = reinterpret_cast<nlmsghdr const*>(datagram);
  for (; mnl_nlmsg_ok(message, bytes); message = mnl_nlmsg_next(message, &bytes)) {
    news.any = true;
    news.ours = news.ours || is_of_our_table(message);
  }
}

}  // namespace

NftMonitor::NftMonitor(mnl_socket* socket) : socket_(socket), buffer_(event_buffer_bytes) {}

// The filter comes before the membership: no event of ours slips in between.
Result<NftMonitor> NftMonitor::open(std::uint32_t own_port) {
  NftMonitor opened(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK));
  if (!opened.socket_) {
    return fail(nft_error(errno, "open a socket for events"));
  }
  enlarge_queue(opened.descriptor());
  int const group = NFNLGRP_NFTABLES;
  if (!drop_events_of(opened.descriptor(), own_port) ||
      mnl_socket_bind(opened.socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0 ||
      mnl_socket_setsockopt(opened.socket_.get(), NETLINK_ADD_MEMBERSHIP, const_cast<int*>(&group),
                            sizeof group) < 0) {
    return fail(nft_error(errno, "listen to events"));
  }
  return opened;
}

NftNews NftMonitor::take() {
  NftNews news;
  for (int reads = 0; reads < longest_ruleset_drain; ++reads) {
    ssize_t const received =
        ::recv(descriptor(), buffer_.data(), buffer_.size(), MSG_DONTWAIT | MSG_TRUNC);
    bool const is_whole = received >= 0 && static_cast<std::size_t>(received) <= buffer_.size();
    if (is_whole) {
      take_in(news, buffer_.data(), static_cast<int>(received));
    } else if (received >= 0 || errno == ENOBUFS) {
      news = {true, true};
    } else if (errno != EINTR) {
      return news;
    }
  }
  return {true, true};
}

}  // namespace drawbridge
