#include "ports/port_watch.h"

#include "base/file_descriptor.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <sys/epoll.h>

namespace drawbridge {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

namespace {

epoll_data_t data_of(PortPlace place) {
  epoll_data_t data;
  data.u64 = std::uint64_t{place.mapping} << 32 | place.offset;
  return data;
}

PortPlace place_of(epoll_data_t data) {
  return {static_cast<std::uint32_t>(data.u64 >> 32), static_cast<std::uint32_t>(data.u64)};
}

}  // namespace

PortWatch::PortWatch(boost::asio::io_context& io, std::function<void(PortPlace)> on_ready)
    : set_(io), on_ready_(std::move(on_ready)) {}

Result<void> PortWatch::open() {
  FileDescriptor set(::epoll_create1(EPOLL_CLOEXEC));
  error_code error(set.is_open() ? 0 : errno, boost::system::system_category());
  if (error || set_.assign(set.get(), error)) {
    return fail(Errc::kernel, fmt::format("watch sockets: {}", error.message()));
  }
  set.release();
  wait();
  return {};
}

void PortWatch::add(std::uint32_t mapping, std::vector<int> const& sockets) {
  for (std::uint32_t offset = 0; offset < sockets.size(); ++offset) {
    if (sockets[offset] >= 0) {
      epoll_event event{EPOLLIN, data_of({mapping, offset})};
      ::epoll_ctl(set_.native_handle(), EPOLL_CTL_ADD, sockets[offset], &event);
    }
  }
}

void PortWatch::remove(std::vector<int> const& sockets) {
  for (int const socket : sockets) {
    ::epoll_ctl(set_.native_handle(), EPOLL_CTL_DEL, socket, nullptr);
  }
}

void PortWatch::resume() {
  is_paused_ = false;
  wait();
}

void PortWatch::wait() {
  if (is_waiting_) {
    return;
  }
  is_waiting_ = true;
  set_.async_wait(stream_descriptor::wait_read, [this](error_code error) {
    is_waiting_ = false;
    if (error) {
      return;
    }
    take_events();
    if (!is_paused_) {
      wait();
    }
  });
}

/// What stays unread makes the set readable again at once.
void PortWatch::take_events() {
  std::array<epoll_event, 64> events;
  int const count =
      ::epoll_wait(set_.native_handle(), events.data(), static_cast<int>(events.size()), 0);
  for (int at = 0; at < count && !is_paused_; ++at) {
    on_ready_(place_of(events[static_cast<std::size_t>(at)].data));
  }
}

}  // namespace drawbridge
