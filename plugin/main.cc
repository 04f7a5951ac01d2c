// The command line's verbs; the daemon itself is plugin/daemon.h.

#include "netlink/linux_kernel.h"
#include "plugin/daemon.h"
#include "plugin/options.h"
#include "plugin/ports_command.h"
#include "store/store.h"

#include <fmt/core.h>

#include <cstdio>
#include <exception>
#include <filesystem>
#include <memory>
#include <string>
#include <variant>

namespace drawbridge {
namespace {

int failed(Error const& error) {
  fmt::print(stderr, "drawbridge: {}\n", error.message);
  return 1;
}

int run(ExitCommand const& command) {
  return command.code;
}

int run(CheckCommand const& command) {
  if (!std::filesystem::exists(command.config)) {
    return failed({Errc::not_found, fmt::format("{}: no such file", command.config.string())});
  }
  Result<Config> const config = read_config(command.config);
  if (!config) {
    return failed(config.error());
  }
  fmt::print("{}: good\n", command.config.string());
  return 0;
}

int run(UninstallCommand const& command) {
  Result<std::unique_ptr<Store>> const store = open_store(command.state_dir);
  if (!store) {
    return failed(store.error());
  }
  Result<std::unique_ptr<LinuxKernel>> const kernel = LinuxKernel::open();
  if (!kernel) {
    return failed(kernel.error());
  }
  Result<void> const removed = (*kernel)->remove_everything();
  if (!removed) {
    return failed(removed.error());
  }
  fmt::print("removed all links and rules of drawbridge; state is left in {}\n",
             command.state_dir.string());
  return 0;
}

int run(PortsCommand const& command) {
  Result<std::string> const listed = list_ports(command);
  if (!listed) {
    return failed(listed.error());
  }
  fmt::print("{}", *listed);
  return 0;
}

int run(ServeCommand const& command) {
  Result<std::unique_ptr<Daemon>> const daemon = Daemon::open(command);
  if (!daemon) {
    return failed(daemon.error());
  }
  (*daemon)->run();
  return 0;
}

}  // namespace
}  // namespace drawbridge

int main(int argc, char** argv) {
  using namespace drawbridge;
  try {
    return std::visit([](auto const& command) { return run(command); },
                      parse_command_line(argc, argv));
  } catch (std::exception const& error) {
    // What libraries throw at start, such as a thread that cannot be made.
    fmt::print(stderr, "drawbridge: {}\n", error.what());
    return 1;
  }
}
