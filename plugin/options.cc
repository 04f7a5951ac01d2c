#include "plugin/options.h"

#include "plugin/version.h"

#include <CLI/CLI.hpp>

#include <string>

namespace drawbridge {
namespace {

constexpr int usage_error = 2;

void add_serve(CLI::App& app, ServeCommand& command) {
  CLI::App& serve = *app.add_subcommand("serve", "run the daemon");
  serve.add_option("--config", command.config, "configuration file; conf.d/*.json beside it count")
      ->envname("DRAWBRIDGE_CONFIG")
      ->capture_default_str();
  serve.add_option("--state-dir", command.state_dir, "folder of state.db")
      ->envname("DRAWBRIDGE_STATE_DIR")
      ->capture_default_str();
  serve.add_option("--plugin-socket", command.plugin_socket, "where the Docker engine calls")
      ->envname("DRAWBRIDGE_PLUGIN_SOCKET")
      ->capture_default_str();
  serve.add_option("--control-socket", command.control_socket, "where administrators ask")
      ->envname("DRAWBRIDGE_CONTROL_SOCKET")
      ->capture_default_str();
  serve.add_option("--resolv-conf", command.resolv_conf, "names the name servers of this host")
      ->envname("DRAWBRIDGE_RESOLV_CONF")
      ->capture_default_str();
  serve
      .add_option("--docker-socket", command.docker_socket,
                  "the Docker API, for names and for what Docker holds")
      ->envname("DRAWBRIDGE_DOCKER_SOCKET");
  serve.add_option("--log-level", command.log_level, "debug, info, warn or error")
      ->envname("DRAWBRIDGE_LOG_LEVEL");
  serve.add_option("--log-format", command.log_format, "text or json")
      ->envname("DRAWBRIDGE_LOG_FORMAT");
}

void add_ports(CLI::App& app, PortsCommand& command) {
  CLI::App& ports = *app.add_subcommand("ports", "show which ports of this host are published");
  ports.add_flag("--json", command.as_json, "as the daemon tells it, for other programs");
  ports.add_option("--control-socket", command.control_socket, "where the daemon answers")
      ->envname("DRAWBRIDGE_CONTROL_SOCKET")
      ->capture_default_str();
}

template <class T>
Result<void> outrank(std::optional<std::string> const& flag, Result<T> (*parse)(std::string_view),
                     T& target) {
  if (!flag) {
    return {};
  }
  Result<T> const value = parse(*flag);
  if (!value) {
    return fail(value.error());
  }
  target = *value;
  return {};
}

}  // namespace

Command parse_command_line(int argc, char const* const* argv) {
  CLI::App app("Docker network and IPAM driver: subnets, isolation and bridges from one daemon.",
               "drawbridge");
  app.set_version_flag("--version", std::string("drawbridge ") + version);
  app.require_subcommand(1);
  ServeCommand serve;
  add_serve(app, serve);
  CheckCommand check;
  app.add_subcommand("check", "say whether a configuration file is good")
      ->add_option("FILE", check.config, "the file")
      ->required();
  UninstallCommand uninstall;
  app.add_subcommand("uninstall", "remove every link and rule of drawbridge from this host")
      ->add_option("--state-dir", uninstall.state_dir, "folder of state.db")
      ->envname("DRAWBRIDGE_STATE_DIR")
      ->capture_default_str();
  PortsCommand ports;
  add_ports(app, ports);
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) {
    return ExitCommand{app.exit(error) == 0 ? 0 : usage_error};
  }
  if (app.got_subcommand("check")) {
    return check;
  }
  if (app.got_subcommand("ports")) {
    return ports;
  }
  if (app.got_subcommand("uninstall")) {
    return uninstall;
  }
  return serve;
}

Result<Config> resolve_config(ServeCommand const& command) {
  Result<Config> config = read_config(command.config);
  if (!config) {
    return config;
  }
  if (command.docker_socket) {
    config->docker_socket = *command.docker_socket;
  }
  Result<void> const level = outrank(command.log_level, log::parse_level, config->log_level);
  if (!level) {
    return fail(level.error());
  }
  Result<void> const format = outrank(command.log_format, log::parse_format, config->log_format);
  if (!format) {
    return fail(format.error());
  }
  return config;
}

}  // namespace drawbridge
