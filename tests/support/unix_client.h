// A blocking HTTP client on a unix socket, as rude as a test needs it to be.
#pragma once

#include "base/file_descriptor.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace drawbridge {

class UnixClient {
 public:
  /// Connects. Reads give up after five seconds, so that a broken server fails a test.
  explicit UnixClient(std::filesystem::path const& socket);

  bool is_connected() const { return connected_; }

  /// returns  false once the server does not take bytes any more
  bool send(std::string_view bytes);
  void end_sending();

  /// returns  the next reply, head and body; empty at the end of the connection
  std::string read_reply();
  /// returns  everything up to the end of the connection
  std::string read_to_end();

 private:
  bool read_more();

  FileDescriptor socket_;
  bool connected_ = false;
  std::string unread_;
};

/// returns  "POST <path>" with that body, as the engine writes it
std::string post_request(std::string_view path, std::string_view body = "");

/// returns  what follows the head of a reply
std::string body_of(std::string_view reply);

/// returns  the number in the first line of a reply; 0 when there is none
int status_of(std::string_view reply);

}  // namespace drawbridge
