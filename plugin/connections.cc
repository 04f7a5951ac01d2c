#include "plugin/connections.h"

#include "base/log.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace drawbridge {
namespace {

using boost::system::error_code;

constexpr std::chrono::milliseconds sweep_again{10};
// Between a client's connect and its first bytes, on a busy machine.
constexpr std::chrono::milliseconds newcomer{100};

/// returns  true when the client neither waits for a reply nor has begun a request
bool is_quiet(Connection const& connection) {
  error_code error;
  return connection.idle_since != never && connection.socket.available(error) == 0;
}

}  // namespace

Connections::Connections(boost::asio::io_context& io, ServerLimits limits)
    : io_(io), limits_(limits), sweeper_(io) {}

std::optional<Connections::Place> Connections::add(FileDescriptor client, Handler const& handler) {
  all_.emplace_back(io_, handler);
  error_code error;
  if (all_.back().socket.assign(boost::asio::local::stream_protocol(), client.get(), error)) {
    log::warn("accept a connection: {}", error.message());
    all_.pop_back();
    return std::nullopt;
  }
  client.release();
  return std::prev(all_.end());
}

void Connections::evict_longest_idle() {
  Connection* longest = nullptr;
  for (Connection& connection : all_) {
    if (is_quiet(connection) &&
        (longest == nullptr || connection.idle_since < longest->idle_since)) {
      longest = &connection;
    }
  }
  if (longest != nullptr) {
    longest->idle_since = never;
    longest->socket.cancel();
  }
}

void Connections::end_when_idle(Connection& connection) {
  if (!connection.has_asked && Clock::now() - connection.idle_since < newcomer) {
    set_deadline(connection, newcomer);
    return;
  }
  error_code ignored;
  ignored = connection.socket.shutdown(boost::asio::socket_base::shutdown_receive, ignored);
}

void Connections::begin_stop() {
  stopping_ = true;
  for (Connection& connection : all_) {
    if (is_quiet(connection)) {
      end_when_idle(connection);
    } else if (connection.deadline != never) {
      set_deadline(connection, limits_.linger);
    }
  }
}

void Connections::set_deadline(Connection& connection, std::chrono::milliseconds limit) {
  connection.deadline = Clock::now() + (stopping_ ? std::min(limit, limits_.linger) : limit);
  watch(connection.deadline);
}

/// One timer for all deadlines; it is set anew only when a nearer one comes up.
void Connections::watch(Clock::time_point deadline) {
  if (deadline >= sweep_at_) {
    return;
  }
  sweep_at_ = deadline;
  sweeper_.expires_at(deadline);
  sweeper_.async_wait([this](error_code error) {
    if (!error) {
      sweep();
    }
  });
}

/// A cancel between two parts of a write has nothing to cancel: what is late is looked at again.
void Connections::sweep() {
  Clock::time_point const now = Clock::now();
  Clock::time_point next = never;
  for (Connection& connection : all_) {
    if (connection.deadline <= now) {
      connection.socket.cancel();
    }
    next = std::min(next, std::max(connection.deadline, now + sweep_again));
  }
  sweep_at_ = never;
  watch(next);
}

}  // namespace drawbridge
