// One HTTP request over a unix socket, on a connection of its own that ends with the reply.
//
// What the socket speaks above HTTP is the caller's: the Docker API (api_client.h), or the control
// socket of drawbridge itself.
#pragma once

#include "base/result.h"
#include "http/http_reply.h"
#include "http/unix_connection.h"

#include <filesystem>
#include <string>
#include <string_view>

namespace drawbridge {

struct HttpCall {
  std::string method = "GET";
  std::string target;     // printable ASCII without spaces: is_target()
  std::string body = {};  // JSON
};

/// returns  the bytes of the request, which asks for the end of the connection behind the reply
std::string bytes_of(HttpCall const& call);

/// Connects, asks and reads the reply, whatever its status.
///
/// errors   kernel            nobody listens, the deadline passed, or stopped
///          malformed         what answers does not speak HTTP, or too much of it
///          invalid_argument  the socket's path is too long for one
Result<ApiReply> http_call(std::filesystem::path const& socket, HttpCall const& call,
                           Patience const& patience);

}  // namespace drawbridge
