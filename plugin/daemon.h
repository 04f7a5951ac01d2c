// `drawbridge serve`: everything that the daemon is made of, wired in one place.
#pragma once

#include "base/result.h"
#include "driver/driver.h"
#include "ipam/ipam.h"
#include "netlink/linux_kernel.h"
#include "plugin/alarm.h"
#include "plugin/commit_group.h"
#include "plugin/engine_view.h"
#include "plugin/looks.h"
#include "plugin/options.h"
#include "plugin/rebuilding.h"
#include "plugin/router.h"
#include "plugin/routes.h"
#include "plugin/server.h"
#include "plugin/service_notify.h"
#include "plugin/socket_activation.h"
#include "plugin/steward_seat.h"
#include "plugin/unfinished.h"
#include "ports/socket_ports.h"
#include "store/store.h"

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

namespace drawbridge {

class Daemon {
 public:
  /// Reads configuration and state, brings the kernel to what they say, and opens the sockets.
  ///
  /// errors  as those of what it is made of; nothing is served then
  static Result<std::unique_ptr<Daemon>> open(ServeCommand const& command);

  /// Serves until SIGTERM or SIGINT. SIGHUP reads the configuration again and compares everything
  /// with the kernel.
  void run();

 private:
  struct Parts {
    ServiceNotify manager;
    ActivatedSockets sockets;
    ServeCommand command;
    Config config;
    OpenedStore state;
    std::unique_ptr<LinuxKernel> kernel;
    std::unique_ptr<SocketPorts> ports;
    Alarm alarm;
    IpPrefix ula_prefix;
  };
  explicit Daemon(Parts parts);

  Result<void> start();
  Result<void> open_sockets();
  Result<void> serve_on(Listener listener, Router& router);
  Result<void> watch_kernel();
  Result<void> ask_docker();
  Result<void> begin_rebuild();
  Result<std::string> review(std::string_view path, std::string_view body,
                             Result<std::string> outcome);
  void reload();
  bool tend();
  void take_disturbance();
  void tend_looks();
  void settle();
  void settle_overdue();
  void try_again();
  void look_at_routes();
  void tell_of_change(HostRoutes const& routes);
  std::string in_one_line() const;

  ServiceNotify manager_;
  ActivatedSockets sockets_;
  ServeCommand command_;
  Config config_;
  IpPrefix ula_prefix_;
  std::unique_ptr<Store> store_;
  std::optional<LostState> lost_;
  std::unique_ptr<LinuxKernel> kernel_;
  std::unique_ptr<SocketPorts> ports_;
  Ipam ipam_;
  Driver driver_;
  CommitGroup group_;
  Server server_;
  EngineView engine_;
  StewardSeat steward_;
  Looks looks_;
  Alarm alarm_;  // for what looks_ has to do
  Rebuilding rebuilding_;
  Unfinished unfinished_;
  std::uint64_t routes_seen_ = 0;  // generation
  std::optional<std::chrono::steady_clock::time_point> unsettled_since_;
  std::chrono::steady_clock::time_point next_try_;
  Router plugin_;
  Router control_;
};

}  // namespace drawbridge
