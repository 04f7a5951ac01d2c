#include "plugin/rebuild.h"

#include "docker/containers.h"
#include "driver/member_place.h"
#include "driver/names.h"
#include "driver/network_options.h"
#include "driver/port_rebuild.h"
#include "ipam/address_space.h"
#include "ipam/pool_rules.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <utility>

namespace drawbridge {
namespace {

/// Engines from 28 on list what are flags of the network among its options.
constexpr std::array<std::string_view, 3> flags_of_engine = {"com.docker.network.enable_ipv4",
                                                             "com.docker.network.enable_ipv6",
                                                             "com.docker.network.internal"};

Bridge const* bridge_of(KernelState const& kernel, NetworkId const& id) {
  auto const found =
      std::find_if(kernel.bridges.begin(), kernel.bridges.end(),
                   [&id](auto const& each) { return each.second.owner == id.value; });
  return found == kernel.bridges.end() ? nullptr : &found->second;
}

bool has_port(KernelState const& kernel, EndpointId const& id) {
  auto const port = kernel.veths.find(host_end_name(id));
  return port != kernel.veths.end() && port->second.owner == id.value;
}

/// What the network's bridge has of a subnet of which only the length is known, or the gateway not.
std::optional<IpPrefix> address_on(Bridge const* bridge, DockerSubnet const& subnet) {
  bool const is_any = subnet.prefix.address.bits == 0;
  if (bridge == nullptr) {
    return std::nullopt;
  }
  for (IpPrefix const& address : bridge->addresses) {
    bool const is_alike =
        address.family() == subnet.prefix.family() && address.length == subnet.prefix.length;
    if (is_any ? is_alike : subnet.prefix.contains(address.address)) {
      return address;
    }
  }
  return std::nullopt;
}

/// Docker lists no gateway that nobody asked for: ours is the first address then.
std::optional<IpAddress> gateway_of(Bridge const* bridge, DockerSubnet const& subnet,
                                    IpPrefix const& prefix) {
  if (subnet.gateway) {
    return subnet.gateway;
  }
  if (std::optional<IpPrefix> const address = address_on(bridge, subnet)) {
    return address->address;
  }
  IpAddress first = prefix.first();
  first.bits += prefix.length < bits_of(prefix.family()) - 1 ? 1 : 0;
  return first;
}

/// returns  the subnet; nothing for none at all, as networks without addresses list it
Result<std::optional<Subnet>> subnet_of(Bridge const* bridge, DockerSubnet const& subnet) {
  if (subnet.prefix.length == 0) {
    return std::optional<Subnet>();
  }
  IpPrefix prefix = subnet.prefix;
  if (prefix.address.bits == 0) {
    std::optional<IpPrefix> const address = address_on(bridge, subnet);
    if (!address) {
      return fail(Errc::not_found, "neither docker nor the kernel tells its subnet");
    }
    prefix = address->network();
  }
  return std::optional(Subnet{prefix, gateway_of(bridge, subnet, prefix)});
}

std::string title_of(DockerNetwork const& network) {
  return fmt::format("network {} ({})", network.name, network.id.brief());
}

bool is_ours(DockerNetwork const& network, KernelState const& kernel, std::string const& driver) {
  return is_called(network.driver, driver) || bridge_of(kernel, network.id) != nullptr;
}

/// As the driver chooses it for an endpoint that was given none.
MacAddress mac_of(DockerEndpoint const& listed) {
  std::optional<IpPrefix> const address = listed.ipv4 ? listed.ipv4 : listed.ipv6;
  return address ? mac_for(address->address) : mac_for(listed.id.value);
}

class Rebuilder {
 public:
  Rebuilder(DockerInventory const& docker, KernelState const& kernel, RebuildGround const& ground,
            WallTime now)
      : docker_(docker), kernel_(kernel), ground_(ground), now_(now) {}

  Rebuilt run() {
    for (DockerNetwork const& network : docker_.networks) {
      if (is_ours(network, kernel_, ground_.driver) && !ground_.networks.contains(network.id)) {
        note(network, add_network(network));
      }
      if (is_called(network.ipam_driver, ground_.driver)) {
        note(network, add_pools(network));
      }
    }
    return std::move(rebuilt_);
  }

