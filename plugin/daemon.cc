#include "plugin/daemon.h"

#include "base/log.h"
#include "ipam/ula.h"
#include "plugin/change_log.h"
#include "plugin/collision_report.h"
#include "plugin/control_routes.h"
#include "plugin/version.h"
#include "plugin/wall_clock.h"

#include <fmt/core.h>

#include <chrono>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace drawbridge {
namespace {

// Long enough for the calls of one `docker run` to be over, short enough that nobody waits for it.
constexpr std::chrono::milliseconds idle_after{100};
constexpr std::chrono::seconds longest_unsettled{1};
constexpr std::chrono::seconds between_tries{2};

/// What the start had to bring into line is expected: after a reboot that is everything.
void log_start(std::vector<std::string> const& changes) {
  for (std::string const& change : changes) {
    log::info("at start: {}", change);
  }
}

DriverSettings settings_of(Config const& config) {
  return {config.defaults, !config.docker_socket.empty()};
}

Result<ActivatedSockets> activated_sockets(ServeCommand const& command) {
  Result<std::vector<PassedDescriptor>> passed = take_passed_descriptors();
  if (!passed) {
    return fail(passed.error());
  }
  return tell_apart(std::move(*passed), {command.plugin_socket, command.control_socket});
}

ServedPaths paths_of(ServeCommand const& command) {
  return {command.plugin_socket.string(), command.control_socket.string(),
          command.state_dir.string(), command.config.string()};
}

std::uint64_t random_bits() {
  std::random_device device;
  return std::uint64_t{device()} << 32 | device();
}

}  // namespace

Result<std::unique_ptr<Daemon>> Daemon::open(ServeCommand const& command) {
  ServiceNotify manager = ServiceNotify::from_environment();
  Result<ActivatedSockets> sockets = activated_sockets(command);
  if (!sockets) {
    return fail(sockets.error());
  }
  Result<Config> config = resolve_config(command);
  if (!config) {
    return fail(config.error());
  }
  log::configure(config->log_level, config->log_format);
  Result<OpenedStore> state = open_or_replace_store(command.state_dir, wall_time());
  if (!state) {
    return fail(state.error());
  }
  Result<IpPrefix> const ula_prefix = fixed_ula_prefix(*state->store, random_bits());
  if (!ula_prefix) {
    return fail(ula_prefix.error());
  }
  Result<std::unique_ptr<LinuxKernel>> kernel = LinuxKernel::open(command.resolv_conf);
  if (!kernel) {
    return fail(kernel.error());
  }
  Result<std::unique_ptr<SocketPorts>> ports = SocketPorts::open();
  if (!ports) {
    return fail(ports.error());
  }
  Result<Alarm> alarm = Alarm::open();
  if (!alarm) {
    return fail(alarm.error());
  }
  std::unique_ptr<Daemon> daemon(new Daemon(
      {std::move(manager), std::move(*sockets), command, std::move(*config), std::move(*state),
       std::move(*kernel), std::move(*ports), std::move(*alarm), *ula_prefix}));
  Result<void> const started = daemon->start();
  return started ? Result<std::unique_ptr<Daemon>>(std::move(daemon)) : fail(started.error());
}

Daemon::Daemon(Parts parts)
    : manager_(std::move(parts.manager)),
      sockets_(std::move(parts.sockets)),
      command_(std::move(parts.command)),
      config_(std::move(parts.config)),
      ula_prefix_(parts.ula_prefix),
      store_(std::move(parts.state.store)),
      lost_(std::move(parts.state.lost)),
      kernel_(std::move(parts.kernel)),
      ports_(std::move(parts.ports)),
      ipam_(with_ula_pool(config_.pools, ula_prefix_), *store_),
      driver_(*kernel_, *store_, *ports_, settings_of(config_)),
      group_(*store_, [this] { ipam_.invalidate(); }),
      engine_(driver_, ipam_, group_),
      steward_(driver_, *store_, group_),
      looks_(driver_),
      alarm_(std::move(parts.alarm)),
      rebuilding_({driver_, ipam_, *store_, *kernel_, looks_}),
      plugin_(make_plugin_router({group_, driver_, ipam_, *kernel_, engine_, looks_, &steward_})),
      control_(make_control_router({group_, driver_, ipam_, *kernel_, engine_, looks_},
                                   {*store_, paths_of(command_), config_.docker_socket})) {}

