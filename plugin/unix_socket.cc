#include "plugin/unix_socket.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <utility>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace drawbridge {
namespace {

namespace fs = std::filesystem;

tl::unexpected<Error> fail_with(int code, std::string_view words) {
  return fail(Errc::kernel, fmt::format("{}: {}", words, std::strerror(code)));
}

Result<sockaddr_un> address_of(fs::path const& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::string const& text = path.native();
  if (text.size() >= sizeof address.sun_path) {
    return fail(Errc::invalid_argument,
                fmt::format("the path has {} characters, a socket's has at most {}", text.size(),
                            sizeof address.sun_path - 1));
  }
  text.copy(address.sun_path, text.size());
  return address;
}

sockaddr const* generic(sockaddr_un const& address) {
  return reinterpret_cast<sockaddr const*>(&address);
}

Result<FileDescriptor> open_socket() {
  FileDescriptor descriptor(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!descriptor.is_open()) {
    return fail_with(errno, "open a socket");
  }
  return descriptor;
}

/// Makes what is missing of `directory`: itself with `mode`, what it is in with 0755.
Result<void> make_directories(fs::path const& directory, mode_t mode) {
  fs::path made;
  for (fs::path const& part : directory) {
    made /= part;
    if (::mkdir(made.c_str(), made == directory ? mode : 0755) != 0 && errno != EEXIST) {
      return fail_with(errno, "create directory " + made.native());
    }
  }
  return {};
}

/// Removes a socket file on which nobody answers.
///
/// returns  whether there was one
Result<bool> remove_stale_at(sockaddr_un const& address) {
  struct stat status{};
  if (::lstat(address.sun_path, &status) != 0) {
    return false;
  }
  if (!S_ISSOCK(status.st_mode)) {
    return fail(Errc::conflict, "the file exists and is not a socket");
  }
  Result<FileDescriptor> const probe = open_socket();
  if (!probe) {
    return fail(probe.error());
  }
  if (::connect(probe->get(), generic(address), sizeof address) == 0 || errno == EAGAIN) {
    return fail(Errc::conflict, "another process answers there");
  }
  if (errno != ECONNREFUSED && errno != ENOENT) {
    return fail_with(errno, "ask whether another process answers there");
  }
  if (::unlink(address.sun_path) != 0 && errno != ENOENT) {
    return fail_with(errno, "remove the stale file");
  }
  return true;
}

/// The file takes the mode of the descriptor: there is no moment at which it is more open, and no
/// umask of the whole process to change.
Result<FileDescriptor> bind_and_listen(sockaddr_un const& address) {
  Result<FileDescriptor> descriptor = open_socket();
  if (!descriptor) {
    return descriptor;
  }
  if (::fchmod(descriptor->get(), 0600) != 0) {
    return fail_with(errno, "set its mode");
  }
  if (::bind(descriptor->get(), generic(address), sizeof address) != 0) {
    return fail_with(errno, "bind");
  }
  if (::listen(descriptor->get(), SOMAXCONN) != 0) {
    return fail_with(errno, "listen");
  }
  return descriptor;
}

Result<FileDescriptor> bind_at(fs::path const& path, mode_t directory_mode) {
  Result<sockaddr_un> const address = address_of(path);
  if (!address) {
    return fail(address.error());
  }
  if (Result<void> const made = make_directories(path.parent_path(), directory_mode); !made) {
    return fail(made.error());
  }
  if (Result<bool> const clear = remove_stale_at(*address); !clear) {
    return fail(clear.error());
  }
  return bind_and_listen(*address);
}

}  // namespace

Result<UnixSocket> UnixSocket::listen_on(fs::path path, mode_t directory_mode) {
  Result<FileDescriptor> descriptor = bind_at(path, directory_mode);
  if (!descriptor) {
    return fail(descriptor.error().within("socket " + path.native()));
  }
  UnixSocket socket;
  struct stat status{};
  ::lstat(path.c_str(), &status);
  socket.device_ = status.st_dev;
  socket.inode_ = status.st_ino;
  socket.descriptor_ = std::move(*descriptor);
  socket.path_ = std::move(path);
  return socket;
}

Result<bool> UnixSocket::remove_stale(fs::path const& path) {
  Result<sockaddr_un> const address = address_of(path);
  Result<bool> removed = address ? remove_stale_at(*address) : fail(address.error());
  return removed ? removed : fail(removed.error().within("socket " + path.native()));
}

UnixSocket UnixSocket::adopt(FileDescriptor listening) {
  ::fcntl(listening.get(), F_SETFD, FD_CLOEXEC);
  UnixSocket socket;
  socket.descriptor_ = std::move(listening);
  return socket;
}

UnixSocket::UnixSocket(UnixSocket&& other) noexcept
    : descriptor_(std::move(other.descriptor_)),
      path_(std::exchange(other.path_, {})),
      device_(other.device_),
      inode_(other.inode_) {}

void UnixSocket::remove_file() {
  fs::path const path = std::exchange(path_, {});
  struct stat status{};
  if (!path.empty() && ::lstat(path.c_str(), &status) == 0 && status.st_dev == device_ &&
      status.st_ino == inode_) {
    ::unlink(path.c_str());
  }
}

}  // namespace drawbridge
