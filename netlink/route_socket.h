// Links and addresses by rtnetlink: one verb, one call to the kernel. Acts on whatever it is told;
// who owns a link is for linux_kernel.h to check. source: linux/rtnetlink.h, linux/if_link.h
#pragma once

#include "base/result.h"
#include "netlink/kernel_state.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace drawbridge {

class RouteChannel;
class RouteMessage;

/// What a bridge lets a port do. source: bridge(8), "bridge link set"
struct PortFlags {
  bool isolated = false;
  bool flood = false;     // is sent what is for an address that the bridge does not know
  bool learning = false;  // the bridge learns addresses at it
  bool hairpin = false;   // is sent what came from it
};

/// A network interface as the kernel shows it.
struct Link {
  std::uint32_t index = 0;
  std::string name;
  std::string kind;  // "bridge", "veth", "ifb", …; empty for hardware
  std::string alias;
  MacAddress mac;
  std::uint32_t mtu_bytes = 0;
  bool up = false;
  std::uint32_t master = 0;  // index of the bridge that it is a port of; 0: of none
  std::uint32_t peer = 0;    // of a veth: index of the other end; 0: in another namespace
  std::uint32_t group = 0;
  std::string qdisc;            // how what it sends is queued: "noqueue", "tbf", …
  PortFlags port;               // all off for what is no port
  bool route_localnet = false;  // packets from and to 127.0.0.0/8 may pass it
};

/// An entry of a bridge's table that neither ages nor moves.
struct ForwardingEntry {
  std::uint32_t port = 0;  // index
  MacAddress mac;
};

struct LinkAddress {
  std::uint32_t link = 0;  // index
  IpPrefix address;
};

/// Errors of every verb: not_found  no such link; kernel  anything else.
class RouteSocket {
 public:
  static Result<RouteSocket> open();
  RouteSocket(RouteSocket&&) noexcept;
  RouteSocket& operator=(RouteSocket&&) noexcept;
  ~RouteSocket();

  /// returns  nothing when there is no such link; costs the same with ten links and ten thousand
  Result<std::optional<Link>> find(std::string const& name);
  Result<std::optional<Link>> find(std::uint32_t index);
  Result<std::vector<Link>> links();
  /// returns  without IPv6 link-local ones, which the kernel adds by itself
  Result<std::set<IpPrefix>> addresses_of(std::uint32_t index);
  Result<std::vector<LinkAddress>> addresses();
  /// returns  the addresses that the bridge was told of, not those that it learned
  Result<std::set<MacAddress>> static_macs_at(std::uint32_t port);
  Result<std::vector<ForwardingEntry>> static_entries();

  /// Makes a bridge, marks it, gives it its addresses and brings it up: all or nothing.
  ///
  /// errors  already_exists   a link of that name is there
  Result<void> create_bridge(Bridge const& bridge);
  /// Makes and marks a veth pair; the host end is up and a port of `master`, if that is not 0, with
  /// all that the bridge has to know of it.
  ///
  /// errors  already_exists   a link of either name is there
  Result<void> create_veth(Veth const& veth, std::uint32_t master);

  Result<void> add_address(std::uint32_t index, IpPrefix const& address);
  /// Removing what is gone is success.
  Result<void> remove_address(std::uint32_t index, IpPrefix const& address);
  Result<void> set_mtu(std::uint32_t index, std::uint32_t mtu_bytes);
  Result<void> bring_up(std::uint32_t index);
  Result<void> set_group(std::uint32_t index, LinkGroup group);
  Result<void> set_isolated(std::uint32_t port, bool isolated);
  Result<void> set_hairpin(std::uint32_t port, bool hairpin);
  /// Lets packets from and to 127.0.0.0/8 pass.
  Result<void> allow_loopback(std::uint32_t index);
  /// Moves a port to `master`, 0 being none, and tells the bridge all about it. On the bridge that
  /// it is on already, no frame is lost.
  Result<void> attach(Link const& port, Veth const& veth, std::uint32_t master);

  /// Takes the addresses off, brings the bridge down, frees its name and marks it as retired.
  Result<void> retire_bridge(std::uint32_t index, Bridge const& bridge);
  /// Takes the host end off its bridge, brings it down and marks it as retired.
  Result<void> retire_veth(std::uint32_t index);
  /// Undoes retire_veth().
  Result<void> revive_veth(std::uint32_t index, Veth const& veth, std::uint32_t master);

  /// returns  an index that no link has, nor the one behind it
  Result<std::uint32_t> free_index();

  /// Deletes one link and waits the kernel's grace periods: 15 ms for a veth, 35 ms for a bridge.
  Result<void> delete_link(std::uint32_t index);
  /// Deletes many links for little more than one; their group number must be nobody else's.
  Result<void> delete_links(std::set<std::uint32_t> const& indexes, std::uint32_t group);

 private:
  explicit RouteSocket(std::unique_ptr<RouteChannel> channel);
  Result<std::optional<Link>> find_by(RouteMessage request, std::string const& words);
  Result<std::vector<LinkAddress>> addresses_at(std::uint32_t index);
  Result<std::vector<ForwardingEntry>> static_entries_at(std::uint32_t port);
  Result<void> move(Link const& port, Veth const& veth, std::uint32_t master);
  Result<void> correct(Link const& port, Veth const& veth);
  Result<void> revive_bridge(std::uint32_t index, Bridge const& bridge);
  Result<void> run(RouteMessage message, std::uint32_t index);
  Result<void> run(std::vector<RouteMessage> const& batch, std::string const& words);
  Result<void> create(std::vector<RouteMessage> const& batch, std::uint32_t index,
                      std::string const& words);

  std::unique_ptr<RouteChannel> channel_;
  std::uint32_t next_index_;
};

}  // namespace drawbridge
