// What the service manager is told: ready, reloading, stopping, alive, and a line for `status`.
//
// Without a manager nothing is sent. source: sd_notify(3), sd_watchdog_enabled(3)
#pragma once

#include "base/file_descriptor.h"

#include <chrono>
#include <string>
#include <string_view>

namespace drawbridge {

class ServiceNotify {
 public:
  /// Reads NOTIFY_SOCKET, WATCHDOG_PID and WATCHDOG_USEC, and unsets them. Only before there are
  /// threads. Kinds of sockets that it does not know count as none.
  static ServiceNotify from_environment();

  /// Requests are answered from now on; also the end of a reload.
  void ready(std::string_view status);
  void reloading();
  void stopping();
  /// Another line, if it is another one.
  void status(std::string_view status);

  /// returns  what becomes readable whenever alive() is due; -1 where nobody watches
  int watchdog() const { return timer_.get(); }
  /// Says so, and reads the watchdog.
  void alive();

 private:
  void set_watchdog(std::string_view microseconds);
  void send(std::string_view text) const;

  std::string socket_;  // as the kernel has it: an abstract name begins with a zero byte
  std::string status_;
  FileDescriptor timer_;
};

}  // namespace drawbridge