Result<void> Daemon::start() {
  if (Result<void> loaded = ipam_.load(); !loaded) {
    return loaded;
  }
  if (Result<void> opened = open_sockets(); !opened) {
    return opened;
  }
  if (Result<void> begun = begin_rebuild(); !begun) {
    return begun;
  }
  Result<std::vector<std::string>> const changes = driver_.start();
  if (!changes) {
    return fail(changes.error());
  }
  log_start(*changes);
  Result<void> watched = watch_kernel();
  if (watched) {
    watched = server_.watch(manager_.watchdog(), [this] { manager_.alive(); });
  }
  return watched ? ask_docker() : watched;
}

Result<void> Daemon::watch_kernel() {
  Result<void> const routes = server_.watch(kernel_->events_descriptor(), [this] {
    look_at_routes();
    take_disturbance();
  });
  Result<void> const rules =
      server_.watch(kernel_->rules_descriptor(), [this] { take_disturbance(); });
  Result<void> const alarm = server_.watch(alarm_.descriptor(), [this] { tend_looks(); });
  for (Result<void> const& watched : {routes, rules, alarm}) {
    if (!watched) {
      return watched;
    }
  }
  return {};
}

/// What the last daemon left is kept where nobody remembers what it is.
Result<void> Daemon::begin_rebuild() {
  plugin_.review_with(
      [this](std::string_view path, std::string_view body, Result<std::string> outcome) {
        return review(path, body, std::move(outcome));
      });
  Result<bool> const awaited = rebuilding_.start(
      {command_.plugin_socket.stem().string(), config_.docker_socket, config_.defaults}, lost_);
  if (awaited && *awaited) {
    engine_.show_looks_to(
        [this](DockerInventory const& look) {
          group_.finish();
          return rebuilding_.take(look);
        },
        rebuilding_.doubts());
  }
  return awaited ? Result<void>() : fail(awaited.error());
}

/// The engine forgets what it removes whatever it is told; and what it asks for may be what was
/// lost.
Result<std::string> Daemon::review(std::string_view path, std::string_view body,
                                   Result<std::string> outcome) {
  unfinished_.note(path, body, outcome);
  if (outcome) {
    rebuilding_.removed(path, body);
    return outcome;
  }
  return fail(rebuilding_.explain(outcome.error()));
}

/// Who does not get the sockets is a second daemon, and keeps off the kernel. What is asked waits
/// until run().
Result<void> Daemon::open_sockets() {
  Listener plugin;
  plugin.socket = command_.plugin_socket;
  plugin.inherited = std::move(sockets_.plugin);
  if (Result<void> opened = serve_on(std::move(plugin), plugin_); !opened) {
    return opened;
  }
  Listener control;
  control.socket = command_.control_socket;
  control.inherited = std::move(sockets_.control);
  control.directory_mode = 0700;
  return serve_on(std::move(control), control_);
}

Result<void> Daemon::serve_on(Listener listener, Router& router) {
  listener.handler = [this, &router](HttpRequest const& request, Answer answer) {
    looks_.requested();
    router.handle(request, std::move(answer));
  };
  return server_.listen(std::move(listener));
}

Result<void> Daemon::ask_docker() {
  if (config_.docker_socket.empty()) {
    return {};
  }
  auto const post = [this](std::function<void()> task) { server_.post(std::move(task)); };
  Result<void> const started = engine_.start(config_.docker_socket, *store_, post);
  return started ? steward_.start(config_.docker_socket, config_.attach, post) : started;
}

void Daemon::run() {
  log::info("drawbridge {} {} on {}", version, in_one_line(), command_.plugin_socket.string());
  look_at_routes();
  next_try_ = std::chrono::steady_clock::now() + between_tries;  // the start was one
  CoreWork work;
  work.on_drained = [this] {
    group_.finish();
    steward_.follow();
    settle_overdue();
    try_again();
    take_disturbance();
  };
  work.on_idle = [this] { return tend(); };
  work.idle_after = idle_after;
  work.on_hangup = [this] {
    manager_.reloading();
    reload();
    manager_.ready(in_one_line());
  };
  work.on_stop = [this] { manager_.stopping(); };
  manager_.ready(in_one_line());
  server_.run(work);
  steward_.stop();
  engine_.stop();
  log::info("stopped; containers keep their networks");
}

