#include "netlink/conntrack.h"

#include "base/handle.h"
#include "netlink/flow_question.h"
#include "netlink/local_address.h"

#include <libmnl/libmnl.h>
#include <libnetfilter_conntrack/libnetfilter_conntrack.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cctype>
#include <cerrno>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include <arpa/inet.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

using Entry = Handle<nf_conntrack, nfct_destroy>;
using Predicate = std::function<bool(Flow const&)>;
using Reader = std::function<void(nlmsghdr const*)>;

// The kernel fills up to 32 KiB at a time when the reader has room for as much.
constexpr std::size_t receive_bytes = 32768;
// A message stays below this, and the answers to as many fit into any receive buffer.
constexpr std::size_t message_bytes = 512;
constexpr std::size_t messages_at_a_time = 64;

// Of what a filter compares; linux/netfilter/nfnetlink_conntrack.h does not name them.
// source: CTA_FILTER_F_CTA_... in net/netfilter/nf_internals.h
constexpr std::uint32_t compare_source = 1 << 0;
constexpr std::uint32_t compare_destination = 1 << 1;
constexpr std::uint32_t compare_protocol = 1 << 3;
constexpr std::uint32_t compare_destination_port = 1 << 5;

/// The one place where an errno of conntrack becomes an Error.
Error ct_error(int code, std::string const& doing) {
  std::string reason = std::generic_category().message(code);
  reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  return Error{Errc::kernel, "conntrack: " + doing + ": " + reason};
}

IpAddress ip_at(void const* bytes, Family family) {
  auto const* const start = static_cast<std::uint8_t const*>(bytes);
  IpAddress address{family, 0};
  for (int i = 0; i < bits_of(family) / 8; ++i) {
    address.bits = (address.bits << 8) | start[i];
  }
  return address;
}

bool has_ports(std::uint8_t protocol) {
  return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
         protocol == IPPROTO_DCCP || protocol == IPPROTO_UDPLITE;
}

Flow flow_of(nf_conntrack const* entry) {
  bool const is_ipv4 = nfct_get_attr_u8(entry, ATTR_ORIG_L3PROTO) == AF_INET;
  Family const family = is_ipv4 ? Family::ipv4 : Family::ipv6;
  auto const ip = [&](nf_conntrack_attr ipv4, nf_conntrack_attr ipv6) {
    return ip_at(nfct_get_attr(entry, is_ipv4 ? ipv4 : ipv6), family);
  };
  Flow flow;
  flow.source = ip(ATTR_ORIG_IPV4_SRC, ATTR_ORIG_IPV6_SRC);
  flow.destination = ip(ATTR_ORIG_IPV4_DST, ATTR_ORIG_IPV6_DST);
  flow.translated_destination = ip(ATTR_REPL_IPV4_SRC, ATTR_REPL_IPV6_SRC);
  flow.protocol = nfct_get_attr_u8(entry, ATTR_ORIG_L4PROTO);
  if (has_ports(flow.protocol)) {
    flow.destination_port = ntohs(nfct_get_attr_u16(entry, ATTR_ORIG_PORT_DST));
    flow.translated_port = ntohs(nfct_get_attr_u16(entry, ATTR_REPL_PORT_SRC));
  }
  flow.destination_is_translated = (nfct_get_attr_u32(entry, ATTR_STATUS) & IPS_DST_NAT) != 0;
  return flow;
}

/// What a deletion needs: the direction of the opener, in which zone, and which of all entries that
/// were ever like that.
struct Target {
  Entry tuple;
  std::uint32_t id;
};

Target target_of(nf_conntrack const* entry) {
  Target target{Entry(nfct_new()), nfct_get_attr_u32(entry, ATTR_ID)};
  assert(target.tuple);
  nfct_copy(target.tuple.get(), entry, NFCT_CP_ORIG);
  for (nf_conntrack_attr const zone : {ATTR_ZONE, ATTR_ORIG_ZONE}) {
    if (nfct_attr_is_set(entry, zone) > 0) {
      nfct_set_attr_u16(target.tuple.get(), zone, nfct_get_attr_u16(entry, zone));
    }
  }
  return target;
}

