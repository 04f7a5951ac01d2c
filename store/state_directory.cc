#include "store/state_directory.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <string>
#include <string_view>
#include <system_error>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace drawbridge {
namespace {

Error state_directory_error(std::filesystem::path const& directory, std::string_view verb,
                            std::error_code const& code) {
  return {Errc::store, fmt::format("state directory {}: cannot {}: {}: choose another --state-dir",
                                   directory.string(), verb, code.message())};
}

std::error_code last_error() {
  return {errno, std::generic_category()};
}

Result<void> make_directory(std::filesystem::path const& directory) {
  std::error_code error;
  if (directory.has_parent_path()) {
    std::filesystem::create_directories(directory.parent_path(), error);
  }
  if (error) {
    return fail(state_directory_error(directory, "create its parent", error));
  }
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(state_directory_error(directory, "create it", last_error()));
  }
  return {};
}

std::string holder_of(int lock_file) {
  std::array<char, 16> digits{};
  ssize_t const size = ::pread(lock_file, digits.data(), digits.size(), 0);
  std::string_view const text(digits.data(), size < 0 ? 0 : static_cast<std::size_t>(size));
  std::string_view const pid = text.substr(0, text.find('\n'));
  return pid.empty() ? "another process" : fmt::format("process {}", pid);
}

/// For people and for the next process that is refused; the lock itself needs no content. Written
/// over the old id, which takes no space on a full disk.
Result<void> write_process_id(int lock_file, std::filesystem::path const& directory) {
  std::string const line = fmt::format("{}\n", ::getpid());
  auto const size = static_cast<ssize_t>(line.size());
  if (::pwrite(lock_file, line.data(), line.size(), 0) != size ||
      ::ftruncate(lock_file, size) != 0) {
    return fail(state_directory_error(directory, "write to it", last_error()));
  }
  return {};
}

}  // namespace

Result<FileDescriptor> hold_state_directory(std::filesystem::path const& directory) {
  if (Result<void> const made = make_directory(directory); !made) {
    return fail(made.error());
  }
  FileDescriptor lock(::open((directory / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock.is_open()) {
    return fail(state_directory_error(directory, "lock it", last_error()));
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    return errno == EWOULDBLOCK
               ? fail(Errc::conflict, fmt::format("state directory {} is in use by {}: another "
                                                  "drawbridge serves, stop it first",
                                                  directory.string(), holder_of(lock.get())))
               : fail(state_directory_error(directory, "lock it", last_error()));
  }
  if (Result<void> const written = write_process_id(lock.get(), directory); !written) {
    return fail(written.error());
  }
  return lock;
}

}  // namespace drawbridge
