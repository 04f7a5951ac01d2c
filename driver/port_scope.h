// Which addresses of this host a published port has, and who carries its packets to the container:
// the kernel, the daemon, or nobody. Pure. source: docs/ports.md
#pragma once

#include "model/network.h"

#include <optional>

namespace drawbridge {

/// returns  0.0.0.0, ::
IpAddress unspecified(Family family);

/// returns  the endpoint's address of this family; nothing where it has none
std::optional<IpAddress> address_of(Endpoint const& endpoint, Family family);

/// returns  true where a mapping of this host address is for this family too; absent is for both
bool is_for(std::optional<IpAddress> const& host, Family family);

GatewayMode mode_of(Policy const& policy, Family family);
/// returns  true for a gateway mode in which ports of this host lead to the network's containers
bool has_host_ports(Policy const& policy, Family family);

/// returns  true for a member to which the bridge passes no frame of others, so that it and they
///          meet in the daemon
bool is_kept_apart(Network const& network, Endpoint const& endpoint);

/// returns  true where the kernel translates packets of this family for the mapping
bool is_translated(Network const& network, Endpoint const& endpoint, PublishedPort const& port,
                   Family family);
/// returns  true where it does so for any of the endpoint's mappings
bool is_translated(Network const& network, Endpoint const& endpoint);

/// returns  what of the mapping is for this family; none for one of an address of the other
std::optional<PublishedPort> narrowed(PublishedPort port, Family family);

}  // namespace drawbridge
