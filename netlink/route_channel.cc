#include "netlink/route_channel.h"

#include <fmt/core.h>
#include <netlink/errno.h>
#include <netlink/handlers.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/time.h>

namespace drawbridge {
namespace {

using Callbacks = Handle<nl_cb, nl_cb_put>;

constexpr int dump_attempts = 8;
// Events that come faster than they are read must not keep the caller for ever.
constexpr int longest_drain = 100'000;
// The kernel fills up to 32 KiB at a time when the reader has shown that it reads as much.
constexpr std::size_t route_receive_bytes = 32768;
// Room for the events of some hundred link changes between two calls of drain().
constexpr int event_queue_bytes = 4 * 1024 * 1024;

/// What one run() or dump() waits for.
struct Exchange {
  std::uint32_t first_sequence = 0;
  std::vector<int> codes;
  std::size_t open = 0;  // answers that have not come yet
  RouteChannel::OnMessage const* on_message = nullptr;

  void settle(std::uint32_t sequence, int code) {
    std::size_t const index = sequence - first_sequence;
    if (index < codes.size() && codes[index] < 0) {
      codes[index] = code;
      --open;
    }
  }
};

constexpr int unanswered = -1;

int on_valid(nl_msg* message, void* argument) {
  auto const* exchange = static_cast<Exchange*>(argument);
  if (exchange->on_message != nullptr && *exchange->on_message) {
    (*exchange->on_message)(nlmsg_hdr(message));
  }
  return NL_OK;
}

int on_ack(nl_msg* message, void* argument) {
  static_cast<Exchange*>(argument)->settle(nlmsg_hdr(message)->nlmsg_seq, 0);
  return NL_OK;
}

/// A list ends with a word on how it went: an error number, which libnl does not look at.
int on_finish(nl_msg* message, void* argument) {
  nlmsghdr* const header = nlmsg_hdr(message);
  int error = 0;
  if (nlmsg_datalen(header) >= static_cast<int>(sizeof error)) {
    error = *static_cast<int const*>(nlmsg_data(header));
  }
  int const code = error < 0 ? nl_syserr2nlerr(-error) : 0;
  static_cast<Exchange*>(argument)->settle(header->nlmsg_seq, code);
  return NL_OK;
}

int on_error(sockaddr_nl*, nlmsgerr* error, void* argument) {
  static_cast<Exchange*>(argument)->settle(error->msg.nlmsg_seq, nl_syserr2nlerr(-error->error));
  return NL_SKIP;
}

/// Answers are matched by settle(); what belongs to nobody is left unread.
int accept_any_sequence(nl_msg*, void*) {
  return NL_OK;
}

Callbacks callbacks_for(Exchange& exchange) {
  Callbacks callbacks(nl_cb_alloc(NL_CB_DEFAULT));
  nl_cb_set(callbacks.get(), NL_CB_VALID, NL_CB_CUSTOM, on_valid, &exchange);
  nl_cb_set(callbacks.get(), NL_CB_ACK, NL_CB_CUSTOM, on_ack, &exchange);
  nl_cb_set(callbacks.get(), NL_CB_FINISH, NL_CB_CUSTOM, on_finish, &exchange);
  nl_cb_set(callbacks.get(), NL_CB_SEQ_CHECK, NL_CB_CUSTOM, accept_any_sequence, nullptr);
  nl_cb_err(callbacks.get(), NL_CB_CUSTOM, on_error, &exchange);
  return callbacks;
}

int send_all(nl_sock* socket, std::vector<char>& bytes) {
  int sent = 0;
  do {
    sent = nl_sendto(socket, bytes.data(), bytes.size());
  } while (sent == -NLE_INTR);
  return sent < 0 ? -sent : 0;
}

/// Receives until every answer is there. rtnetlink answers before the send returns, so an empty
/// socket means that an answer was lost.
void receive_all(nl_sock* socket, Exchange& exchange) {
  Callbacks const callbacks = callbacks_for(exchange);
  while (exchange.open > 0) {
    int const code = nl_recvmsgs(socket, callbacks.get());
    if (code == -NLE_DUMP_INTR) {
      std::fill(exchange.codes.begin(), exchange.codes.end(), NLE_DUMP_INTR);
      exchange.open = 0;
    } else if (code < 0 && code != -NLE_INTR) {
      std::replace(exchange.codes.begin(), exchange.codes.end(), unanswered, -code);
      exchange.open = 0;
    }
  }
}

void append(std::vector<char>& bytes, nlmsghdr const* header) {
  char const* const start = reinterpret_cast<char const*>(header);
  bytes.insert(bytes.end(), start, start + header->nlmsg_len);
  bytes.resize(NLMSG_ALIGN(bytes.size()));
}

/// Older kernels list without the filters that this option turns on; readers filter as well.
void ask_for_strict_filters(int fd) {
  int const on = 1;
  setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &on, sizeof on);
}

/// The first needs a privilege of the host, the second is cut at net.core.rmem_max.
void enlarge_event_queue(int fd) {
  if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &event_queue_bytes, sizeof event_queue_bytes)) {
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &event_queue_bytes, sizeof event_queue_bytes);
  }
}

