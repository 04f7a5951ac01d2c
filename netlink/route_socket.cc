#include "netlink/route_socket.h"

#include "netlink/link_message.h"
#include "netlink/mark.h"
#include "netlink/route_channel.h"

#include <fmt/core.h>
#include <netlink/errno.h>

#include <algorithm>
#include <random>
#include <utility>

#include <net/if.h>

namespace drawbridge {
namespace {

// The kernel numbers links from 1 upwards, one after the other, and will not get this far.
constexpr std::uint32_t first_index = 1U << 20;
constexpr std::uint32_t last_index = 1U << 30;

/// Another start in each process, so that two of them do not meet at every link.
std::uint32_t random_index() {
  return first_index + 2 * (std::random_device{}() % (first_index / 2));
}

bool is_free(std::uint32_t index) {
  char name[IF_NAMESIZE];
  return if_indextoname(index, name) == nullptr;
}

std::string words_for(std::uint32_t index) {
  return fmt::format("link {}", index);
}

/// A name that no living link of ours has: an index belongs to one link at a time.
std::string retired_name(std::uint32_t index) {
  return fmt::format("dx-{:x}", index);
}

bool is_ipv6_link_local(IpAddress const& address) {
  static IpPrefix const link_local = *IpPrefix::parse("fe80::/10");
  return link_local.contains(address);
}

}  // namespace

RouteSocket::RouteSocket(std::unique_ptr<RouteChannel> channel)
    : channel_(std::move(channel)), next_index_(random_index()) {}
RouteSocket::RouteSocket(RouteSocket&&) noexcept = default;
RouteSocket& RouteSocket::operator=(RouteSocket&&) noexcept = default;
RouteSocket::~RouteSocket() = default;

Result<RouteSocket> RouteSocket::open() {
  Result<RouteChannel> channel = RouteChannel::open();
  if (!channel) {
    return fail(channel.error());
  }
  return RouteSocket(std::make_unique<RouteChannel>(std::move(*channel)));
}

Result<std::optional<Link>> RouteSocket::find(std::string const& name) {
  return find_by(link_message::get_by_name(name), "link " + name);
}

Result<std::optional<Link>> RouteSocket::find(std::uint32_t index) {
  return find_by(link_message::get_by_index(index), words_for(index));
}

Result<std::optional<Link>> RouteSocket::find_by(RouteMessage request, std::string const& words) {
  request.forgive(NLE_NODEV);
  std::optional<Link> link;
  std::vector<RouteMessage> batch;
  batch.push_back(std::move(request));
  int const code = first_failure(
      channel_->run(batch, [&](nlmsghdr* answer) { link = link_message::parse_link(answer); }));
  if (code != 0) {
    return fail(nl_error(code, words));
  }
  return link;
}

Result<std::vector<Link>> RouteSocket::links() {
  std::vector<Link> all;
  auto const keep = [&](nlmsghdr* answer) {
    if (std::optional<Link> link = link_message::parse_link(answer)) {
      all.push_back(std::move(*link));
    }
  };
  int const code = channel_->dump(link_message::list_links(), keep, [&] { all.clear(); });
  if (code != 0) {
    return fail(nl_error(code, "list links"));
  }
  return all;
}

Result<std::vector<LinkAddress>> RouteSocket::addresses() {
  return addresses_at(0);
}

Result<std::set<IpPrefix>> RouteSocket::addresses_of(std::uint32_t index) {
  Result<std::vector<LinkAddress>> const found = addresses_at(index);
  if (!found) {
    return fail(found.error());
  }
  std::set<IpPrefix> out;
  for (LinkAddress const& entry : *found) {
    if (entry.link == index) {
      out.insert(entry.address);
    }
  }
  return out;
}

Result<std::vector<LinkAddress>> RouteSocket::addresses_at(std::uint32_t index) {
  std::vector<LinkAddress> all;
  auto const keep = [&](nlmsghdr* answer) {
    std::optional<LinkAddress> const entry = link_message::parse_address(answer);
    if (entry && !is_ipv6_link_local(entry->address.address)) {
      all.push_back(*entry);
    }
  };
  int const code = channel_->dump(link_message::list_addresses(index), keep, [&] { all.clear(); });
  if (code != 0 && !(index != 0 && code == NLE_NODEV)) {
    return fail(nl_error(code, "list addresses"));
  }
  return all;
}

Result<std::vector<ForwardingEntry>> RouteSocket::static_entries() {
  return static_entries_at(0);
}

Result<std::set<MacAddress>> RouteSocket::static_macs_at(std::uint32_t port) {
  Result<std::vector<ForwardingEntry>> const found = static_entries_at(port);
  if (!found) {
    return fail(found.error());
  }
  std::set<MacAddress> out;
  for (ForwardingEntry const& entry : *found) {
    if (entry.port == port) {
      out.insert(entry.mac);
    }
  }
  return out;
}

Result<std::vector<ForwardingEntry>> RouteSocket::static_entries_at(std::uint32_t port) {
  std::vector<ForwardingEntry> all;
  auto const keep = [&](nlmsghdr* answer) {
    if (std::optional<ForwardingEntry> const entry = link_message::parse_static_entry(answer)) {
      all.push_back(*entry);
    }
  };
  int const code =
      channel_->dump(link_message::list_forwarding_entries(port), keep, [&] { all.clear(); });
  if (code != 0 && !(port != 0 && code == NLE_NODEV)) {
    return fail(nl_error(code, "list forwarding entries"));
  }
  return all;
}

Result<std::uint32_t> RouteSocket::free_index() {
  constexpr int attempts = 64;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    std::uint32_t const index = next_index_;
    next_index_ = next_index_ + 2 < last_index ? next_index_ + 2 : first_index;
    if (is_free(index) && is_free(index + 1)) {
      return index;
    }
  }
  return fail(Errc::kernel, "find a free link index");
}

