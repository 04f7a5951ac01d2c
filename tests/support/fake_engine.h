// A Docker engine on a unix socket that answers with the bytes it is told to, on a thread of its
// own, one connection after the other, as real engines never do: slowly, wrongly or not at all.
#pragma once

#include "base/file_descriptor.h"
#include "plugin/unix_socket.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace drawbridge {

/// What happens once a request has arrived.
struct Reaction {
  std::string bytes;
  std::chrono::milliseconds pause_between_bytes{0};
  bool hold_open = false;  // until the client has had enough; others are answered meanwhile
};

/// returns  a whole reply with Content-Length
std::string api_reply(int status, std::string_view body, std::string_view api_version = "1.41");

class FakeEngine {
 public:
  /// Listens on `socket`, and answers /_ping as an engine of `api_version` does.
  explicit FakeEngine(std::filesystem::path const& socket, std::string_view api_version = "1.41");
  ~FakeEngine();

  /// Sets what answers `path`, which has the version in front: each in its turn, the last for ever.
  /// A '*' at its end stands for anything.
  void on(std::string const& path, std::vector<Reaction> reactions);
  /// Sets a reply with status 200.
  void give(std::string const& path, std::string_view body) {
    on(path, {{api_reply(200, body, api_version_)}});
  }
  /// Sends more bytes to the client that was held open last, once there is one.
  void say(std::string_view bytes);
  /// Ends the connections that are held open, once there is one.
  void hang_up();

  /// returns  the paths that were asked for so far
  std::vector<std::string> asked() const;
  /// returns  the same with method and body: "POST /v1.41/networks/create {}"
  std::vector<std::string> requests() const;

 private:
  void serve();
  void answer(FileDescriptor client);
  void keep(FileDescriptor client);
  Reaction reaction_to(std::string const& path, std::string const& request);
  std::vector<Reaction>* reactions_for(std::string const& path);

  std::string api_version_;
  UnixSocket socket_;
  FileDescriptor listening_;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Reaction>> reactions_;
  std::vector<std::string> asked_;
  std::vector<std::string> requests_;
  std::vector<FileDescriptor> held_;
  std::condition_variable kept_;
  std::atomic<bool> stopping_ = false;
  std::thread thread_;
};

}  // namespace drawbridge
