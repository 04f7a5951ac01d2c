#include "netlink/nft/socket.h"

#include <libnftnl/common.h>
#include <libnftnl/gen.h>

#include <algorithm>
#include <cassert>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <system_error>

#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

// A page takes messages until it is full; the last one may run over by less than a message's limit.
constexpr std::uint32_t page_bytes = 64 * 1024;
constexpr std::uint32_t page_overrun_bytes = 64 * 1024;
constexpr std::size_t receive_buffer_bytes = std::size_t{64} * 1024;
constexpr int list_attempts = 8;

std::uint16_t nft_type(std::uint16_t type) {
  return static_cast<std::uint16_t>(NFNL_SUBSYS_NFTABLES << 8 | type);
}

std::string_view doing(std::uint16_t nlmsg_type) {
  switch (nlmsg_type & 0xff) {
    case NFT_MSG_NEWTABLE:
      return "add table";
    case NFT_MSG_DELTABLE:
      return "delete table";
    case NFT_MSG_NEWCHAIN:
      return "add chain";
    case NFT_MSG_NEWRULE:
      return "add rule";
    case NFT_MSG_DELRULE:
      return "delete rule";
    case NFT_MSG_NEWSET:
      return "add set";
    case NFT_MSG_NEWSETELEM:
      return "add element";
    case NFT_MSG_DELSETELEM:
      return "delete element";
    case NFT_MSG_GETTABLE:
      return "look at table";
    case NFT_MSG_GETCHAIN:
      return "look at chain";
    case NFT_MSG_GETRULE:
      return "look at rule";
    case NFT_MSG_GETSETELEM:
      return "look at element";
    case NFT_MSG_GETGEN:
      return "look at generation";
    default:
      return "commit";  // the batch's own messages carry numbers of another subsystem
  }
}

/// libmnl leaves what is between two attributes as it finds it. Cleared, messages that say the same
/// are the same in bytes.
void clear_padding(char* next, char const* end) {
  auto* attribute = reinterpret_cast<nlattr*>(next);
  while (mnl_attr_ok(attribute, static_cast<int>(end - next))) {
    auto* const payload = static_cast<char*>(mnl_attr_get_payload(attribute));
    std::size_t const bytes = mnl_attr_get_payload_len(attribute);
    next = reinterpret_cast<char*>(mnl_attr_next(attribute));
    if ((attribute->nla_type & NLA_F_NESTED) != 0) {
      clear_padding(payload, payload + bytes);
    } else {
      std::fill(payload + bytes, next, '\0');
    }
    attribute = reinterpret_cast<nlattr*>(next);
  }
}

}  // namespace

Error nft_error(int code, std::string_view doing_what) {
  std::string reason = std::generic_category().message(code);
  reason[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(reason[0])));
  Errc const kind = code == ENOENT   ? Errc::not_found
                    : code == EEXIST ? Errc::already_exists
                                     : Errc::kernel;
  return Error{kind, "nftables: " + std::string(doing_what) + ": " + reason};
}

NftBatch::NftBatch() : batch_(nftnl_batch_alloc(page_bytes, page_overrun_bytes)) {
  assert(batch_);
  nftnl_batch_begin(end_of_buffer(), 0);
  nftnl_batch_update(batch_.get());
}

char* NftBatch::end_of_buffer() {
  return static_cast<char*>(nftnl_batch_buffer(batch_.get()));
}

// The first message asks for an acknowledgement: kernels before 6.10 give none for the batch
// itself.
nlmsghdr* NftBatch::open(std::uint16_t type, std::uint16_t family, std::uint16_t flags) {
  auto const ack = static_cast<std::uint16_t>(empty() ? NLM_F_ACK : 0);
  messages_ += 1;
  return nftnl_nlmsg_build_hdr(end_of_buffer(), type, family,
                               static_cast<std::uint16_t>(flags | ack), messages_);
}

void NftBatch::close() {
  auto* message = reinterpret_cast<nlmsghdr*>(end_of_buffer());
  clear_padding(static_cast<char*>(mnl_nlmsg_get_payload_offset(message, sizeof(nfgenmsg))),
                static_cast<char*>(mnl_nlmsg_get_payload_tail(message)));
  nftnl_batch_update(batch_.get());
}

std::vector<iovec> NftBatch::pages() const {
  int const count = nftnl_batch_iovec_len(batch_.get());
  std::vector<iovec> pages(static_cast<std::size_t>(count));
  nftnl_batch_iovec(batch_.get(), pages.data(), static_cast<std::uint32_t>(count));
  return pages;
}

std::string NftBatch::bytes() const {
  std::string bytes;
  for (iovec const& page : pages()) {
    bytes.append(static_cast<char const*>(page.iov_base), page.iov_len);
  }
  return bytes;
}

void NftBatch::finish() {
  nftnl_batch_end(end_of_buffer(), messages_ + 1);
  nftnl_batch_update(batch_.get());
}

NftQuestion::NftQuestion(std::uint16_t type, std::uint16_t family, std::uint16_t flags)
    : message_(nftnl_nlmsg_build_hdr(buffer_, type, family, flags, 1)) {}

/// What came back for one send.
struct NftSocket::Answer {
  bool acknowledged = false;
  bool lost = false;       // the receive buffer overflowed
  bool disturbed = false;  // a dump that is not of one generation
  int code = 0;            // of the first refusal
  std::uint16_t refused = 0;

  void add_all(char* datagram, int bytes, std::uint16_t wanted, Reader const& read);
  void add(nlmsghdr const* message);
  Result<void> result() const;
};