 private:
  void note(DockerNetwork const& network, Result<void> const& added) {
    std::string line = title_of(network) + " cannot be rebuilt: ";
    if (!added) {
      line += added.error().message + ": remove it and create it again";
      std::vector<std::string>& lines = rebuilt_.failures;
      if (std::find(lines.begin(), lines.end(), line) == lines.end()) {
        lines.push_back(std::move(line));
      }
    }
  }

  Result<NetworkRequest> request_of(DockerNetwork const& network) const;
  Result<void> add_network(DockerNetwork const& network);
  void add_endpoint(Network const& network, DockerEndpoint const& listed);
  std::optional<MemberMarks> marks_of(std::string const& name, Policy const& policy) const;
  void add_port_leases(Network const& network, Endpoint const& endpoint);

  Result<void> add_pools(DockerNetwork const& network);
  void add_pool(DockerNetwork const& network, DockerSubnet const& listed, Subnet const& subnet);
  void add_lease(Lease lease);
  void add_chosen(DockerNetwork const& network, Pool const& pool);

  DockerInventory const& docker_;
  KernelState const& kernel_;
  RebuildGround const& ground_;
  WallTime now_;
  Rebuilt rebuilt_;
};

Result<NetworkRequest> Rebuilder::request_of(DockerNetwork const& network) const {
  Bridge const* const bridge = bridge_of(kernel_, network.id);
  NetworkRequest request;
  request.id = network.id;
  request.internal = network.internal;
  request.options = network.options;
  for (std::string_view const flag : flags_of_engine) {
    request.options.erase(std::string(flag));
  }
  request.default_mtu_bytes = ground_.mtu_bytes;
  for (DockerSubnet const& listed : network.subnets) {
    Result<std::optional<Subnet>> const subnet = subnet_of(bridge, listed);
    if (!subnet) {
      return fail(subnet.error());
    }
    if (*subnet) {
      request.subnets.push_back(**subnet);
    }
  }
  return request;
}

Result<void> Rebuilder::add_network(DockerNetwork const& network) {
  Result<NetworkRequest> request = request_of(network);
  if (!request) {
    return fail(request.error());
  }
  Result<NetworkSpec> spec = parse_network_options(*request, ground_.defaults);
  if (!spec) {
    return fail(spec.error());
  }
  Bridge const* const bridge = bridge_of(kernel_, network.id);
  if (bridge != nullptr && bridge->mtu_bytes != spec->mtu_bytes) {
    request->default_mtu_bytes = bridge->mtu_bytes;  // of the host when the network was made
    spec = parse_network_options(*request, ground_.defaults);
  }
  Network const made{*std::move(request), *std::move(spec)};
  for (DockerEndpoint const& listed : network.endpoints) {
    add_endpoint(made, listed);
  }
  rebuilt_.networks.push_back(made.request);
  return {};
}

std::optional<MemberMarks> Rebuilder::marks_of(std::string const& name,
                                               Policy const& policy) const {
  auto const found =
      std::find_if(docker_.containers.begin(), docker_.containers.end(),
                   [&name](Container const& container) { return container.name == name; });
  return found == docker_.containers.end() ? std::nullopt
                                           : std::optional(place_of({name, found->labels}, policy));
}

void Rebuilder::add_endpoint(Network const& network, DockerEndpoint const& listed) {
  Endpoint endpoint{listed.id, network.request.id, listed.ipv4, listed.ipv6, {}};
  auto const port = kernel_.veths.find(host_end_name(listed.id));
  endpoint.joined = has_port(kernel_, listed.id);
  endpoint.mac = endpoint.joined ? port->second.mac : listed.mac.value_or(mac_of(listed));
  endpoint.marks = marks_of(listed.name, network.spec.policy);
  endpoint.ports = ports_from(kernel_.elements, network, endpoint);
  add_port_leases(network, endpoint);
  rebuilt_.endpoints.push_back(std::move(endpoint));
}

/// The port of the network's range that the container has is kept for its name.
void Rebuilder::add_port_leases(Network const& network, Endpoint const& endpoint) {
  std::optional<PortPool> const& pool = network.spec.policy.ports;
  if (!pool || !endpoint.marks) {
    return;
  }
  for (PublishedPort const& port : endpoint.ports) {
    bool const is_of_pool = port.protocol == pool->protocol &&
                            port.container_port == pool->container_port &&
                            port.host_ports.first >= pool->host_ports.first &&
                            port.host_ports.last <= pool->host_ports.last;
    if (is_of_pool) {
      rebuilt_.port_leases.push_back(
          {network.request.id, endpoint.marks->container, port.host_ports.first});
      return;
    }
  }
}

Result<void> Rebuilder::add_pools(DockerNetwork const& network) {
  Bridge const* const bridge = bridge_of(kernel_, network.id);
  for (DockerSubnet const& listed : network.subnets) {
    Result<std::optional<Subnet>> const subnet = subnet_of(bridge, listed);
    if (!subnet) {
      return fail(subnet.error());
    }
    if (*subnet) {
      add_pool(network, listed, **subnet);
    }
  }
  return {};
}

void Rebuilder::add_pool(DockerNetwork const& network, DockerSubnet const& listed,
                         Subnet const& subnet) {
  std::string const space(local_address_space);
  std::optional<IpPrefix> const range =
      listed.range ? std::optional(listed.range->network()) : std::nullopt;
  Pool const pool{pool_id(space, subnet.prefix, range), space, subnet.prefix, range};
  if (ground_.pools.contains(pool.id)) {
    return;
  }
  rebuilt_.pools.push_back(pool);
  add_chosen(network, pool);
  for (DockerEndpoint const& endpoint : network.endpoints) {
    for (std::optional<IpPrefix> const& address : {endpoint.ipv4, endpoint.ipv6}) {
      if (address && pool.prefix.contains(address->address)) {
        add_lease({pool.id, address->address, AddressKind::endpoint, endpoint.name});
      }
    }
  }
  for (IpAddress const& address : listed.auxiliary) {
    add_lease({pool.id, address, AddressKind::endpoint, "", true});
  }
  if (subnet.gateway) {
    add_lease({pool.id, *subnet.gateway, AddressKind::gateway});
  }
}

/// An address that was chosen stays reserved, whoever holds it.
void Rebuilder::add_lease(Lease lease) {
  auto const same =
      std::find_if(rebuilt_.leases.begin(), rebuilt_.leases.end(), [&lease](Lease const& other) {
        return other.pool == lease.pool && other.address == lease.address;
      });
  if (same == rebuilt_.leases.end()) {
    rebuilt_.leases.push_back(std::move(lease));
    return;
  }
  lease.reserved = lease.reserved || same->reserved;
  *same = std::move(lease);
}

void Rebuilder::add_chosen(DockerNetwork const& network, Pool const& pool) {
  for (Container const& container : docker_.containers) {
    for (Attachment const& place : container.attachments) {
      for (IpAddress const& chosen : place.chosen) {
        if (place.network == network.id && pool.prefix.contains(chosen)) {
          add_lease({pool.id, chosen, AddressKind::endpoint, container.name, true, now_});
        }
      }
    }
  }
}

}  // namespace

bool is_called(std::string const& driver, std::string const& name) {
  std::string const last = driver.substr(driver.rfind('/') + 1);
  return last.substr(0, last.find(':')) == name;
}

std::set<NetworkId> find_ours(DockerInventory const& docker, KernelState const& kernel,
                              std::string const& driver) {
  std::set<NetworkId> ours;
  for (DockerNetwork const& network : docker.networks) {
    if (is_ours(network, kernel, driver) || is_called(network.ipam_driver, driver)) {
      ours.insert(network.id);
    }
  }
  return ours;
}

Rebuilt rebuild(DockerInventory const& docker, KernelState const& kernel,
                RebuildGround const& ground, WallTime now) {
  return Rebuilder(docker, kernel, ground, now).run();
}

}  // namespace drawbridge
