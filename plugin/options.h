// What `drawbridge serve` is told: the flags, and the configuration that they name.
//
// The command line itself is cli/options.h. Each flag has a twin in the environment: --state-dir is
// DRAWBRIDGE_STATE_DIR.
#pragma once

#include "plugin/config.h"

#include <filesystem>
#include <optional>
#include <string>

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

/// returns  the configuration that `command` names, with its flags put over it
/// errors   invalid_argument   the text says file, line and reason, or which flag
Result<Config> resolve_config(ServeCommand const& command);

}  // namespace drawbridge
