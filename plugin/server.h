// Unix socket servers: accept, read, hand each request to the core thread, write the reply.
//
// One io thread for all sockets; handlers run on the caller's core thread, one request at a time,
// and so does everything given to `post`. server.cc is the only file with coroutines.
// source: docs/PROTOCOL.md "Connections, retries, time-outs"
#pragma once

#include "base/file_descriptor.h"
#include "base/result.h"
#include "plugin/http_codec.h"

#include <chrono>
#include <cstddef>
#include <filesystem>
#include <functional>
#include <memory>

#include <sys/types.h>

namespace drawbridge {

/// Takes the reply to a request: once, on the core thread.
using Answer = std::function<void(HttpReply)>;

/// Runs on the core thread and answers there, at once or later. The request lives until then.
using Handler = std::function<void(HttpRequest const&, Answer)>;

/// returns  a handler that answers at once
Handler at_once(std::function<HttpReply(HttpRequest const&)> reply);

struct Listener {
  std::filesystem::path socket;  // created with mode 0600, removed at the end
  Handler handler;
  FileDescriptor inherited = {};  // listens already (socket activation): nothing created or removed
  mode_t directory_mode = 0755;   // of the socket's folder, where that has to be made
};

struct ServerLimits {
  std::size_t connections = 256;  // then the longest idle one makes room, or the new one waits
  std::chrono::milliseconds request{10'000};  // from its first byte to its last
  std::chrono::milliseconds reply{10'000};    // until the client has taken it
  std::chrono::milliseconds linger{2'000};    // reading on after a refusal, so that it gets read
};

/// What the core thread does besides handling requests; each may be empty.
struct CoreWork {
  std::function<void()> on_drained;  // no request waits any more: answers put off are due
  std::function<bool()> on_idle;     // none came for `idle_after`; true: again after that time
  std::chrono::milliseconds idle_after{};
  std::function<void()> on_hangup;  // with each SIGHUP
  std::function<void()> on_stop;    // once no new connection is taken any more
};

class Server {
 public:
  explicit Server(ServerLimits limits = {});
  ~Server();

  /// Binds and listens. A stale socket file is replaced. Only before `run`.
  ///
  /// errors  invalid_argument  the path is longer than a socket address can hold
  ///         conflict  another process answers on that path, or the file is not a socket
  ///         kernel    the path cannot be bound; the text says why
  Result<void> listen(Listener listener);

  /// Has `on_readable` called on the core thread while there is something to read from
  /// `descriptor`, which becomes non-blocking. It is waited for again when the call has returned:
  /// what was left unread brings the next one, behind what has been queued meanwhile. As far as
  /// `on_idle` goes, this is no request. Only before `run`.
  ///
  /// descriptor  anything that poll(2) can wait for; -1: nothing is ever called
  /// errors      kernel   it cannot be waited for; the text says why
  Result<void> watch(int descriptor, std::function<void()> on_readable);

  /// Serves until `stop`. The calling thread becomes the core thread. Once per server.
  ///
  /// SIGTERM and SIGINT stop it: no new connection, requests in progress are answered.
  void run(CoreWork const& work);

  /// Lets `run` return, as SIGTERM does. From any thread, also before `run`.
  void stop();

  /// Runs `task` on the core thread after what is queued there. From any thread.
  void post(std::function<void()> task);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drawbridge
