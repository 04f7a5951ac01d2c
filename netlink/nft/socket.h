// One conversation with nf_tables: transactions, and short questions. Internal to netlink/.
//
// The kernel works on a message inside the send call, so every answer is waiting when it returns:
// nothing here blocks. source: include/uapi/linux/netfilter/nf_tables.h, nfnetlink.h
#pragma once

#include "base/handle.h"
#include "base/result.h"

#include <libmnl/libmnl.h>
#include <libnftnl/batch.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/uio.h>

namespace drawbridge {

/// The one place where an errno of nf_tables becomes an Error: "add rule: operation not permitted".
///
/// returns  not_found for ENOENT, already_exists for EEXIST, else kernel
Error nft_error(int code, std::string_view doing);

/// Messages that the kernel takes as one transaction: all of them, or none.
class NftBatch {
 public:
  NftBatch();

  /// Starts a message (NFT_MSG_NEWRULE, NFPROTO_INET, NLM_F_CREATE…). Fill it, then close it.
  nlmsghdr* open(std::uint16_t type, std::uint16_t family, std::uint16_t flags);
  void close();
  bool empty() const { return messages_ == 0; }
  /// returns  what it has up to here, as the kernel would be sent it
  std::string bytes() const;

 private:
  friend class NftSocket;
  char* end_of_buffer();
  std::vector<iovec> pages() const;
  void finish();

  Handle<nftnl_batch, nftnl_batch_free> batch_;
  std::uint32_t messages_ = 0;
};

/// A question: one message, filled by a libnftnl builder.
class NftQuestion {
 public:
  NftQuestion(std::uint16_t type, std::uint16_t family, std::uint16_t flags);
  NftQuestion(NftQuestion const&) = delete;
  NftQuestion& operator=(NftQuestion const&) = delete;

  nlmsghdr* message() { return message_; }

 private:
  alignas(nlmsghdr) char buffer_[1024];
  nlmsghdr* message_;
};

class NftSocket {
 public:
  using Reader = std::function<void(nlmsghdr const*)>;

  /// errors  kernel   no nf_tables, or no right to use it
  static Result<NftSocket> open();

  /// Runs one transaction. An empty one is success and costs nothing. Rules that were added
  /// with NLM_F_ECHO are repeated to `echo`, with their handles.
  ///
  /// errors  not_found        something that it changes is not there; nothing changed
  ///         already_exists   something that it makes is there already; nothing changed
  ///         kernel           refused; nothing changed
  Result<void> commit(NftBatch& batch, Reader const& echo = [](nlmsghdr const*) {});

  /// returns  what its messages bear as nlmsg_pid, and the events that follow from them
  std::uint32_t port() const { return mnl_socket_get_portid(socket_.get()); }

  /// returns  how often commit() changed something; each time the generation went up by one
  std::uint32_t commits() const { return commits_; }

  /// returns  the number that every change to any nftables table on this host counts up
  Result<std::uint32_t> generation();

  /// Asks, and hands every message of the answer to `read`. A dump that a change disturbed is
  /// asked again after `restart`, which forgets what was read.
  ///
  /// errors  not_found   the object that was asked for is not there
  Result<void> ask(
      NftQuestion& question, Reader const& read, std::function<void()> const& restart = [] {});

 private:
  struct Answer;
  explicit NftSocket(mnl_socket* socket);
  Result<void> send(NftBatch& batch);
  void make_room(std::size_t bytes);
  Answer read_answers(std::uint16_t wanted, Reader const& read);

  Handle<mnl_socket, mnl_socket_close> socket_;
  std::vector<char> buffer_;
  std::size_t room_bytes_ = 0;  // of the send buffer, as far as we asked for it
  std::uint32_t commits_ = 0;
};

}  // namespace drawbridge
