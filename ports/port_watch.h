// Waits for packets on the sockets of many ports at once: they cost nothing but their place in a
// set of the kernel, which is itself one descriptor that Asio waits for. source: epoll(7)
//
// Part of the relay; everything here belongs to its thread.
#pragma once

#include "base/result.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <functional>
#include <vector>

namespace drawbridge {

/// A socket, as its mapping knows it.
struct PortPlace {
  std::uint32_t mapping = 0;
  std::uint32_t offset = 0;  // of the port in the range

  auto operator<=>(PortPlace const&) const = default;
};

class PortWatch {
 public:
  /// on_ready  called while there is something to read; must not add or remove
  PortWatch(boost::asio::io_context& io, std::function<void(PortPlace)> on_ready);

  /// errors  kernel
  Result<void> open();

  /// Watches those of the sockets that are open.
  void add(std::uint32_t mapping, std::vector<int> const& sockets);
  void remove(std::vector<int> const& sockets);

  /// Lets packets wait until resume().
  void pause() { is_paused_ = true; }
  void resume();

 private:
  void wait();
  void take_events();

  boost::asio::posix::stream_descriptor set_;
  std::function<void(PortPlace)> on_ready_;
  bool is_paused_ = false;
  bool is_waiting_ = false;
};

}  // namespace drawbridge
