// A descriptor that the core thread reads from: the io thread waits for it in between.
//
// Part of server.cc, which alone may include this; everything here belongs to its io thread.
#pragma once

#include "base/result.h"
#include "plugin/core_loop.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <utility>

namespace drawbridge {

class Watch {
 public:
  /// io, core  outlive it
  Watch(boost::asio::io_context& io, CoreLoop& core, CoreLoop::Task on_readable)
      : io_(io), core_(core), descriptor_(io), on_readable_(std::move(on_readable)) {}

  /// errors  as Server::watch
  Result<void> open(int descriptor);
  /// Posts `on_readable` once there is something to read, and waits again when it has returned.
  void wait();
  void close() { descriptor_.close(); }

 private:
  boost::asio::io_context& io_;
  CoreLoop& core_;
  boost::asio::posix::stream_descriptor descriptor_;
  CoreLoop::Task on_readable_;
};

}  // namespace drawbridge
