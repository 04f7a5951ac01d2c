// Wires the daemon together: store, kernel, IPAM, driver, router, server, in that order.

#include "base/log.h"
#include "driver/driver.h"
#include "ipam/ipam.h"
#include "netlink/linux_kernel.h"
#include "plugin/control_routes.h"
#include "plugin/options.h"
#include "plugin/routes.h"
#include "plugin/server.h"
#include "plugin/version.h"
#include "store/store.h"

#include <fmt/core.h>

#include <chrono>
#include <cstdio>
#include <exception>
#include <memory>
#include <utility>
#include <variant>

namespace drawbridge {
namespace {

// Long enough for the calls of one `docker run` to be over, short enough that nobody waits for it.
constexpr std::chrono::milliseconds idle_after{100};

int failed(Error const& error) {
  fmt::print(stderr, "drawbridge: {}\n", error.message);
  return 1;
}

/// What the start had to bring into line is expected: after a reboot that is everything.
void log_start(std::vector<std::string> const& changes) {
  for (std::string const& change : changes) {
    log::info("at start: {}", change);
  }
}

void log_repairs(std::vector<std::string> const& repairs) {
  for (std::string const& repair : repairs) {
    log::warn("repaired: {}", repair);
  }
}

/// Between requests: retired links are deleted, and what others took from our rules is put back.
bool tend(Kernel& kernel) {
  Result<std::vector<std::string>> const mended = kernel.mend();
  if (mended) {
    log_repairs(*mended);
  } else {
    log::warn("{}", mended.error().message);
  }
  return kernel.reap();
}

/// router outlives the server.
Result<void> serve_on(Server& server, std::filesystem::path const& socket, Router& router) {
  Listener listener;
  listener.socket = socket;
  listener.handler = [&router](HttpRequest const& request, Answer answer) {
    router.handle(request, std::move(answer));
  };
  return server.listen(std::move(listener));
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

int run(ServeCommand const& command) {
  Result<Config> const config = resolve_config(command);
  if (!config) {
    return failed(config.error());
  }
  log::configure(config->log_level, config->log_format);
  Result<std::unique_ptr<Store>> const store = open_store(command.state_dir);
  if (!store) {
    return failed(store.error());
  }
  Result<std::unique_ptr<LinuxKernel>> const kernel = LinuxKernel::open();
  if (!kernel) {
    return failed(kernel.error());
  }
  Ipam ipam(config->pools, **store);
  Result<void> const loaded = ipam.load();
  if (!loaded) {
    return failed(loaded.error());
  }
  Driver driver(**kernel, **store);
  Result<std::vector<std::string>> const changes = driver.start();
  if (!changes) {
    return failed(changes.error());
  }
  log_start(*changes);

  CommitGroup group(**store, [&] { ipam.invalidate(); });
  Services const services{group, driver, ipam, **kernel};
  Router plugin = make_plugin_router(services);
  Router control = make_control_router(services);
  Server server;
  Result<void> const plugin_opened = serve_on(server, command.plugin_socket, plugin);
  if (!plugin_opened) {
    return failed(plugin_opened.error());
  }
  Result<void> const control_opened = serve_on(server, command.control_socket, control);
  if (!control_opened) {
    return failed(control_opened.error());
  }
  log::info("drawbridge {} serves {} networks and {} endpoints on {}", version,
            driver.network_count(), driver.endpoint_count(), command.plugin_socket.string());
  CoreWork work;
  work.on_drained = [&] { group.finish(); };
  work.on_idle = [&] { return tend(**kernel); };
  work.idle_after = idle_after;
  work.on_hangup = [&] { log_repairs(driver.reconcile()); };
  server.run(work);
  log::info("stopped; containers keep their networks");
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
