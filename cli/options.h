// The command line: the verbs of `drawbridge` and their flags.
//
// Each flag that names a place has a twin in the environment: --state-dir is DRAWBRIDGE_STATE_DIR.
#pragma once

#include "plugin/options.h"

#include <filesystem>
#include <string>
#include <variant>

namespace drawbridge {

/// What every verb has that asks the running daemon.
struct AskCommand {
  std::filesystem::path control_socket = ServeCommand().control_socket;
  bool as_json = false;
};

struct CheckCommand {
  std::filesystem::path config;
  bool as_json = false;
};

struct StatusCommand : AskCommand {};
struct NetworksCommand : AskCommand {};

struct EndpointsCommand : AskCommand {
  std::string network;  // name, id or beginning of an id; empty: of all
};

struct PoolsCommand : AskCommand {};

/// `pools explain`
struct ExplainCommand : AskCommand {
  std::string pool;  // empty: all of them, and what lies in none
};

struct PortsCommand : AskCommand {};

struct ReconcileCommand : AskCommand {
  bool dry_run = false;
};

/// Copies the state, whether a daemon runs or not.
struct BackupCommand : AskCommand {
  std::filesystem::path file;  // "-": standard output
  std::filesystem::path state_dir = ServeCommand().state_dir;
};

/// Removes everything of ours from this host. Refused while a daemon runs.
struct UninstallCommand : AskCommand {
  std::filesystem::path state_dir = ServeCommand().state_dir;
  std::filesystem::path plugin_socket = ServeCommand().plugin_socket;
  bool with_state = false;
};

/// Help, version or a usage error: all is said already.
struct ExitCommand {
  int code = 0;
};

using Command = std::variant<ServeCommand, CheckCommand, StatusCommand, NetworksCommand,
                             EndpointsCommand, PoolsCommand, ExplainCommand, PortsCommand,
                             ReconcileCommand, BackupCommand, UninstallCommand, ExitCommand>;

/// Prints help, version and usage errors itself.
Command parse_command_line(int argc, char const* const* argv);

}  // namespace drawbridge
