#include "cli/backup.h"

#include "base/file_descriptor.h"
#include "cli/control_client.h"
#include "plugin/status_report.h"
#include "plugin/verb_replies.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstring>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace drawbridge {
namespace {

namespace fs = std::filesystem;

/// A copy, and the folder whose state it is of.
struct Copy {
  std::string bytes;
  fs::path state_dir;
};

tl::unexpected<Error> cannot_write(fs::path const& file, int code) {
  Errc const kind = code == EEXIST ? Errc::already_exists : Errc::kernel;
  return fail(kind, fmt::format("{}: cannot be written: {}{}", file.string(), std::strerror(code),
                                code == EEXIST ? ": name a file that is not there yet" : ""));
}

Result<Copy> copy_without_daemon(BackupCommand const& command, Error const& no_daemon) {
  if (!fs::exists(command.state_dir / "state.db")) {
    return fail(Errc::not_found,
                fmt::format("{}; and there is no state in {}: name its folder with --state-dir",
                            no_daemon.message, command.state_dir.string()));
  }
  Result<std::unique_ptr<Store>> const store = open_store(command.state_dir);
  if (!store) {
    return fail(store.error());
  }
  Result<std::string> bytes = (*store)->back_up();
  return bytes ? Result<Copy>(Copy{std::move(*bytes), command.state_dir}) : fail(bytes.error());
}

/// returns  where the daemon has its state
fs::path state_dir_of(BackupCommand const& command) {
  Result<std::string> const body = ask_daemon(command.control_socket, {"GET", "/status"});
  Result<StatusReport> const status = body ? decode_status(*body) : fail(body.error());
  return status && !status->paths.state_dir.empty() ? fs::path(status->paths.state_dir)
                                                    : command.state_dir;
}

Result<Copy> copy_state(BackupCommand const& command) {
  Result<std::string> bytes = ask_daemon(command.control_socket, {"GET", "/backup"});
  if (!bytes) {
    return bytes.error().code == Errc::not_found ? copy_without_daemon(command, bytes.error())
                                                 : fail(bytes.error());
  }
  return Copy{std::move(*bytes), state_dir_of(command)};
}

/// errors  kernel   not all of it is written; the text says why
Result<void> write_all(int descriptor, std::string_view bytes, fs::path const& file) {
  while (!bytes.empty()) {
    ssize_t const written = ::write(descriptor, bytes.data(), bytes.size());
    if (written < 0 && errno != EINTR) {
      return cannot_write(file, errno);
    }
    bytes.remove_prefix(written < 0 ? 0 : static_cast<std::size_t>(written));
  }
  return {};
}

Result<void> write_whole(FileDescriptor const& opened, std::string_view bytes,
                         fs::path const& file) {
  Result<void> const written = write_all(opened.get(), bytes, file);
  if (!written || ::fsync(opened.get()) == 0) {
    return written;
  }
  return cannot_write(file, errno);
}

/// returns  how to go back to the copy
std::string remedy(fs::path const& file, fs::path const& state_dir) {
  fs::path const state = state_dir / "state.db";
  return fmt::format(
      "to restore it: stop the daemon, remove {0}-wal and {0}-shm, copy {1} to {0}, start the "
      "daemon\n",
      state.string(), file.string());
}

Result<Outcome> told(BackupCommand const& command, fs::path const& file, Copy const& copy) {
  std::string const state = (copy.state_dir / "state.db").string();
  if (command.as_json) {
    return Outcome{encode_backup({file.string(), copy.bytes.size(), state}) + "\n"};
  }
  return Outcome{fmt::format("{}: {} bytes, a copy of {}\n{}", file.string(), copy.bytes.size(),
                             state, remedy(file, copy.state_dir))};
}

Result<void> write_new(fs::path const& file, std::string_view bytes) {
  FileDescriptor const opened(::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!opened.is_open()) {
    return cannot_write(file, errno);
  }
  Result<void> written = write_whole(opened, bytes, file);
  if (!written) {
    ::unlink(file.c_str());
  }
  return written;
}

Result<Outcome> print_copy(BackupCommand const& command) {
  Result<Copy> copy = copy_state(command);
  return copy ? Result<Outcome>(Outcome{std::move(copy->bytes)}) : fail(copy.error());
}

}  // namespace

Result<Outcome> run_verb(BackupCommand const& command) {
  if (command.file == "-") {
    return print_copy(command);
  }
  fs::path const file = fs::absolute(command.file);
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(file, ignored))) {
    return cannot_write(file, EEXIST);
  }
  Result<Copy> const copy = copy_state(command);
  if (!copy) {
    return fail(copy.error());
  }
  Result<void> const written = write_new(file, copy->bytes);
  return written ? told(command, file, *copy) : fail(written.error());
}

}  // namespace drawbridge
