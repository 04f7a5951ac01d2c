// Asks the running daemon on its control socket, for all verbs alike.
#pragma once

#include "base/result.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace drawbridge {

/// One question to the daemon.
struct ControlQuestion {
  std::string_view method;  // "GET" or "POST"
  std::string_view target;  // "/networks"
};

/// returns  the body of the reply
/// errors   not_found         no daemon is there; the text says what to do, and so do the others
///          kernel            it cannot be asked: not by this user, or it does not answer in time
///          invalid_argument  the path is too long for a socket
///          unsupported       it is of another version, which does not know the question
///          malformed         what answers is no drawbridge
///          conflict          the daemon says that it failed, and why
Result<std::string> ask_daemon(std::filesystem::path const& socket,
                               ControlQuestion const& question);

}  // namespace drawbridge
