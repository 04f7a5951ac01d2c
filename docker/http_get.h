// One HTTP request over a unix socket, on a connection of its own that ends with the reply.
//
// What the socket speaks above HTTP is the caller's: the Docker API (api_client.h), or the control
// socket of drawbridge itself.
#pragma once

#include "base/result.h"
#include "docker/http_reply.h"

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>

namespace drawbridge {

/// The text of the error when the deadline passed.
constexpr std::string_view timed_out = "timed out";

/// Connects, asks and reads the reply, whatever its status, all before `deadline`.
///
/// target   printable ASCII without spaces
/// errors   kernel            nobody listens, or the deadline passed
///          malformed         what answers does not speak HTTP, or too much of it
///          invalid_argument  the socket's path is too long for one
Result<ApiReply> http_get(std::filesystem::path const& socket, std::string const& target,
                          std::chrono::steady_clock::time_point deadline);

/// The same as a POST without a body: has something done.
Result<ApiReply> http_post(std::filesystem::path const& socket, std::string const& target,
                           std::chrono::steady_clock::time_point deadline);

}  // namespace drawbridge
