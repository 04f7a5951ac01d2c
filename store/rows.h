// Rows of the tables as the values that they hold. Internal to store/.
//
// What the file holds was checked when it was written: text that does not parse means damage.
#pragma once

#include "model/network.h"
#include "model/pool.h"
#include "store/sqlite.h"

#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

std::string_view text_of(AddressKind kind);
/// returns  the prefixes with a blank between each two
std::string text_of(std::vector<IpPrefix> const& subnets);

// Columns in this order:
//   prefix          prefix
//   pool            id, address_space, prefix, sub_pool
//   lease           pool, address, kind, owner, reserved, released_at
//   network         id, internal, default_mtu_bytes; without options and subnets
//   subnet          network, prefix, gateway
//   endpoint        id, network, ipv4, ipv6, mac, joined, and the marks: container, project, is_hub
//   known network   id, name, bridge, subnets
//
// errors of all  store   the row is damaged
Result<IpPrefix> read_prefix(Row const& row);
Result<Pool> read_pool(Row const& row);
Result<Lease> read_lease(Row const& row);
Result<NetworkRequest> read_network(Row const& row);
Result<Subnet> read_subnet(Row const& row);
Result<Endpoint> read_endpoint(Row const& row);
Result<KnownNetwork> read_known_network(Row const& row);

}  // namespace drawbridge
