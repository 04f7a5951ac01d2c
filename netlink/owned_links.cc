#include "netlink/owned_links.h"

#include "netlink/link_role.h"
#include "netlink/link_snapshot.h"
#include "netlink/mark.h"
#include "netlink/sysctl.h"

namespace drawbridge {
namespace {

/// A container must not make itself this host's router by advertising one on its bridge. And the
/// bridge's addresses are nobody else's, as the guards of its ports see to: a bridge that asked
/// around first could not reach its first member over IPv6 for a second. Where /proc/sys is
/// read-only, or IPv6 is off, there is nothing to be done here.
void settle_ipv6(Bridge const& bridge) {
  auto const write = [&bridge](char const* key) {
    Result<void> const written = write_sysctl("ipv6/conf/" + bridge.name + "/" + key, "0");
    static_cast<void>(written);
  };
  write("accept_ra");
  if (bridge.addresses.rbegin() != bridge.addresses.rend() &&
      bridge.addresses.rbegin()->family() == Family::ipv6) {
    write("accept_dad");
  }
}

Error missing(std::string const& name) {
  return {Errc::not_found, "link " + name + " is not there"};
}

Error not_ours(std::string const& name) {
  return {Errc::conflict, "link " + name + " does not carry drawbridge's mark for it"};
}

}  // namespace

Result<OwnedLinks> OwnedLinks::open() {
  Result<RouteSocket> links = RouteSocket::open();
  if (!links) {
    return fail(links.error());
  }
  Result<RateLimits> limits = RateLimits::open();
  if (!limits) {
    return fail(limits.error());
  }
  Result<Reaper> reaper = Reaper::create(*links);
  if (!reaper) {
    return fail(reaper.error());
  }
  return OwnedLinks(std::move(*links), std::move(*limits), std::move(*reaper));
}

Result<void> OwnedLinks::observe(std::set<std::string> const& names, KernelState& state) {
  for (std::string const& name : names) {
    Result<std::optional<Link>> const link = links_.find(name);
    if (!link) {
      return fail(link.error());
    }
    Result<void> seen = *link ? observe_one(**link, state) : Result<void>();
    if (!seen) {
      return seen;
    }
  }
  return {};
}

Result<void> OwnedLinks::observe_one(Link const& link, KernelState& state) {
  LinkRole const role = role_of(link);
  if (role == LinkRole::bridge) {
    Result<std::set<IpPrefix>> addresses = links_.addresses_of(link.index);
    if (!addresses) {
      return fail(addresses.error());
    }
    state.bridges[link.name] = bridge_from(link, std::move(*addresses));
  } else if (role == LinkRole::veth) {
    Result<std::string> container_end = name_of_link(link.peer);
    Result<std::string> bridge = name_of_link(link.master);
    if (!container_end || !bridge) {
      return fail(container_end ? bridge.error() : container_end.error());
    }
    Result<MacAddress> const mac = mac_behind(link);
    if (!mac) {
      return fail(mac.error());
    }
    Veth& veth = state.veths[link.name];
    veth = veth_from(link, std::move(*container_end), std::move(*bridge));
    veth.mac = *mac;
    return observe_rates({link}, state);
  } else if (role != LinkRole::retired) {
    state.foreign.insert(link.name);
  }
  return {};
}

/// returns  see told_mac_of()
Result<MacAddress> OwnedLinks::mac_behind(Link const& port) {
  if (!is_told_of(port)) {
    return MacAddress{};
  }
  Result<std::set<MacAddress>> const static_macs = links_.static_macs_at(port.index);
  if (!static_macs) {
    return fail(static_macs.error());
  }
  return told_mac_of(port, *static_macs);
}

/// returns  nothing for index 0, and for a link that went meanwhile
Result<std::string> OwnedLinks::name_of_link(std::uint32_t index) {
  if (index == 0) {
    return std::string();
  }
  Result<std::optional<Link>> const link = links_.find(index);
  if (!link) {
    return fail(link.error());
  }
  return *link ? (*link)->name : std::string();
}

Result<void> OwnedLinks::observe_all(KernelState& state) {
  Result<LinkSnapshot> snapshot = take_snapshot(links_);
  if (!snapshot) {
    return fail(snapshot.error());
  }
  for (Link const& link : snapshot->links) {
    switch (role_of(link)) {
      case LinkRole::bridge:
        state.bridges[link.name] = bridge_from(link, snapshot->addresses[link.index]);
        break;
      case LinkRole::veth:
        state.veths[link.name] =
            veth_from(link, snapshot->name_at(link.peer), snapshot->name_at(link.master));
        state.veths[link.name].mac = told_mac_of(link, snapshot->static_macs[link.index]);
        break;
      case LinkRole::retired:
        enqueue(link);
        break;
      case LinkRole::container_end:
      case LinkRole::limiter:
        break;
      case LinkRole::foreign:
        state.foreign.insert(link.name);
        break;
    }
  }
  return observe_rates(snapshot->links, state);
}

void OwnedLinks::enqueue(Link const& retired) {
  if (retired.kind == "bridge") {
    reaper_.add_bridge(retired.index);
  } else {
    reaper_.add_veth(retired.index);
  }
}

Result<Link> OwnedLinks::owned(std::string const& name) {
  Result<std::optional<Link>> const link = links_.find(name);
  if (!link) {
    return fail(link.error());
  }
  if (!*link) {
    return fail(missing(name));
  }
  LinkRole const role = role_of(**link);
  if (role != LinkRole::bridge && role != LinkRole::veth) {
    return fail(role == LinkRole::retired ? missing(name) : not_ours(name));
  }
  return **link;
}

/// returns  nothing when the link is gone, be it only retired
Result<std::optional<Link>> OwnedLinks::owned_by(std::string const& name,
                                                 std::string const& owner) {
  Result<Link> const link = owned(name);
  if (!link && link.error().code == Errc::not_found) {
    return std::optional<Link>();
  }
  if (!link) {
    return fail(link.error());
  }
  if (owner_in(link->alias) != owner) {
    return fail(not_ours(name));
  }
  return std::optional<Link>(*link);
}

Result<std::uint32_t> OwnedLinks::master_named(std::string const& bridge) {
  if (bridge.empty()) {
    return 0U;
  }
  Result<Link> const link = owned(bridge);
  if (!link) {
    return fail(link.error());
  }
  return link->index;
}

Error OwnedLinks::taken(std::string const& name) {
  Result<std::optional<Link>> const link = links_.find(name);
  bool const is_foreign = link && *link && role_of(**link) == LinkRole::foreign;
  return {Errc::already_exists,
          "link " + name +
              (is_foreign ? " is there and is not drawbridge's; delete or rename it"
                          : " is there already")};
}

Result<void> OwnedLinks::run(CreateBridge const& step) {
  Result<void> created = links_.create_bridge(step.bridge);
  if (!created && created.error().code == Errc::already_exists) {
    return fail(taken(step.bridge.name));
  }
  if (created) {
    settle_ipv6(step.bridge);
  }
  return created;
}

Result<void> OwnedLinks::run(RetireBridge const& step) {
  Result<std::optional<Link>> const link = owned_by(step.bridge.name, step.bridge.owner);
  if (!link) {
    return fail(link.error());
  }
  if (!*link) {
    return {};
  }
  Result<void> retired = links_.retire_bridge((*link)->index, step.bridge);
  if (retired) {
    reaper_.add_bridge((*link)->index);
  }
  return retired;
}

Result<void> OwnedLinks::run(AddAddress const& step) {
  Result<Link> const link = owned(step.link);
  return link ? links_.add_address(link->index, step.address) : fail(link.error());
}

Result<void> OwnedLinks::run(RemoveAddress const& step) {
  Result<Link> const link = owned(step.link);
  if (!link && link.error().code == Errc::not_found) {
    return {};
  }
  return link ? links_.remove_address(link->index, step.address) : fail(link.error());
}

Result<void> OwnedLinks::run(SetMtu const& step) {
  Result<Link> const link = owned(step.link);
  if (!link) {
    return fail(link.error());
  }
  Result<void> set = links_.set_mtu(link->index, step.after_bytes);
  bool const is_limited = set && has_bucket(*link);
  return is_limited ? settle_rate_after_mtu(*link, step.after_bytes) : set;
}

Result<void> OwnedLinks::run(BringUp const& step) {
  Result<Link> const link = owned(step.link);
  return link ? links_.bring_up(link->index) : fail(link.error());
}

Result<void> OwnedLinks::run(CreateVeth const& step) {
  Result<std::uint32_t> const master = master_named(step.veth.bridge);
  if (!master) {
    return fail(master.error());
  }
  Result<void> created = links_.create_veth(step.veth, *master);
  if (created) {
    return step.veth.rate_bits_per_second == 0 ? created : limit_new(step.veth);
  }
  if (created.error().code != Errc::already_exists) {
    return created;
  }
  Result<bool> const revived = revive(step.veth, *master);
  if (!revived) {
    return fail(revived.error());
  }
  return *revived ? Result<void>() : fail(taken(step.veth.host_end));
}

/// Puts a retired pair back into use: its other end may be in a container that still runs.
///
/// returns  false when there is no such pair
Result<bool> OwnedLinks::revive(Veth const& veth, std::uint32_t master) {
  Result<std::optional<Link>> const link = links_.find(veth.host_end);
  if (!link) {
    return fail(link.error());
  }
  if (!*link || role_of(**link) != LinkRole::retired) {
    return false;
  }
  reaper_.forget((*link)->index);
  Result<void> const revived = links_.revive_veth((*link)->index, veth, master);
  if (!revived) {
    return fail(revived.error());
  }
  // It may have kept a limit, whose ifb may be gone already.
  Result<void> const settled = settle_rate(**link, veth);
  if (!settled) {
    return fail(settled.error());
  }
  return true;
}

Result<void> OwnedLinks::run(RetireVeth const& step) {
  Result<std::optional<Link>> const link = owned_by(step.veth.host_end, step.veth.owner);
  if (!link) {
    return fail(link.error());
  }
  if (!*link) {
    return {};
  }
  Result<void> retired = links_.retire_veth((*link)->index);
  if (!retired) {
    return retired;
  }
  reaper_.add_veth((*link)->index);
  return has_bucket(**link) ? retire_limiter_of(step.veth.host_end) : retired;
}

Result<void> OwnedLinks::run(AttachPort const& step) {
  Result<Link> const port = owned(step.veth.host_end);
  if (!port) {
    return fail(port.error());
  }
  Result<std::uint32_t> const master = master_named(step.veth.bridge);
  return master ? links_.attach(*port, step.veth, *master) : fail(master.error());
}

Result<void> OwnedLinks::run(SetIsolation const& step) {
  Result<Link> const port = owned(step.port);
  return port ? links_.set_isolated(port->index, step.after) : fail(port.error());
}

Result<void> OwnedLinks::run(SetGroup const& step) {
  Result<Link> const link = owned(step.link);
  return link ? links_.set_group(link->index, step.after) : fail(link.error());
}

Result<void> OwnedLinks::run(SetHairpin const& step) {
  Result<Link> const port = owned(step.port);
  return port ? links_.set_hairpin(port->index, step.after) : fail(port.error());
}

Result<void> OwnedLinks::run(AllowLoopback const& step) {
  Result<Link> const bridge = owned(step.bridge);
  return bridge ? links_.allow_loopback(bridge->index) : fail(bridge.error());
}

Result<std::size_t> OwnedLinks::remove_all() {
  KernelState state;
  ErrorList errors;
  auto const note = [&](Result<void> const& done) {
    if (!done) {
      errors.add(done.error());
    }
  };
  note(observe_all(state));
  for (auto const& [name, veth] : state.veths) {
    note(run(RetireVeth{veth}));
  }
  for (auto const& [name, bridge] : state.bridges) {
    note(run(RetireBridge{bridge}));
  }
  std::size_t const links = retired();
  while (has_retired()) {
    note(reap());
  }
  return errors.empty() ? Result<std::size_t>(links) : fail(errors.joined());
}

}  // namespace drawbridge