nlmsghdr* start_message(char* buffer, std::uint16_t type, std::uint16_t flags,
                        std::uint8_t address_family) {
  nlmsghdr* const message = mnl_nlmsg_put_header(buffer);
  message->nlmsg_type = static_cast<std::uint16_t>(NFNL_SUBSYS_CTNETLINK << 8 | type);
  message->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  auto* const family =
      static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(message, sizeof(nfgenmsg)));
  family->nfgen_family = address_family;
  family->version = NFNETLINK_V0;
  return message;
}

/// returns  the size of the message
std::size_t write_deletion(char* buffer, Target const& target) {
  nlmsghdr* const message = start_message(buffer, IPCTNL_MSG_CT_DELETE, NLM_F_ACK,
                                          nfct_get_attr_u8(target.tuple.get(), ATTR_ORIG_L3PROTO));
  int const built = nfct_nlmsg_build(message, target.tuple.get());
  assert(built == 0);
  mnl_attr_put_u32(message, CTA_ID, htonl(target.id));
  assert(message->nlmsg_len <= message_bytes);
  return message->nlmsg_len;
}

/// A request whose end is a word on how it went; by itself one for a list of connections.
struct Request {
  alignas(nlmsghdr) char bytes[message_bytes];
  nlmsghdr* message;

  explicit Request(std::uint8_t family, std::uint16_t type = IPCTNL_MSG_CT_GET,
                   std::uint16_t flags = NLM_F_DUMP)
      : message(start_message(bytes, type, flags, family)) {}
  Request(Request const&) = delete;

  /// Puts what `fill` puts inside a nested attribute.
  template <class Fill>
  void nest(std::uint16_t attribute, Fill fill) {
    nlattr* const start = mnl_attr_nest_start(message, attribute);
    fill();
    mnl_attr_nest_end(message, start);
  }

  /// returns  the flag, or none where there is no address
  std::uint32_t put(std::uint16_t attribute, std::optional<IpAddress> const& ipv4,
                    std::uint32_t flag) {
    if (!ipv4) {
      return 0;
    }
    mnl_attr_put_u32(message, attribute, htonl(static_cast<std::uint32_t>(ipv4->bits)));
    return flag;
  }

  /// returns  which of both is there, as flags
  std::uint32_t put_protocol(FlowQuestion const& question) {
    if (!question.protocol) {
      return 0;
    }
    mnl_attr_put_u8(message, CTA_PROTO_NUM, *question.protocol);
    if (!question.destination_port) {
      return compare_protocol;
    }
    mnl_attr_put_u16(message, CTA_PROTO_DST_PORT, htons(*question.destination_port));
    return compare_protocol | compare_destination_port;
  }
};

void put_question(Request& request, FlowQuestion const& question) {
  std::uint32_t flags = 0;
  std::uint32_t reply_flags = 0;
  request.nest(CTA_TUPLE_ORIG, [&] {
    request.nest(CTA_TUPLE_IP, [&] {
      flags |= request.put(CTA_IP_V4_SRC, question.source, compare_source);
      flags |= request.put(CTA_IP_V4_DST, question.destination, compare_destination);
    });
    request.nest(CTA_TUPLE_PROTO, [&] { flags |= request.put_protocol(question); });
  });
  request.nest(CTA_TUPLE_REPLY, [&] {
    request.nest(CTA_TUPLE_IP, [&] {
      reply_flags = request.put(CTA_IP_V4_SRC, question.reply_source, compare_source);
    });
  });
  request.nest(CTA_FILTER, [&] {
    mnl_attr_put_u32(request.message, CTA_FILTER_ORIG_FLAGS, flags);
    mnl_attr_put_u32(request.message, CTA_FILTER_REPLY_FLAGS, reply_flags);
  });
}

