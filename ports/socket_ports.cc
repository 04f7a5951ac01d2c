#include "ports/socket_ports.h"

#include "ports/port_filter.h"
#include "ports/port_holder.h"
#include "ports/port_lists.h"
#include "ports/port_socket.h"
#include "ports/relay_thread.h"

#include <fmt/core.h>

#include <algorithm>
#include <cassert>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include <netinet/in.h>
#include <sys/resource.h>

namespace drawbridge {
namespace {

using Sockets = std::vector<FileDescriptor>;

constexpr PortRange usual_ephemeral_ports{32768, 60999};
constexpr std::uint16_t any_port = 0;  // the kernel chooses

/// Each port takes a descriptor, and the usual soft limit is 1024.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
  }
}

std::string read_setting(char const* name) {
  std::ifstream file(std::string("/proc/sys/net/ipv4/") + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<PortRange> reserved_ports() {
  return parse_reserved_ports(read_setting("ip_local_reserved_ports"));
}

PortRange ephemeral_ports() {
  return parse_ephemeral_ports(read_setting("ip_local_port_range")).value_or(usual_ephemeral_ports);
}

bool is_relayed(PortHold const& hold) {
  bool const can_be = hold.port.protocol == IPPROTO_TCP || hold.port.protocol == IPPROTO_UDP;
  return can_be && !hold.relayed.empty();
}

std::vector<int> numbers_of(Sockets const& sockets) {
  std::vector<int> numbers(sockets.size());
  std::transform(sockets.begin(), sockets.end(), numbers.begin(),
                 [](FileDescriptor const& each) { return each.get(); });
  return numbers;
}

}  // namespace

class SocketPorts::Impl {
 public:
  explicit Impl(std::unique_ptr<RelayThread> relay) : relay_(std::move(relay)) {}

  Result<void> hold(PortHold const& hold);
  Result<std::uint16_t> hold_first(PortHold hold, std::vector<std::uint16_t> const& candidates);
  void release(PublishedPort const& port);

 private:
  struct Held {
    PortHold hold;
    Sockets sockets;
  };

  Result<void> change(Held& held, PortHold const& hold);
  Result<void> relay_again(Held const& held, PortHold const& before);
  Result<Sockets> open_sockets(PortHold const& hold);
  Result<FileDescriptor> open_socket(HostPort const& port, PortFilter const& filter);
  void keep(PortHold const& hold, Sockets sockets);
  Held const* find(HostPort const& port) const;
  std::uint16_t without_socket(HostPort port) const;
  std::string holder_of(HostPort const& port);

  std::map<PublishedPort, Held> held_;
  PortHolders holders_;
  std::unique_ptr<RelayThread> relay_;  // uses the sockets above, so it goes first
};

Result<void> SocketPorts::Impl::hold(PortHold const& hold) {
  auto const held = held_.find(hold.port);
  if (held != held_.end()) {
    return change(held->second, hold);
  }
  Result<Sockets> sockets = open_sockets(hold);
  if (!sockets) {
    return fail(sockets.error());
  }
  keep(hold, std::move(*sockets));
  return {};
}

Result<std::uint16_t> SocketPorts::Impl::hold_first(PortHold hold,
                                                    std::vector<std::uint16_t> const& candidates) {
  PortFilter const filter(hold.relayed);
  for (std::uint16_t const candidate : candidates) {
    HostPort const wanted{hold.port.protocol, hold.port.host, candidate};
    Result<FileDescriptor> socket = open_port_socket(wanted, filter);
    if (!socket && socket.error().code == Errc::already_exists) {
      continue;
    }
    if (!socket) {
      return fail(socket.error());
    }
    std::uint16_t const port = socket->is_open() ? port_of_socket(*socket) : without_socket(wanted);
    if (port == any_port) {
      continue;
    }
    hold.port.host_ports = {port, port};
    Sockets sockets;
    sockets.push_back(std::move(*socket));
    keep(hold, std::move(sockets));
    return port;
  }
  return fail(Errc::exhausted, "none of the ports is free");
}

void SocketPorts::Impl::release(PublishedPort const& port) {
  auto const held = held_.find(port);
  if (held == held_.end()) {
    return;
  }
  if (is_relayed(held->second.hold)) {
    relay_->forget(port);
  }
  held_.erase(held);
}

Result<void> SocketPorts::Impl::change(Held& held, PortHold const& hold) {
  if (held.hold == hold) {
    return {};
  }
  PortHold const before = std::exchange(held.hold, hold);
  Result<void> const changed = relay_again(held, before);
  if (!changed) {
    PortHold const failed = std::exchange(held.hold, before);
    static_cast<void>(relay_again(held, failed));
  }
  return changed;
}

/// The relay hears of it before packets get there.
Result<void> SocketPorts::Impl::relay_again(Held const& held, PortHold const& before) {
  if (is_relayed(held.hold)) {
    relay_->serve({held.hold, numbers_of(held.sockets)});
  } else if (is_relayed(before)) {
    relay_->forget(before.port);
  }
  if (held.hold.relayed == before.relayed) {
    return {};
  }
  PortFilter const filter(held.hold.relayed, held.sockets.size());
  for (FileDescriptor const& socket : held.sockets) {
    Result<void> const attached = socket.is_open() ? filter.attach(socket.get()) : Result<void>();
    if (!attached) {
      return attached;
    }
  }
  return {};
}

Result<Sockets> SocketPorts::Impl::open_sockets(PortHold const& hold) {
  PortRange const range = hold.port.host_ports;
  assert(range.first > 0 && range.first <= range.last);
  std::size_t const count = std::size_t{range.last} - range.first + 1;
  PortFilter const filter(hold.relayed, count);
  Sockets sockets;
  sockets.reserve(count);
  for (std::uint32_t port = range.first; port <= range.last; ++port) {
    Result<FileDescriptor> socket =
        open_socket({hold.port.protocol, hold.port.host, static_cast<std::uint16_t>(port)}, filter);
    if (!socket) {
      return fail(socket.error());
    }
    sockets.push_back(std::move(*socket));
  }
  return sockets;
}

Result<FileDescriptor> SocketPorts::Impl::open_socket(HostPort const& port,
                                                      PortFilter const& filter) {
  Result<FileDescriptor> socket = open_port_socket(port, filter);
  bool const is_ours = socket && !socket->is_open() && find(port) != nullptr;
  if (is_ours || (!socket && socket.error().code == Errc::already_exists)) {
    return fail(Errc::already_exists, port.to_string() + " is taken by " + holder_of(port));
  }
  return socket;
}

void SocketPorts::Impl::keep(PortHold const& hold, Sockets sockets) {
  if (is_relayed(hold)) {
    relay_->serve({hold, numbers_of(sockets)});
  }
  held_.emplace(hold.port, Held{hold, std::move(sockets)});
}

/// returns  the mapping of ours that has the port
SocketPorts::Impl::Held const* SocketPorts::Impl::find(HostPort const& port) const {
  PublishedPort const wanted{port.protocol, port.host, {port.port, port.port}, 0};
  auto const own = std::find_if(held_.begin(), held_.end(),
                                [&wanted](auto const& each) { return clash(each.first, wanted); });
  return own == held_.end() ? nullptr : &own->second;
}

/// Of a protocol that the kernel has no sockets of: nobody but us has ports of it.
///
/// returns  the port that is wanted, or one of the ephemeral range where any is; 0 if none is free
std::uint16_t SocketPorts::Impl::without_socket(HostPort port) const {
  bool const wants_any = port.port == any_port;
  PortRange const range = wants_any ? ephemeral_ports() : PortRange{port.port, port.port};
  std::vector<PortRange> const reserved = wants_any ? reserved_ports() : std::vector<PortRange>();
  for (std::uint32_t number = range.first; number <= range.last; ++number) {
    port.port = static_cast<std::uint16_t>(number);
    bool const is_reserved = std::any_of(
        reserved.begin(), reserved.end(),
        [number](PortRange const& each) { return each.first <= number && number <= each.last; });
    if (!is_reserved && find(port) == nullptr) {
      return port.port;
    }
  }
  return any_port;
}

std::string SocketPorts::Impl::holder_of(HostPort const& port) {
  Held const* const own = find(port);
  if (own == nullptr) {
    return holders_.holder_of(port);
  }
  PortHold const& hold = own->hold;
  std::optional<IpAddress> const& container = hold.ipv4 ? hold.ipv4 : hold.ipv6;
  return fmt::format("the published port of container {}",
                     container ? container->to_string() : "without an address");
}

SocketPorts::SocketPorts(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SocketPorts::~SocketPorts() = default;

Result<std::unique_ptr<SocketPorts>> SocketPorts::open(RelayLimits limits) {
  raise_descriptor_limit();
  Result<std::unique_ptr<RelayThread>> relay = RelayThread::start(limits);
  if (!relay) {
    return fail(relay.error());
  }
  return std::unique_ptr<SocketPorts>(new SocketPorts(std::make_unique<Impl>(std::move(*relay))));
}

Result<void> SocketPorts::hold(PortHold const& hold) {
  return impl_->hold(hold);
}

Result<std::uint16_t> SocketPorts::hold_any(PortHold hold) {
  return impl_->hold_first(std::move(hold), {any_port});
}

Result<std::uint16_t> SocketPorts::hold_first(PortHold hold,
                                              std::vector<std::uint16_t> const& candidates) {
  return impl_->hold_first(std::move(hold), candidates);
}

void SocketPorts::release(PublishedPort const& port) {
  impl_->release(port);
}

std::vector<PortRange> SocketPorts::reserved() const {
  return reserved_ports();
}

PortRange SocketPorts::ephemeral() const {
  return ephemeral_ports();
}

}  // namespace drawbridge
