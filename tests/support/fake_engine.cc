#include "tests/support/fake_engine.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include <poll.h>
#include <sys/socket.h>

namespace drawbridge {
namespace {

constexpr int wake_up_ms = 5;  // how often the thread looks whether the test is over

bool is_ready(int socket) {
  pollfd wanted{socket, POLLIN, 0};
  return ::poll(&wanted, 1, wake_up_ms) > 0;
}

/// returns  the second word of the request's first line
std::string path_in(std::string_view head) {
  std::size_t const begin = std::min(head.find(' '), head.size() - 1) + 1;
  return std::string(head.substr(begin, head.find(' ', begin) - begin));
}

std::string read_head(int client) {
  std::string head;
  char byte = 0;
  while (head.find("\r\n\r\n") == std::string::npos && ::recv(client, &byte, 1, 0) == 1) {
    head += byte;
  }
  return head;
}

void send_slowly(int client, Reaction const& reaction) {
  for (char const& byte : reaction.bytes) {
    if (::send(client, &byte, 1, MSG_NOSIGNAL) != 1) {
      return;
    }
    std::this_thread::sleep_for(reaction.pause_between_bytes);
  }
}

void send_at_once(int client, std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t const sent = ::send(client, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

}  // namespace

std::string api_reply(int status, std::string_view body) {
  return fmt::format(
      "HTTP/1.1 {} Words\r\nApi-Version: 1.41\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      status, body.size(), body);
}

FakeEngine::FakeEngine(std::filesystem::path const& socket, std::string_view api_version)
    : socket_(std::move(*UnixSocket::listen_on(socket))), listening_(socket_.take_descriptor()) {
  on("/_ping", {{fmt::format("HTTP/1.1 200 OK\r\nApi-Version: {}\r\nContent-Length: 2\r\n\r\nOK",
                             api_version)}});
  thread_ = std::thread([this] { serve(); });
}

FakeEngine::~FakeEngine() {
  stopping_ = true;
  thread_.join();
}

void FakeEngine::on(std::string const& path, std::vector<Reaction> reactions) {
  std::lock_guard const lock(mutex_);
  reactions_[path] = std::move(reactions);
}

std::vector<std::string> FakeEngine::asked() const {
  std::lock_guard const lock(mutex_);
  return asked_;
}

void FakeEngine::serve() {
  while (!stopping_) {
    if (is_ready(listening_.get())) {
      FileDescriptor const client(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC));
      answer(client.get());
    }
  }
}

void FakeEngine::answer(int client) {
  Reaction const reaction = reaction_to(path_in(read_head(client)));
  if (reaction.pause_between_bytes.count() > 0) {
    send_slowly(client, reaction);
  } else {
    send_at_once(client, reaction.bytes);
  }
  while (reaction.hold_open && !stopping_ && !is_ready(client)) {
  }
}

Reaction FakeEngine::reaction_to(std::string const& path) {
  std::lock_guard const lock(mutex_);
  asked_.push_back(path);
  auto const found = reactions_.find(path);
  if (found == reactions_.end()) {
    return {api_reply(404, R"({"message":"page not found"})")};
  }
  Reaction reaction = found->second.front();
  if (found->second.size() > 1) {
    found->second.erase(found->second.begin());
  }
  return reaction;
}

}  // namespace drawbridge
