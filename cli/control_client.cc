#include "cli/control_client.h"

#include "http/http_call.h"
#include "plugin/control_error.h"
#include "plugin/version.h"

#include <fmt/core.h>

#include <chrono>
#include <system_error>
#include <utility>

#include <unistd.h>

namespace drawbridge {
namespace {

// The daemon answers between two requests of the engine, each of which may wait for the disk; a
// look at a host with many networks takes its time, too.
constexpr std::chrono::seconds longest_wait{30};

/// Why nobody answered, as far as this side can tell.
Error no_answer(std::filesystem::path const& socket, Error const& reason) {
  auto const error = [&](Errc code, std::string_view remedy) {
    return Error{code,
                 fmt::format("no answer on {}: {}: {}", socket.string(), reason.message, remedy)};
  };
  if (reason.code == Errc::invalid_argument) {
    return error(reason.code, "name its socket with --control-socket");
  }
  bool const is_refused = reason.message.find("Permission denied") != std::string::npos;
  if (is_refused || (::geteuid() != 0 && reason.code == Errc::kernel)) {
    return error(Errc::kernel, "ask as root");
  }
  if (reason.message.find(timed_out) != std::string::npos) {
    return error(Errc::kernel, "the daemon is busy or stopped: look at its log, or ask again");
  }
  if (reason.code == Errc::malformed) {
    return error(Errc::malformed, "it is not drawbridge: name its socket with --control-socket");
  }
  return error(Errc::not_found,
               "the daemon does not run: start it with \"drawbridge serve\", or name its socket "
               "with --control-socket if it has another");
}

Error of_another_version(std::filesystem::path const& socket, ControlQuestion const& question,
                         int status) {
  return {Errc::unsupported,
          fmt::format("{}: status {} for {} {}: the daemon is of another version than this "
                      "program ({}): restart it",
                      socket.string(), status, question.method, question.target, version)};
}

}  // namespace

Result<std::string> ask_daemon(std::filesystem::path const& socket,
                               ControlQuestion const& question) {
  HttpCall const call{std::string(question.method), std::string(question.target)};
  Result<ApiReply> reply =
      http_call(socket, call, {std::chrono::steady_clock::now() + longest_wait});
  if (!reply) {
    return fail(no_answer(socket, reply.error()));
  }
  if (reply->status == control_failure) {
    return fail(Errc::conflict, decode_control_error(reply->body));
  }
  if (reply->status != 200) {
    return fail(of_another_version(socket, question, reply->status));
  }
  return std::move(reply->body);
}

}  // namespace drawbridge
