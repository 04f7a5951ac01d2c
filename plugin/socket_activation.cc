#include "plugin/socket_activation.h"

#include "plugin/environment.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace drawbridge {
namespace {

namespace fs = std::filesystem;

constexpr int most_descriptors = 64;

/// returns  what stands between the colons; the rest of `text` stays
std::string next_name(std::string_view& text) {
  std::string_view const name = text.substr(0, text.find(':'));
  text.remove_prefix(std::min(text.size(), name.size() + 1));
  return std::string(name);
}

/// How the log and errors call it: `descriptor 3 "plugin"`.
std::string title(PassedDescriptor const& passed) {
  return fmt::format("socket activation: descriptor {} \"{}\"", passed.descriptor.get(),
                     passed.name);
}

tl::unexpected<Error> unfit(PassedDescriptor const& passed, std::string_view why) {
  return fail(Errc::invalid_argument, fmt::format("{} {}", title(passed), why));
}

int socket_option(int descriptor, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  return ::getsockopt(descriptor, SOL_SOCKET, option, &value, &size) == 0 ? value : -1;
}

Result<void> check_kind(PassedDescriptor const& passed) {
  int const descriptor = passed.descriptor.get();
  int const domain = socket_option(descriptor, SO_DOMAIN);
  if (domain == -1) {
    return unfit(passed, "is no socket");
  }
  if (domain != AF_UNIX || socket_option(descriptor, SO_TYPE) != SOCK_STREAM) {
    return unfit(passed, "is no unix stream socket: use ListenStream= with a path");
  }
  if (socket_option(descriptor, SO_ACCEPTCONN) != 1) {
    return unfit(passed, "does not listen: use Accept=no");
  }
  return {};
}

/// returns  the path that a unix socket is bound to; empty when it has none
fs::path path_of(FileDescriptor const& socket) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0 ||
      size <= offsetof(sockaddr_un, sun_path)) {
    return {};
  }
  std::size_t const room = size - offsetof(sockaddr_un, sun_path);
  return std::string(address.sun_path, ::strnlen(address.sun_path, room));
}

/// The file of a socket unit is for everybody where SocketMode= says nothing. Who gets to it is as
/// good as root.
Result<void> check_mode(PassedDescriptor const& passed) {
  fs::path const path = path_of(passed.descriptor);
  struct stat status{};
  if (path.empty() || ::stat(path.c_str(), &status) != 0 || (status.st_mode & 0077) == 0) {
    return {};
  }
  return unfit(passed, fmt::format("listens on {}, which has mode {:04o}: use SocketMode=0600",
                                   path.native(), status.st_mode & 07777));
}

/// returns  the place in `sockets` that this one is for
Result<FileDescriptor*> place_of(PassedDescriptor const& passed, SocketPaths const& paths,
                                 ActivatedSockets& sockets) {
  fs::path const path = path_of(passed.descriptor);
  if (passed.name == "plugin" || passed.name == "control") {
    return passed.name == "plugin" ? &sockets.plugin : &sockets.control;
  }
  if (path == paths.plugin || path == paths.control) {
    return path == paths.plugin ? &sockets.plugin : &sockets.control;
  }
  return unfit(passed, fmt::format("listens on \"{}\", which is neither {} nor {}: name it with "
                                   "FileDescriptorName=plugin or control",
                                   path.native(), paths.plugin.native(), paths.control.native()));
}

}  // namespace

Result<std::vector<PassedDescriptor>> take_passed_descriptors(int first) {
  std::optional<int> const process = number_in<int>(take_variable("LISTEN_PID"));
  std::string const count_text = take_variable("LISTEN_FDS");
  std::string const names_text = take_variable("LISTEN_FDNAMES");
  take_variable("LISTEN_PIDFDID");
  std::vector<PassedDescriptor> passed;
  if (process != ::getpid()) {
    return passed;  // meant for another one, who handed its environment down
  }
  std::optional<int> const count = number_in<int>(count_text);
  if (!count || *count < 0 || *count > most_descriptors) {
    return fail(Errc::invalid_argument,
                fmt::format("socket activation: LISTEN_FDS is \"{}\", not a number of sockets",
                            count_text));
  }
  std::string_view names = names_text;
  for (int number = first; number < first + *count; ++number) {
    if (::fcntl(number, F_SETFD, FD_CLOEXEC) != 0) {
      return fail(Errc::invalid_argument, fmt::format("socket activation: descriptor {}: {}",
                                                      number, std::strerror(errno)));
    }
    passed.push_back({FileDescriptor(number), next_name(names)});
  }
  return passed;
}

Result<ActivatedSockets> tell_apart(std::vector<PassedDescriptor> passed,
                                    SocketPaths const& paths) {
  ActivatedSockets sockets;
  for (PassedDescriptor& each : passed) {
    if (Result<void> const fit = check_kind(each); !fit) {
      return fail(fit.error());
    }
    if (Result<void> const closed = check_mode(each); !closed) {
      return fail(closed.error());
    }
    Result<FileDescriptor*> const place = place_of(each, paths, sockets);
    if (!place) {
      return fail(place.error());
    }
    if ((*place)->is_open()) {
      return unfit(each, "is for what another one is for already: pass one of each");
    }
    **place = std::move(each.descriptor);
  }
  return sockets;
}

}  // namespace drawbridge