std::string Daemon::in_one_line() const {
  return fmt::format("serves {} networks and {} endpoints", driver_.network_count(),
                     driver_.endpoint_count());
}

/// Takes a changed configuration over, as far as that is possible while networks are served.
void Daemon::reload() {
  Result<Config> config = resolve_config(command_);
  if (config) {
    if (config->docker_socket != config_.docker_socket) {
      log::warn("docker_socket is used as it was: a change takes effect with the next start");
      config->docker_socket = config_.docker_socket;
    }
    config_ = std::move(*config);
    log::configure(config_.log_level, config_.log_format);
    ipam_.configure(with_ula_pool(config_.pools, ula_prefix_));
    log::info("configuration read again");
  } else {
    log::error("configuration is used as it was: {}", config.error().message);
  }
  log_changes(driver_.configure(settings_of(config_)));
  steward_.configure(config_.attach);
  looks_.look();
  engine_.ask_marks();
}

/// Between requests: retired links are deleted, and what others took from our rules is put back.
bool Daemon::tend() {
  looks_.mend();
  settle();
  try_again();
  look_at_routes();
  manager_.status(in_one_line());
  take_disturbance();  // whoever asked the kernel above took news of links in
  return kernel_->reap() || driver_.is_unsettled() || driver_.lacks_ports() ||
         !unfinished_.is_empty();
}

/// What failed for want of something costs as much as it did then: not at every moment.
void Daemon::try_again() {
  auto const now = std::chrono::steady_clock::now();
  bool const is_wanted = driver_.lacks_ports() || !unfinished_.is_empty();
  if (!is_wanted || now < next_try_) {
    return;
  }
  if (driver_.lacks_ports()) {
    log_changes(driver_.hold_again());
  }
  log_changes(unfinished_.retry(
      [this](std::string_view path, std::string_view body) { return plugin_.run(path, body); }));
  next_try_ = std::chrono::steady_clock::now() + between_tries;
}

/// The alarm went off. Links that a look retired are deleted although no request comes.
void Daemon::tend_looks() {
  alarm_.take();
  looks_.tend();
  if (kernel_->reap()) {
    alarm_.set(std::chrono::steady_clock::now() + idle_after);
  }
  alarm_.set(looks_.due());
}

/// What others did makes a look due, and so does what we did to links.
void Daemon::take_disturbance() {
  looks_.disturbed(kernel_->take_disturbance());
  alarm_.set(looks_.due());
}

/// Settling takes 10 ms and more, which the next request would wait for: it is for idle moments.
/// When there are none, it cannot wait for ever.
void Daemon::settle_overdue() {
  auto const now = std::chrono::steady_clock::now();
  if (!driver_.is_unsettled()) {
    unsettled_since_.reset();
  } else if (!unsettled_since_) {
    unsettled_since_ = now;
  } else if (now - *unsettled_since_ > longest_unsettled) {
    settle();
  }
}

/// After the replies: what they did not have to wait for.
void Daemon::settle() {
  unsettled_since_.reset();
  for (std::string const& failure : driver_.settle()) {
    log::warn("{}", failure);
  }
}

/// A network of Docker's own brings a route, and takes it along.
void Daemon::tell_of_change(HostRoutes const& routes) {
  if (routes.generation != routes_seen_) {
    routes_seen_ = routes.generation;
    engine_.networks_changed();
  }
}

/// Says which routes came to lie on subnets of ours, and which are gone again.
void Daemon::look_at_routes() {
  Result<HostRoutes const*> const routes = kernel_->host_routes();
  if (!routes) {
    log::warn("{}", routes.error().message);
    return;
  }
  tell_of_change(**routes);
  RouteCollisionChanges const changes = ipam_.look_at(**routes);
  auto const owner = [this](IpPrefix const& subnet) {
    std::optional<NetworkId> const network = driver_.network_with(subnet);
    return network ? std::optional(engine_.title(*network)) : std::nullopt;
  };
  for (std::string const& line : describe_begun(changes.begun, owner)) {
    log::warn("{}", line);
  }
  for (std::string const& line : describe_ended(changes.ended)) {
    log::info("{}", line);
  }
}

}  // namespace drawbridge