Result<void> RouteSocket::create(std::vector<RouteMessage> const& batch, std::uint32_t index,
                                 std::string const& words) {
  std::vector<int> const codes = channel_->run(batch);
  int const code = first_failure(codes);
  if (code == 0) {
    return {};
  }
  ErrorList errors;
  errors.add(nl_error(code, words));
  if (codes.front() == 0) {
    Result<void> const removed = delete_link(index);
    if (!removed) {
      errors.add(removed.error());
    }
  }
  return fail(errors.joined());
}

Result<void> RouteSocket::create_bridge(Bridge const& bridge) {
  Result<std::uint32_t> const index = free_index();
  if (!index) {
    return fail(index.error());
  }
  return create(link_message::create_bridge(bridge, *index), *index, "bridge " + bridge.name);
}

Result<void> RouteSocket::create_veth(Veth const& veth, std::uint32_t master) {
  Result<std::uint32_t> const index = free_index();
  if (!index) {
    return fail(index.error());
  }
  return create(link_message::create_veth(veth, *index, master), *index, "veth " + veth.host_end);
}

Result<void> RouteSocket::run(std::vector<RouteMessage> const& batch, std::string const& words) {
  int const code = first_failure(channel_->run(batch));
  if (code != 0) {
    return fail(nl_error(code, words));
  }
  return {};
}

Result<void> RouteSocket::run(RouteMessage message, std::uint32_t index) {
  std::vector<RouteMessage> batch;
  batch.push_back(std::move(message));
  return run(batch, words_for(index));
}

Result<void> RouteSocket::add_address(std::uint32_t index, IpPrefix const& address) {
  return run(link_message::add_address(index, address), index);
}

Result<void> RouteSocket::remove_address(std::uint32_t index, IpPrefix const& address) {
  return run(link_message::remove_address(index, address), index);
}

Result<void> RouteSocket::set_mtu(std::uint32_t index, std::uint32_t mtu_bytes) {
  return run(link_message::set_mtu(index, mtu_bytes), index);
}

Result<void> RouteSocket::bring_up(std::uint32_t index) {
  return run(link_message::bring_up(index), index);
}

Result<void> RouteSocket::set_group(std::uint32_t index, LinkGroup group) {
  return run(link_message::set_group(index, group.number), index);
}

Result<void> RouteSocket::set_isolated(std::uint32_t port, bool isolated) {
  return run(link_message::set_isolated(port, isolated), port);
}

Result<void> RouteSocket::set_hairpin(std::uint32_t port, bool hairpin) {
  return run(link_message::set_hairpin(port, hairpin), port);
}

