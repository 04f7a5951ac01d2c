// Unix socket servers: accept, read, hand each request to the core thread, write the reply.
//
// One io thread for all sockets; the handler runs on the caller's core thread, one request at a
// time, and so does everything given to `post`. server.cc is the only file with coroutines.
// Limits: 256 connections (then the longest idle one makes room), 10 s for a request to arrive.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <vector>

#include "base/result.h"
#include "plugin/http_codec.h"

namespace drawbridge {

using Handler = std::function<HttpReply(HttpRequest const&)>;

struct Listener {
  std::filesystem::path socket;  // created with mode 0600, removed at the end
  Handler handler;               // runs on the core thread
};

class Server {
 public:
  Server();
  ~Server();

  /// Binds and listens. A stale socket file is replaced.
  ///
  /// errors  conflict  another process answers on that path
  ///         kernel    the path cannot be bound; the text says why
  Result<void> listen(Listener listener);

  /// Serves until `stop`. The calling thread becomes the core thread.
  ///
  /// on_idle    called on the core thread once no request has arrived for `idle_after`, and again
  ///            after the same time while it returns true
  /// on_signal  called on the core thread with each SIGHUP; SIGTERM and SIGINT stop the server:
  ///            no new connection, requests in progress are answered
  void run(std::chrono::milliseconds idle_after, std::function<bool()> on_idle,
           std::function<void()> on_hangup);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drawbridge
