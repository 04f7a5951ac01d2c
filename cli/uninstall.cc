#include "cli/uninstall.h"

#include "cli/control_client.h"
#include "cli/table.h"
#include "netlink/linux_kernel.h"
#include "plugin/unix_socket.h"
#include "store/state_directory.h"

#include <fmt/core.h>

#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include <unistd.h>

namespace drawbridge {
namespace {

namespace fs = std::filesystem;

Error while_daemon_runs(Error const& reason) {
  return {
      Errc::conflict,
      reason.message + ": stop the daemon, and its socket unit where it has one, then uninstall"};
}

/// Whatever answers there: only nobody is no daemon.
Result<void> check_nobody_answers(UninstallCommand const& command) {
  Result<std::string> const answer = ask_daemon(command.control_socket, {"GET", "/status"});
  if (!answer && answer.error().code == Errc::not_found) {
    return {};
  }
  if (!answer && answer.error().code == Errc::invalid_argument) {
    return fail(answer.error());
  }
  return fail(while_daemon_runs(
      {Errc::conflict, fmt::format("a daemon answers on {}", command.control_socket.string())}));
}

/// returns  the lock of the state folder; closed where there is no folder
Result<FileDescriptor> lock_state(fs::path const& state_dir) {
  if (!fs::exists(state_dir)) {
    return FileDescriptor();
  }
  Result<FileDescriptor> lock = hold_state_directory(state_dir);
  if (!lock && lock.error().code == Errc::conflict) {
    return fail(while_daemon_runs(lock.error()));
  }
  return lock;
}

Result<void> remove_from_kernel(UninstallReply& reply) {
  Result<std::unique_ptr<LinuxKernel>> const kernel = LinuxKernel::open();
  if (!kernel) {
    return fail(kernel.error());
  }
  Result<Removed> const removed = (*kernel)->remove_everything();
  if (!removed) {
    return fail(removed.error());
  }
  reply.links = removed->links;
  reply.accept_rules = removed->accept_rules;
  return {};
}

/// What a daemon leaves that was killed. The folder of the control socket is ours alone.
///
/// errors  conflict   somebody answers on one: a daemon that has its other places elsewhere, or a
///                    service manager that would start one
Result<void> remove_sockets(UninstallCommand const& command, UninstallReply& reply) {
  for (fs::path const& socket : {command.plugin_socket, command.control_socket}) {
    Result<bool> const removed = UnixSocket::remove_stale(socket);
    if (!removed) {
      return fail(removed.error().code == Errc::conflict ? while_daemon_runs(removed.error())
                                                         : removed.error());
    }
    if (*removed) {
      reply.files.push_back(socket.string());
    }
  }
  fs::path const folder = command.control_socket.parent_path();
  if (folder.filename() == "drawbridge" && ::rmdir(folder.c_str()) == 0) {
    reply.files.push_back(folder.string());
  }
  return {};
}

/// Names of ours only: who gives the wrong folder loses nothing.
bool is_of_state(fs::path const& file) {
  std::string const name = file.filename().string();
  return name == "lock" || name.starts_with("state.db");
}

Result<void> remove_state(fs::path const& state_dir, UninstallReply& reply) {
  std::error_code error;
  std::vector<fs::path> files;
  for (fs::directory_iterator each(state_dir, error); !error && each != fs::directory_iterator();
       each.increment(error)) {
    if (is_of_state(each->path())) {
      files.push_back(each->path());
    }
  }
  for (fs::path const& file : files) {
    if (!error && fs::remove(file, error)) {
      reply.files.push_back(file.string());
    }
  }
  if (error) {
    return fail(Errc::kernel,
                fmt::format("state folder {}: {}", state_dir.string(), error.message()));
  }
  if (::rmdir(state_dir.c_str()) == 0) {
    reply.files.push_back(state_dir.string());
  }
  return {};
}

/// Sockets first: they may tell of a daemon, and nothing of its networks is touched by then.
Result<void> remove_all(UninstallCommand const& command, UninstallReply& reply) {
  if (Result<void> removed = remove_sockets(command, reply); !removed) {
    return removed;
  }
  if (Result<void> removed = remove_from_kernel(reply); !removed) {
    return removed;
  }
  if (command.with_state && fs::exists(command.state_dir)) {
    if (Result<void> removed = remove_state(command.state_dir, reply); !removed) {
      return removed;
    }
  }
  reply.state_dir = fs::exists(command.state_dir) ? command.state_dir.string() : "";
  return {};
}

}  // namespace

Result<Outcome> run_verb(UninstallCommand const& command) {
  if (::geteuid() != 0) {
    return fail(Errc::kernel, "uninstall changes links and rules of this host: run it as root");
  }
  if (Result<void> const free = check_nobody_answers(command); !free) {
    return fail(free.error());
  }
  Result<FileDescriptor> const lock = lock_state(command.state_dir);
  if (!lock) {
    return fail(lock.error());
  }
  UninstallReply reply;
  if (Result<void> const removed = remove_all(command, reply); !removed) {
    return fail(removed.error());
  }
  return Outcome{command.as_json ? encode_uninstall(reply) + "\n" : uninstall_text(reply)};
}

std::string uninstall_text(UninstallReply const& reply) {
  std::string text =
      fmt::format("removed {} links and {} accept rules; no table of drawbridge's is left\n",
                  reply.links, reply.accept_rules);
  for (std::string const& file : reply.files) {
    text += fmt::format("removed {}\n", printable(file));
  }
  return reply.state_dir.empty()
             ? text
             : text + fmt::format("state is left in {}\n", printable(reply.state_dir));
}

}  // namespace drawbridge
