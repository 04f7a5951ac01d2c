// The command line: `drawbridge serve`, `check`, `ports`, `uninstall`, and their flags.
//
// Each flag of serve has a twin in the environment, which the other verbs heed where they have that
// flag: --state-dir is DRAWBRIDGE_STATE_DIR.
#pragma once

#include "plugin/config.h"

#include <filesystem>
#include <optional>
#include <string>
#include <variant>

namespace drawbridge {

struct ServeCommand {
  std::filesystem::path config = "/etc/drawbridge/drawbridge.json";
  std::filesystem::path state_dir = "/var/lib/drawbridge";
  std::filesystem::path plugin_socket = "/run/docker/plugins/drawbridge.sock";
  std::filesystem::path control_socket = "/run/drawbridge/control.sock";
  std::filesystem::path resolv_conf = "/etc/resolv.conf";  // names the host's name servers
  std::optional<std::string> docker_socket;                // these three outrank the configuration
  std::optional<std::string> log_level;
  std::optional<std::string> log_format;
};

struct CheckCommand {
  std::filesystem::path config;
};

/// Removes every link and rule of ours, and nothing else. Refused while a daemon runs.
struct UninstallCommand {
  std::filesystem::path state_dir = "/var/lib/drawbridge";
};

/// Shows which ports of this host are published. Asks the daemon.
struct PortsCommand {
  std::filesystem::path control_socket = "/run/drawbridge/control.sock";
  bool as_json = false;
};

/// Help, version or a usage error: all is said already.
struct ExitCommand {
  int code = 0;
};

using Command =
    std::variant<ServeCommand, CheckCommand, UninstallCommand, PortsCommand, ExitCommand>;

/// Prints help, version and usage errors itself.
Command parse_command_line(int argc, char const* const* argv);

/// returns  the configuration that `command` names, with its flags put over it
/// errors   invalid_argument   the text says file, line and reason, or which flag
Result<Config> resolve_config(ServeCommand const& command);

}  // namespace drawbridge
