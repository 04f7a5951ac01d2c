// A connection to a unix socket, for a thread that may wait: up to a deadline, or until another
// thread says that it need not wait any longer.
#pragma once

#include "base/file_descriptor.h"
#include "base/result.h"

#include <atomic>
#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace drawbridge {

/// The texts of the errors when the deadline passed, and when another thread said stop.
constexpr std::string_view timed_out = "timed out";
constexpr std::string_view was_stopped = "stopped";

/// Ends the waiting of other threads, once and for all.
class StopSignal {
 public:
  StopSignal();

  /// From any thread.
  void raise();
  bool is_raised() const { return raised_; }
  /// returns  a descriptor that is readable once the signal is raised, for poll(2)
  int descriptor() const { return event_.get(); }

 private:
  std::atomic<bool> raised_ = false;
  FileDescriptor event_;
};

/// How long a thread waits.
struct Patience {
  using TimePoint = std::chrono::steady_clock::time_point;
  TimePoint deadline;
  StopSignal const* stop = nullptr;  // outlives the wait
};

class UnixConnection {
 public:
  /// errors  kernel            nobody listens, the deadline passed, or stopped
  ///         invalid_argument  the socket's path is too long for one
  static Result<UnixConnection> open(std::filesystem::path const& socket, Patience const& patience);

  /// Sends all of `bytes`.
  ///
  /// errors  kernel   the other side is gone, the deadline passed, or stopped
  Result<void> send(std::string_view bytes, Patience const& patience);

  /// Waits for bytes, and at most until the deadline, even if that is past already.
  ///
  /// returns  whether there are some, or the connection has ended
  /// errors   kernel   stopped
  Result<bool> is_readable(Patience const& patience) const;

  /// returns  what has arrived, up to the next call; at the end of the connection nothing
  /// errors   kernel   the deadline passed, or stopped
  Result<std::string_view> receive(Patience const& patience);

 private:
  explicit UnixConnection(FileDescriptor socket) : socket_(std::move(socket)) {}

  FileDescriptor socket_;
  std::string buffer_;
};

}  // namespace drawbridge
