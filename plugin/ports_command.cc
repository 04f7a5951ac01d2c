#include "plugin/ports_command.h"

#include "docker/http_get.h"
#include "plugin/port_listing.h"
#include "plugin/port_table.h"

#include <fmt/core.h>

#include <chrono>
#include <utility>
#include <vector>

namespace drawbridge {
namespace {

// The daemon answers between two requests of the engine, each of which may wait for the disk.
constexpr std::chrono::seconds longest_wait{10};
constexpr int ok = 200;

constexpr std::string_view how_to_start =
    "start the daemon with \"drawbridge serve\" if it does not run, ask as root, and name its "
    "socket "
    "with --control-socket if it has another";

Result<std::string> ask_daemon(std::filesystem::path const& socket) {
  Result<ApiReply> reply =
      http_get(socket, "/ports", std::chrono::steady_clock::now() + longest_wait);
  if (!reply) {
    return fail(reply.error().code, fmt::format("no answer on {}: {}: {}", socket.string(),
                                                reply.error().message, how_to_start));
  }
  if (reply->status != ok) {
    return fail(
        Errc::unsupported,
        fmt::format("{}: status {} for the list of ports: the daemon is of another version, "
                    "restart it",
                    socket.string(), reply->status));
  }
  return std::move(reply->body);
}

}  // namespace

Result<std::string> list_ports(PortsCommand const& command) {
  Result<std::string> body = ask_daemon(command.control_socket);
  if (!body) {
    return body;
  }
  Result<std::vector<ListedPort>> ports = decode_ports(*body);
  if (!ports) {
    return fail(ports.error().within(command.control_socket.string()));
  }
  return command.as_json ? *body + "\n" : port_table(std::move(*ports));
}

}  // namespace drawbridge
