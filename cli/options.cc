#include "cli/options.h"

#include "plugin/version.h"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <iterator>
#include <string>
#include <utility>

namespace drawbridge {
namespace {

constexpr int usage_error = 2;

constexpr char const* what_it_is =
    "Docker network and IPAM driver: subnets, isolation and bridges from one daemon.";
constexpr char const* exit_codes =
    "Exit codes: 0 good, 1 a finding or a failure, 2 a mistyped command. All but check are "
    "for root.";

void add_path(CLI::App& verb, char const* flag, std::filesystem::path& target, char const* what) {
  std::string variable = std::string("DRAWBRIDGE_") + (flag + 2);
  for (char& each : variable) {
    each = each == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(each)));
  }
  verb.add_option(flag, target, what)->envname(variable)->capture_default_str();
}

void add_state_dir(CLI::App& verb, std::filesystem::path& target) {
  add_path(verb, "--state-dir", target, "folder of state.db");
}

void add_plugin_socket(CLI::App& verb, std::filesystem::path& target) {
  add_path(verb, "--plugin-socket", target, "where the Docker engine calls");
}

void add_control_socket(CLI::App& verb, std::filesystem::path& target) {
  add_path(verb, "--control-socket", target, "where the daemon answers administrators");
}

void add_json(CLI::App& verb, bool& target) {
  verb.add_flag("--json", target, "for other programs; docs/operations.md names the members");
}

/// Adds a verb that may ask the daemon, with the flags that all of these have.
CLI::App& add_asking(CLI::App& app, char const* name, char const* what, AskCommand& command) {
  CLI::App& verb = *app.add_subcommand(name, what);
  add_json(verb, command.as_json);
  add_control_socket(verb, command.control_socket);
  return verb;
}

void add_serve(CLI::App& app, ServeCommand& command) {
  CLI::App& serve = *app.add_subcommand("serve", "run the daemon");
  add_path(serve, "--config", command.config, "configuration file; conf.d/*.json beside it count");
  add_state_dir(serve, command.state_dir);
  add_plugin_socket(serve, command.plugin_socket);
  add_control_socket(serve, command.control_socket);
  add_path(serve, "--resolv-conf", command.resolv_conf, "names the name servers of this host");
  serve
      .add_option("--docker-socket", command.docker_socket,
                  "the Docker API, for names and for what Docker holds")
      ->envname("DRAWBRIDGE_DOCKER_SOCKET");
  serve.add_option("--log-level", command.log_level, "debug, info, warn or error")
      ->envname("DRAWBRIDGE_LOG_LEVEL");
  serve.add_option("--log-format", command.log_format, "text or json")
      ->envname("DRAWBRIDGE_LOG_FORMAT");
}

void add_check(CLI::App& app, CheckCommand& command) {
  CLI::App& check = *app.add_subcommand("check", "say whether a configuration file is good");
  check.add_option("FILE", command.config, "the file")->required();
  add_json(check, command.as_json);
}

void add_endpoints(CLI::App& app, EndpointsCommand& command) {
  add_asking(app, "endpoints", "list the endpoints: which container is where", command)
      .add_option("NETWORK", command.network, "only those of it: name, id or beginning of an id");
}

/// `pools explain` takes the flags of `pools`, on either side.
void add_pools(CLI::App& app, PoolsCommand& pools, ExplainCommand& explain) {
  CLI::App& verb = add_asking(app, "pools", "list the pools that subnets are carved from", pools);
  CLI::App& more = *verb.add_subcommand(
      "explain", "say what of a pool is free, taken and by whom, and what comes next");
  more.add_option("NAME", explain.pool, "only this pool");
  more.fallthrough();
  more.footer("It takes the flags of \"drawbridge pools\", too.");
}

void add_reconcile(CLI::App& app, ReconcileCommand& command) {
  add_asking(app, "reconcile", "compare everything with the kernel, and repair what differs",
             command)
      .add_flag("--dry-run", command.dry_run, "only say what would be repaired; 1 if there is any");
}

void add_backup(CLI::App& app, BackupCommand& command) {
  CLI::App& backup = add_asking(
      app, "backup", "copy the state, of the running daemon or of one that does not run", command);
  backup.add_option("FILE", command.file, "the copy, a file that is not there yet; - for output")
      ->required();
  add_state_dir(backup, command.state_dir);
}

void add_uninstall(CLI::App& app, UninstallCommand& command) {
  CLI::App& uninstall = add_asking(
      app, "uninstall", "remove every link, rule and socket of drawbridge from this host", command);
  uninstall.add_flag("--state", command.with_state, "remove the state folder, too");
  add_state_dir(uninstall, command.state_dir);
  add_plugin_socket(uninstall, command.plugin_socket);
}

/// A command for each verb, filled by the parser.
struct Verbs {
  ServeCommand serve;
  CheckCommand check;
  StatusCommand status;
  NetworksCommand networks;
  EndpointsCommand endpoints;
  PoolsCommand pools;
  ExplainCommand explain;
  PortsCommand ports;
  ReconcileCommand reconcile;
  BackupCommand backup;
  UninstallCommand uninstall;
};

void add_verbs(CLI::App& app, Verbs& verbs) {
  add_serve(app, verbs.serve);
  add_check(app, verbs.check);
  add_asking(app, "status", "say how the daemon fares", verbs.status);
  add_asking(app, "networks", "list the networks", verbs.networks);
  add_endpoints(app, verbs.endpoints);
  add_pools(app, verbs.pools, verbs.explain);
  add_asking(app, "ports", "list the published ports, and who reaches them", verbs.ports);
  add_reconcile(app, verbs.reconcile);
  add_backup(app, verbs.backup);
  add_uninstall(app, verbs.uninstall);
}

ExplainCommand explain_with(ExplainCommand explain, PoolsCommand const& pools) {
  static_cast<AskCommand&>(explain) = pools;
  return explain;
}

Command chosen(CLI::App const& app, Verbs const& verbs) {
  std::string const name = app.get_subcommands().front()->get_name();
  if (name == "pools" && app.get_subcommand("pools")->got_subcommand("explain")) {
    return explain_with(verbs.explain, verbs.pools);
  }
  std::pair<char const*, Command> const commands[] = {
      {"serve", verbs.serve},         {"check", verbs.check},         {"status", verbs.status},
      {"networks", verbs.networks},   {"endpoints", verbs.endpoints}, {"pools", verbs.pools},
      {"ports", verbs.ports},         {"reconcile", verbs.reconcile}, {"backup", verbs.backup},
      {"uninstall", verbs.uninstall},
  };
  return std::find_if(std::begin(commands), std::end(commands),
                      [&name](auto const& each) { return each.first == name; })
      ->second;
}

}  // namespace

Command parse_command_line(int argc, char const* const* argv) {
  CLI::App app(what_it_is, "drawbridge");
  app.set_version_flag("--version", std::string("drawbridge ") + version);
  app.footer(exit_codes);
  app.require_subcommand(0, 1);  // none is told below, where a mistyped one is named
  Verbs verbs;
  add_verbs(app, verbs);
  try {
    app.parse(argc, argv);
  } catch (CLI::ParseError const& error) {
    return ExitCommand{app.exit(error) == 0 ? 0 : usage_error};
  }
  if (app.get_subcommands().empty()) {
    fmt::print(stderr, "{}", app.help());
    return ExitCommand{usage_error};
  }
  return chosen(app, verbs);
}

}  // namespace drawbridge