/// A socket whose answers are all there when a send returns: nothing here waits.
class Conversation {
 public:
  bool open() {
    socket_.reset(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC | SOCK_NONBLOCK));
    return socket_ && mnl_socket_bind(socket_.get(), 0, MNL_SOCKET_AUTOPID) == 0;
  }

  /// returns  0, or an errno
  int send(char const* bytes, std::size_t size) {
    return mnl_socket_sendto(socket_.get(), bytes, size) < 0 ? errno : 0;
  }

  /// Hands on every message of one datagram.
  ///
  /// returns  0, or an errno
  int receive(Reader const& read) {
    ssize_t const size = mnl_socket_recvfrom(socket_.get(), buffer_.data(), buffer_.size());
    if (size < 0) {
      return errno;
    }
    int left = static_cast<int>(size);
    auto const* message = reinterpret_cast<nlmsghdr const*>(buffer_.data());
    for (; mnl_nlmsg_ok(message, left); message = mnl_nlmsg_next(message, &left)) {
      read(message);
    }
    return 0;
  }

 private:
  Handle<mnl_socket, mnl_socket_close> socket_;
  alignas(nlmsghdr) std::array<char, receive_bytes> buffer_;
};

/// returns  of the word on how a request went: 0, or an errno; nothing of another message
std::optional<int> verdict_in(nlmsghdr const* message) {
  if (message->nlmsg_type == NLMSG_DONE) {
    return 0;
  }
  if (message->nlmsg_type != NLMSG_ERROR) {
    return std::nullopt;
  }
  return -static_cast<nlmsgerr const*>(mnl_nlmsg_get_payload(message))->error;
}

void note(nlmsghdr const* message, Predicate const& is_to_be_cut, std::vector<Target>& targets) {
  Entry const entry(nfct_new());
  assert(entry);
  if (nfct_nlmsg_parse(message, entry.get()) == 0 && is_to_be_cut(flow_of(entry.get()))) {
    targets.push_back(target_of(entry.get()));
  }
}

/// returns  0, or an errno
int list(Conversation& conversation, Request const& request, Reader const& read_entry) {
  std::optional<int> verdict;
  auto const read = [&](nlmsghdr const* message) {
    verdict = verdict_in(message);
    if (!verdict) {
      read_entry(message);
    }
  };
  int code = conversation.send(request.bytes, request.message->nlmsg_len);
  while (code == 0 && !verdict) {
    code = conversation.receive(read);
  }
  return code == 0 ? verdict.value_or(0) : code;
}

Result<std::vector<Target>> find_targets(Conversation& conversation, Request const& request,
                                         Predicate const& is_to_be_cut) {
  std::vector<Target> targets;
  int const code = list(conversation, request,
                        [&](nlmsghdr const* message) { note(message, is_to_be_cut, targets); });
  if (code != 0) {
    return fail(ct_error(code, "list"));
  }
  return targets;
}

/// returns  how many connections this network namespace has; 0 where the kernel does not tell
std::uint32_t count_entries(Conversation& conversation) {
  std::uint32_t entries = 0;
  Request const request(AF_UNSPEC, IPCTNL_MSG_CT_GET_STATS, NLM_F_ACK);
  list(conversation, request, [&](nlmsghdr const* message) {
    auto const* const first =
        static_cast<nlattr const*>(mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg)));
    if (mnl_attr_get_type(first) == CTA_STATS_GLOBAL_ENTRIES) {
      entries = ntohl(mnl_attr_get_u32(first));
    }
  });
  return entries;
}

/// Asks for the source of replies without saying which. A kernel that reads filters refuses that.
/// One before 5.8 does not, and those before 5.10.83 took the filter of replies for another and
/// would list nothing.
bool kernel_can_choose(Conversation& conversation) {
  Request request(AF_INET);
  request.nest(CTA_TUPLE_REPLY, [] {});
  request.nest(CTA_FILTER,
               [&] { mnl_attr_put_u32(request.message, CTA_FILTER_REPLY_FLAGS, compare_source); });
  return list(conversation, request, [](nlmsghdr const*) {}) == EINVAL;
}

