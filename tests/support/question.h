// Questions to a container, from who sees it under another address and port, and the answers.
#pragma once

#include "tests/support/parties.h"

#include <cstdint>
#include <string>

#include <sys/socket.h>

namespace drawbridge {

/// How somebody asks a container.
struct Question {
  std::string address;
  std::uint16_t port = 8080;
  std::uint16_t inside = 80;  // where the container listens
  int type = SOCK_DGRAM;
  int patience_ms = passing_ms;
};

/// returns  whom `to` saw, if its answer came back; "nobody" if it was not asked
std::string client_seen(Party const& from, Party const& to, Question const& question);

}  // namespace drawbridge