Errc kind_of(int code) {
  switch (code) {
    case NLE_EXIST:
      return Errc::already_exists;
    case NLE_OBJ_NOTFOUND:
    case NLE_NODEV:
    case NLE_NOADDR:
      return Errc::not_found;
    default:
      return Errc::kernel;
  }
}

}  // namespace

Error nl_error(int code, std::string_view words) {
  int const positive = std::abs(code);
  std::string reason = nl_geterror(positive);
  reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  return Error{kind_of(positive), std::move(reason)}.within(words);
}

int first_failure(std::vector<int> const& codes) {
  auto const failed = std::find_if(codes.begin(), codes.end(), [](int code) { return code != 0; });
  return failed == codes.end() ? 0 : *failed;
}

Result<RouteChannel> RouteChannel::connect() {
  Socket socket(nl_socket_alloc());
  if (socket == nullptr) {
    return fail(nl_error(NLE_NOMEM, "open a route socket"));
  }
  int const code = nl_connect(socket.get(), NETLINK_ROUTE);
  if (code < 0) {
    return fail(nl_error(code, "open a route socket"));
  }
  nl_socket_set_msg_buf_size(socket.get(), route_receive_bytes);
  return RouteChannel(std::move(socket));
}

Result<RouteChannel> RouteChannel::open() {
  Result<RouteChannel> channel = connect();
  if (channel) {
    int const fd = nl_socket_get_fd(channel->socket_.get());
    ask_for_strict_filters(fd);
    timeval const longest_wait{5, 0};
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &longest_wait, sizeof longest_wait);
  }
  return channel;
}

Result<RouteChannel> RouteChannel::subscribe(std::vector<int> const& groups) {
  Result<RouteChannel> channel = connect();
  if (!channel) {
    return channel;
  }
  nl_sock* const socket = channel->socket_.get();
  enlarge_event_queue(nl_socket_get_fd(socket));
  nl_socket_set_nonblocking(socket);
  for (int const group : groups) {
    int const code = nl_socket_add_membership(socket, group);
    if (code < 0) {
      return fail(nl_error(code, "listen to route changes"));
    }
  }
  return channel;
}

std::vector<int> RouteChannel::run(std::vector<RouteMessage> const& batch,
                                   OnMessage const& on_answer) {
  Exchange exchange{0, std::vector<int>(batch.size(), unanswered), batch.size(), &on_answer};
  std::vector<char> bytes;
  for (std::size_t i = 0; i < batch.size(); ++i) {
    nlmsghdr* const header = batch[i].header();
    header->nlmsg_seq = nl_socket_use_seq(socket_.get());
    header->nlmsg_flags |= NLM_F_REQUEST | NLM_F_ACK;
    exchange.first_sequence = i == 0 ? header->nlmsg_seq : exchange.first_sequence;
    append(bytes, header);
  }
  int const sent = send_all(socket_.get(), bytes);
  if (sent != 0) {
    return std::vector<int>(batch.size(), sent);
  }
  receive_all(socket_.get(), exchange);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    exchange.codes[i] = batch[i].forgives(exchange.codes[i]) ? 0 : exchange.codes[i];
  }
  return exchange.codes;
}

int RouteChannel::dump_once(RouteMessage const& request, OnMessage const& on_answer) {
  nlmsghdr* const header = request.header();
  header->nlmsg_seq = nl_socket_use_seq(socket_.get());
  header->nlmsg_flags |= NLM_F_REQUEST | NLM_F_DUMP;
  Exchange exchange{header->nlmsg_seq, {unanswered}, 1, &on_answer};
  std::vector<char> bytes;
  append(bytes, header);
  int const sent = send_all(socket_.get(), bytes);
  if (sent != 0) {
    return sent;
  }
  receive_all(socket_.get(), exchange);
  int const code = exchange.codes.front();
  return request.forgives(code) ? 0 : code;
}

int RouteChannel::dump(RouteMessage const& request, OnMessage const& on_answer,
                       std::function<void()> const& restart) {
  int code = 0;
  for (int attempt = 0; attempt < dump_attempts; ++attempt) {
    restart();
    code = dump_once(request, on_answer);
    if (code != NLE_DUMP_INTR && code != NLE_BUSY && code != NLE_INTR) {
      break;
    }
  }
  return code;
}

int RouteChannel::drain(OnMessage const& on_event) {
  Exchange exchange{0, {}, 0, &on_event};
  Callbacks const callbacks = callbacks_for(exchange);
  bool lost = false;
  for (int reads = 0; reads < longest_drain; ++reads) {
    int const code = nl_recvmsgs(socket_.get(), callbacks.get());
    if (code == -NLE_AGAIN) {
      return lost ? NLE_NOMEM : 0;
    }
    if (code < 0 && code != -NLE_INTR && code != -NLE_NOMEM) {
      return -code;
    }
    lost = lost || code == -NLE_NOMEM;
  }
  return NLE_NOMEM;
}

}  // namespace drawbridge