// libnftnl ends the process on a message of a kind that it does not expect, so only `wanted`
// passes.
void NftSocket::Answer::add_all(char* datagram, int bytes, std::uint16_t wanted,
                                Reader const& read) {
  auto* message = reinterpret_cast<nlmsghdr*>(datagram);
  for (; mnl_nlmsg_ok(message, bytes); message = mnl_nlmsg_next(message, &bytes)) {
    add(message);
    if (message->nlmsg_type == nft_type(wanted)) {
      read(message);
    }
  }
}

// A message that is no error is one that was asked for, or the last of several.
void NftSocket::Answer::add(nlmsghdr const* message) {
  disturbed = disturbed || (message->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
  acknowledged = acknowledged || (message->nlmsg_flags & NLM_F_MULTI) == 0 ||
                 message->nlmsg_type == NLMSG_DONE;
  if (message->nlmsg_type != NLMSG_ERROR) {
    return;
  }
  auto const* error = static_cast<nlmsgerr const*>(mnl_nlmsg_get_payload(message));
  if (error->error != 0 && code == 0) {
    code = -error->error;
    refused = error->msg.nlmsg_type;
  }
}

Result<void> NftSocket::Answer::result() const {
  if (code != 0) {
    bool const ours = refused >> 8 == NFNL_SUBSYS_NFTABLES;
    return fail(nft_error(code, ours ? doing(refused) : "commit"));
  }
  if (lost) {
    return fail(nft_error(ENOBUFS, "read the answer"));
  }
  if (!acknowledged) {
    return fail(Errc::kernel, "nftables: the kernel gave no answer");
  }
  return {};
}

NftSocket::NftSocket(mnl_socket* socket) : socket_(socket), buffer_(receive_buffer_bytes) {}

Result<NftSocket> NftSocket::open() {
  NftSocket opened(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
  if (!opened.socket_ || mnl_socket_bind(opened.socket_.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
    return fail(nft_error(errno, "open netlink socket"));
  }
  // Refusals come without a copy of what was refused: thousands of them fit the receive buffer.
  int on = 1;
  mnl_socket_setsockopt(opened.socket_.get(), NETLINK_CAP_ACK, &on, sizeof on);
  return opened;
}

// A transaction is one datagram. SO_SNDBUFFORCE goes past the sysctl's limit; inside a user
// namespace it is refused, and the limit holds.
void NftSocket::make_room(std::size_t bytes) {
  if (bytes <= room_bytes_) {
    return;
  }
  int const fd = mnl_socket_get_fd(socket_.get());
  int const wanted = static_cast<int>(bytes);
  if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof wanted) < 0) {
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof wanted);
  }
  room_bytes_ = bytes;
}

Result<void> NftSocket::send(NftBatch& batch) {
  std::vector<iovec> parts = batch.pages();
  std::size_t bytes = 0;
  for (iovec const& part : parts) {
    bytes += part.iov_len;
  }
  make_room(bytes + 4096);

  sockaddr_nl kernel{};
  kernel.nl_family = AF_NETLINK;
  msghdr datagram{};
  datagram.msg_name = &kernel;
  datagram.msg_namelen = sizeof kernel;
  datagram.msg_iov = parts.data();
  datagram.msg_iovlen = parts.size();
  while (sendmsg(mnl_socket_get_fd(socket_.get()), &datagram, 0) < 0) {
    if (errno != EINTR) {
      return fail(nft_error(errno, "send"));
    }
  }
  return {};
}

NftSocket::Answer NftSocket::read_answers(std::uint16_t wanted, Reader const& read) {
  Answer answer;
  while (true) {
    ssize_t const received =
        recv(mnl_socket_get_fd(socket_.get()), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
    if (received >= 0) {
      answer.add_all(buffer_.data(), static_cast<int>(received), wanted, read);
    } else if (errno == ENOBUFS) {
      answer.lost = true;  // but what was queued before the overflow is still to come
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return answer;
    } else if (errno != EINTR) {
      answer.code = errno;
      return answer;
    }
  }
}

Result<void> NftSocket::commit(NftBatch& batch, Reader const& echo) {
  if (batch.empty()) {
    return {};
  }
  batch.finish();
  if (Result<void> sent = send(batch); !sent) {
    return sent;
  }
  Result<void> committed = read_answers(NFT_MSG_NEWRULE, echo).result();
  commits_ += committed ? 1 : 0;
  return committed;
}

Result<void> NftSocket::ask(NftQuestion& question, Reader const& read,
                            std::function<void()> const& restart) {
  // GETRULE is answered by NEWRULE, and so on: each stands right behind the other.
  auto const wanted = static_cast<std::uint16_t>((question.message()->nlmsg_type & 0xff) - 1);
  for (int attempt = 0; attempt < list_attempts; ++attempt) {
    nlmsghdr const* message = question.message();
    if (mnl_socket_sendto(socket_.get(), message, message->nlmsg_len) < 0) {
      return fail(nft_error(errno, doing(message->nlmsg_type)));
    }
    Answer const answer = read_answers(wanted, read);
    if (!answer.disturbed) {
      return answer.result();
    }
    restart();
  }
  return fail(Errc::kernel, "nftables: rules change faster than they can be read");
}

Result<std::uint32_t> NftSocket::generation() {
  std::uint32_t generation = 0;
  NftQuestion question(NFT_MSG_GETGEN, NFPROTO_UNSPEC, 0);
  Result<void> asked = ask(question, [&](nlmsghdr const* message) {
    Handle<nftnl_gen, nftnl_gen_free> answer(nftnl_gen_alloc());
    assert(answer);
    nftnl_gen_nlmsg_parse(message, answer.get());
    generation = nftnl_gen_get_u32(answer.get(), NFTNL_GEN_ID);
  });
  if (!asked) {
    return fail(asked.error());
  }
  return generation;
}

}  // namespace drawbridge
