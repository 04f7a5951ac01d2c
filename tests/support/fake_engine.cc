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

/// returns  a word of the request's first line
std::string word_in(std::string_view head, int number) {
  for (; number > 0; --number) {
    head.remove_prefix(std::min(head.find(' '), head.size() - 1) + 1);
  }
  return std::string(head.substr(0, head.find(' ')));
}

std::size_t body_length_in(std::string_view head) {
  constexpr std::string_view field = "Content-Length: ";
  std::size_t const at = head.find(field);
  return at == std::string_view::npos ? 0 : std::stoul(std::string(head.substr(at + field.size())));
}

std::string read_head(int client) {
  std::string head;
  char byte = 0;
  while (head.find("\r\n\r\n") == std::string::npos && ::recv(client, &byte, 1, 0) == 1) {
    head += byte;
  }
  return head;
}

std::string read_body(int client, std::size_t length) {
  std::string body(length, '\0');
  std::size_t read = 0;
  while (read < length) {
    ssize_t const got = ::recv(client, body.data() + read, length - read, 0);
    if (got <= 0) {
      break;
    }
    read += static_cast<std::size_t>(got);
  }
  return body.substr(0, read);
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

std::string api_reply(int status, std::string_view body, std::string_view api_version) {
  return fmt::format(
      "HTTP/1.1 {} Words\r\nApi-Version: {}\r\nContent-Type: application/json\r\n"
      "Content-Length: {}\r\n\r\n{}",
      status, api_version, body.size(), body);
}

FakeEngine::FakeEngine(std::filesystem::path const& socket, std::string_view api_version)
    : api_version_(api_version),
      socket_(std::move(*UnixSocket::listen_on(socket))),
      listening_(socket_.take_descriptor()) {
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

std::vector<std::string> FakeEngine::requests() const {
  std::lock_guard const lock(mutex_);
  return requests_;
}

void FakeEngine::say(std::string_view bytes) {
  std::unique_lock lock(mutex_);
  kept_.wait(lock, [this] { return !held_.empty(); });
  send_at_once(held_.back().get(), bytes);
}

void FakeEngine::hang_up() {
  std::unique_lock lock(mutex_);
  kept_.wait(lock, [this] { return !held_.empty(); });
  held_.clear();
}

void FakeEngine::serve() {
  while (!stopping_) {
    if (is_ready(listening_.get())) {
      answer(FileDescriptor(::accept4(listening_.get(), nullptr, nullptr, SOCK_CLOEXEC)));
    }
  }
}

void FakeEngine::answer(FileDescriptor client) {
  std::string const head = read_head(client.get());
  std::string const path = word_in(head, 1);
  std::string const body = read_body(client.get(), body_length_in(head));
  std::string const request = word_in(head, 0) + " " + path + (body.empty() ? "" : " " + body);
  Reaction const reaction = reaction_to(path, request);
  if (reaction.pause_between_bytes.count() > 0) {
    send_slowly(client.get(), reaction);
  } else {
    send_at_once(client.get(), reaction.bytes);
  }
  if (reaction.hold_open) {
    keep(std::move(client));
  }
}

void FakeEngine::keep(FileDescriptor client) {
  std::lock_guard const lock(mutex_);
  held_.push_back(std::move(client));
  kept_.notify_all();
}

Reaction FakeEngine::reaction_to(std::string const& path, std::string const& request) {
  std::lock_guard const lock(mutex_);
  asked_.push_back(path);
  requests_.push_back(request);
  std::vector<Reaction>* const reactions = reactions_for(path);
  if (reactions == nullptr) {
    return {api_reply(404, R"({"message":"page not found"})", api_version_)};
  }
  Reaction reaction = reactions->front();
  if (reactions->size() > 1) {
    reactions->erase(reactions->begin());
  }
  return reaction;
}

/// returns  nullptr when nothing was set for the path
std::vector<Reaction>* FakeEngine::reactions_for(std::string const& path) {
  for (auto& [wanted, reactions] : reactions_) {
    bool const is_open = wanted.ends_with('*');
    std::string_view const beginning(wanted.data(), wanted.size() - (is_open ? 1 : 0));
    if (path == beginning || (is_open && path.starts_with(beginning))) {
      return &reactions;
    }
  }
  return nullptr;
}

}  // namespace drawbridge
