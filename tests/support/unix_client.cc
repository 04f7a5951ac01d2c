#include "tests/support/unix_client.h"

#include <fmt/core.h>

#include <algorithm>
#include <cstdlib>

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>

namespace drawbridge {
namespace {

constexpr std::string_view head_end = "\r\n\r\n";
constexpr std::string_view length_header = "Content-Length: ";

std::size_t length_in(std::string_view head) {
  std::size_t const at = head.find(length_header);
  return at == std::string_view::npos
             ? 0
             : std::strtoul(std::string(head.substr(at + length_header.size())).c_str(), nullptr,
                            10);
}

}  // namespace

UnixClient::UnixClient(std::filesystem::path const& socket)
    : socket_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socket.native().copy(address.sun_path, sizeof address.sun_path - 1);
  timeval const patience{5, 0};
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  ::setsockopt(socket_.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  connected_ = ::connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

bool UnixClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    ssize_t const sent = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) {
      return false;
    }
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

void UnixClient::end_sending() {
  ::shutdown(socket_.get(), SHUT_WR);
}

bool UnixClient::read_more() {
  char buffer[4096];
  ssize_t const got = ::recv(socket_.get(), buffer, sizeof buffer, 0);
  unread_.append(buffer, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return got > 0;
}

std::string UnixClient::read_reply() {
  while (unread_.find(head_end) == std::string::npos) {
    if (!read_more()) {
      return std::exchange(unread_, {});
    }
  }
  std::size_t const body = unread_.find(head_end) + head_end.size();
  std::size_t const end = body + length_in(std::string_view(unread_).substr(0, body));
  while (unread_.size() < end && read_more()) {
  }
  std::string const reply = unread_.substr(0, end);
  unread_.erase(0, end);
  return reply;
}

std::string UnixClient::read_to_end() {
  while (read_more()) {
  }
  return std::exchange(unread_, {});
}

std::string post_request(std::string_view path, std::string_view body) {
  return fmt::format("POST {} HTTP/1.1\r\nHost: \r\nContent-Length: {}\r\n\r\n{}", path,
                     body.size(), body);
}

std::string body_of(std::string_view reply) {
  std::size_t const end = reply.find(head_end);
  return end == std::string_view::npos ? "" : std::string(reply.substr(end + head_end.size()));
}

int status_of(std::string_view reply) {
  std::size_t const space = std::min(reply.find(' '), reply.size());
  return std::atoi(std::string(reply.substr(space)).c_str());
}

}  // namespace drawbridge
