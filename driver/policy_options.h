// The grammar of the policy options' values: words, names, and lists of hubs and of peers. Pure.
//
// driver/network_options.cc says which key has which; docs/options.md is the user's page.
#pragma once

#include "base/result.h"
#include "model/policy.h"

#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// errors of all  invalid_argument   what is wrong and what to write instead, on one line and
///                                   without key and value
Result<Isolation> parse_isolation(std::string_view text);
Result<GatewayMode> parse_gateway_mode(std::string_view text);
/// source  Go's strconv.ParseBool, which Docker reads its own keys with
Result<bool> parse_docker_bool(std::string_view text);
/// returns  whether the network may be a container's default route
Result<bool> parse_gateway(std::string_view text);
Result<std::string> parse_team(std::string_view text);
/// family  which the address must have
Result<IpAddress> parse_host_address(std::string_view text, Family family);

/// `CONTAINER`, `project:NAME`, `label:KEY`, `label:KEY=VALUE`; each once, in order.
Result<std::vector<Hub>> parse_hubs(std::string_view text);

/// `PEER[:PROTOCOL[/PORT[-PORT]]]` with a network's name or id, a CIDR or an address.
///
/// returns  without overlaps: see driver/permission_set.h
Result<std::vector<Permission>> parse_permissions(std::string_view text);

struct EgressRule {
  Egress egress = Egress::all;
  std::vector<Destination> list;  // of Egress::listed

  bool operator==(EgressRule const&) const = default;
};

/// `all`, `internet`, `none`, or a list like that of parse_permissions without networks.
Result<EgressRule> parse_egress(std::string_view text);

/// returns  an entry as it may be typed: "label:role=db"
std::string to_text(Hub const& hub);

}  // namespace drawbridge
