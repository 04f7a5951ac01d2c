#include "tests/support/question.h"

#include "tests/support/sockets.h"

#include <gtest/gtest.h>

#include <array>

#include <arpa/inet.h>

namespace drawbridge {
namespace {

FileDescriptor open_socket(int type) {
  return FileDescriptor(::socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
}

FileDescriptor listen_at(Question const& question) {
  FileDescriptor listener = open_socket(question.type);
  sockaddr_in6 const any = socket_address("::", question.inside);
  int const on = 1;
  ::setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  EXPECT_EQ(::bind(listener.get(), reinterpret_cast<sockaddr const*>(&any), sizeof any), 0);
  if (question.type == SOCK_STREAM) {
    EXPECT_EQ(::listen(listener.get(), 1), 0);
  }
  return listener;
}

/// Connected: it takes answers from the address that it asked, and from no other.
FileDescriptor ask(Question const& question) {
  FileDescriptor client = open_socket(question.type);
  sockaddr_in6 const target = socket_address(question.address, question.port);
  ::connect(client.get(), reinterpret_cast<sockaddr const*>(&target), sizeof target);
  if (question.type == SOCK_DGRAM) {
    ::send(client.get(), "?", 1, 0);
  }
  return client;
}

/// Answers the one question that waits at `listener`.
///
/// returns  who asked
sockaddr_in6 answer(Question const& question, FileDescriptor const& listener) {
  sockaddr_in6 from{};
  socklen_t size = sizeof from;
  auto* const peer = reinterpret_cast<sockaddr*>(&from);
  if (question.type == SOCK_STREAM) {
    FileDescriptor const stream(::accept4(listener.get(), peer, &size, SOCK_CLOEXEC));
    ::send(stream.get(), "!", 1, MSG_NOSIGNAL);
    return from;
  }
  char byte = 0;
  ::recvfrom(listener.get(), &byte, 1, 0, peer, &size);
  ::sendto(listener.get(), "!", 1, 0, peer, size);
  return from;
}

std::string text_of(sockaddr_in6 const& from) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  inet_ntop(AF_INET6, &from.sin6_addr, text.data(), text.size());
  std::string const seen = text.data();
  return seen.starts_with("::ffff:") ? seen.substr(7) : seen;
}

}  // namespace

std::string client_seen(Party const& from, Party const& to, Question const& question) {
  FileDescriptor listener;
  FileDescriptor client;
  to.run([&] { listener = listen_at(question); });
  from.run([&] { client = ask(question); });
  if (!becomes_readable(listener, question.patience_ms)) {
    return "nobody";
  }
  std::string const seen = text_of(answer(question, listener));
  char byte = 0;
  bool const answered =
      becomes_readable(client, passing_ms) && ::recv(client.get(), &byte, 1, 0) == 1;
  return answered ? seen : seen + " without an answer";
}

}  // namespace drawbridge