Result<void> RouteSocket::allow_loopback(std::uint32_t index) {
  return run(link_message::allow_loopback(index), index);
}

Result<void> RouteSocket::attach(Link const& port, Veth const& veth, std::uint32_t master) {
  bool const is_there = master != 0 && port.master == master;
  return is_there ? correct(port, veth) : move(port, veth, master);
}

/// Down meanwhile: nothing passes a port before the bridge knows what may.
Result<void> RouteSocket::move(Link const& port, Veth const& veth, std::uint32_t master) {
  std::vector<RouteMessage> batch;
  batch.push_back(link_message::bring_down(port.index));
  batch.push_back(link_message::set_master(port.index, master));
  link_message::add_host_end(batch, veth, port.index, master);
  if (port.up) {
    batch.push_back(link_message::bring_up(port.index));
  }
  return run(batch, "veth " + veth.host_end);
}

/// Whatever the bridge was told of this port, or learned at it, by others goes.
Result<void> RouteSocket::correct(Link const& port, Veth const& veth) {
  Result<std::set<MacAddress>> known = static_macs_at(port.index);
  if (!known) {
    return fail(known.error());
  }
  known->erase(veth.mac);
  std::vector<RouteMessage> batch;
  link_message::add_host_end(batch, veth, port.index, port.master);
  for (MacAddress const& mac : *known) {
    batch.push_back(link_message::remove_static_entry(port.index, mac));
  }
  batch.push_back(link_message::forget_learned(port.index));
  return run(batch, "veth " + veth.host_end);
}

Result<void> RouteSocket::retire_bridge(std::uint32_t index, Bridge const& bridge) {
  std::vector<RouteMessage> batch;
  for (IpPrefix const& address : bridge.addresses) {
    batch.push_back(link_message::remove_address(index, address));
  }
  // Down first: before Linux 6.2 a link that is up keeps its name.
  batch.push_back(link_message::bring_down(index));
  batch.push_back(link_message::set_name(index, retired_name(index)));
  batch.push_back(link_message::set_alias(index, std::string(retired_mark)));
  Result<void> retired = run(batch, "bridge " + bridge.name);
  if (retired) {
    return retired;
  }
  ErrorList errors;
  errors.add(retired.error());
  Result<void> const revived = revive_bridge(index, bridge);
  if (!revived) {
    errors.add(revived.error());
  }
  return fail(errors.joined());
}

Result<void> RouteSocket::revive_bridge(std::uint32_t index, Bridge const& bridge) {
  std::vector<RouteMessage> batch;
  batch.push_back(link_message::set_alias(index, mark_of(bridge.owner)));
  batch.push_back(link_message::set_name(index, bridge.name));
  for (IpPrefix const& address : bridge.addresses) {
    batch.push_back(link_message::add_address(index, address));
  }
  if (bridge.up) {
    batch.push_back(link_message::bring_up(index));
  }
  return run(batch, "bridge " + bridge.name);
}

Result<void> RouteSocket::retire_veth(std::uint32_t index) {
  return run(link_message::retire_port(index), index);
}

Result<void> RouteSocket::revive_veth(std::uint32_t index, Veth const& veth, std::uint32_t master) {
  std::vector<RouteMessage> batch;
  batch.push_back(link_message::set_master(index, master));
  link_message::add_host_end(batch, veth, index, master);
  batch.push_back(link_message::set_mtu(index, veth.mtu_bytes));
  if (veth.up) {
    batch.push_back(link_message::bring_up(index));
  }
  return run(batch, "veth " + veth.host_end);
}

Result<void> RouteSocket::delete_link(std::uint32_t index) {
  return run(link_message::remove(index), index);
}

Result<void> RouteSocket::delete_links(std::set<std::uint32_t> const& indexes,
                                       std::uint32_t group) {
  std::vector<RouteMessage> batch;
  for (std::uint32_t const index : indexes) {
    batch.push_back(link_message::set_group(index, group));
    batch.back().forgive(NLE_NODEV);
  }
  batch.push_back(link_message::remove_group(group));
  return run(batch, fmt::format("{} links", indexes.size()));
}

}  // namespace drawbridge