/// An entry that answers two questions is there twice.
Result<std::vector<Target>> ask_for_targets(Conversation& conversation,
                                            std::set<FlowQuestion> const& questions,
                                            Predicate const& is_to_be_cut) {
  std::vector<Target> targets;
  for (FlowQuestion const& question : questions) {
    Request request(question.family == Family::ipv4 ? AF_INET : AF_INET6);
    put_question(request, question);
    Result<std::vector<Target>> found = find_targets(conversation, request, is_to_be_cut);
    if (!found) {
      return found;
    }
    std::move(found->begin(), found->end(), std::back_inserter(targets));
  }
  return targets;
}

/// What a part of the deletions came to.
struct Tally {
  std::size_t answered = 0;
  std::size_t deleted = 0;
  int code = 0;  // of the first refusal

  void add(int verdict) {
    ++answered;
    deleted += verdict == 0 ? 1 : 0;
    bool const is_gone = verdict == ENOENT;
    code = code == 0 && !is_gone ? verdict : code;
  }
};

Tally delete_some(Conversation& conversation, Target const* targets, std::size_t count) {
  alignas(nlmsghdr) char batch[messages_at_a_time * message_bytes];
  std::size_t size = 0;
  for (std::size_t i = 0; i < count; ++i) {
    size += write_deletion(batch + size, targets[i]);
  }
  Tally tally;
  tally.code = conversation.send(batch, size);
  int lost = tally.code;
  while (lost == 0 && tally.answered < count) {
    lost = conversation.receive(
        [&](nlmsghdr const* message) { tally.add(verdict_in(message).value_or(0)); });
  }
  tally.code = tally.code == 0 ? lost : tally.code;
  return tally;
}

/// What is there twice is gone the second time, which is no error.
Result<std::size_t> delete_targets(Conversation& conversation, std::vector<Target> const& targets) {
  std::size_t deleted = 0;
  for (std::size_t done = 0; done < targets.size(); done += messages_at_a_time) {
    std::size_t const count = std::min(messages_at_a_time, targets.size() - done);
    Tally const tally = delete_some(conversation, targets.data() + done, count);
    if (tally.code != 0) {
      return fail(ct_error(tally.code, "delete"));
    }
    deleted += tally.deleted;
  }
  return deleted;
}

}  // namespace

Result<std::size_t> cut_flows(std::function<bool(Flow const&)> const& is_to_be_cut) {
  Conversation conversation;
  if (!conversation.open()) {
    return fail(ct_error(errno, "open"));
  }
  Result<std::vector<Target>> const targets =
      find_targets(conversation, Request(AF_UNSPEC), is_to_be_cut);
  return targets ? delete_targets(conversation, *targets) : fail(targets.error());
}

Result<std::size_t> forget_flows(std::vector<FlowPattern> const& patterns) {
  auto const is_meant = [&patterns](Flow const& flow) {
    return std::any_of(patterns.begin(), patterns.end(), [&flow](FlowPattern const& pattern) {
      return matches(pattern, flow) &&
             (!pattern.ends_here || is_address_of_this_host(flow.destination));
    });
  };
  Conversation conversation;
  if (!conversation.open()) {
    return fail(ct_error(errno, "open"));
  }
  std::set<FlowQuestion> const questions = questions_of(patterns);
  if (!questions_pay(questions.size(), count_entries(conversation)) ||
      !kernel_can_choose(conversation)) {
    return cut_flows(is_meant);
  }
  Result<std::vector<Target>> const targets = ask_for_targets(conversation, questions, is_meant);
  return targets ? delete_targets(conversation, *targets) : cut_flows(is_meant);
}

}  // namespace drawbridge
