// The grammar of `publish`, `ports` and Docker's host_binding_ipv4. Pure.
//
// driver/network_options.cc says which key has which; docs/options.md is the user's page.
#pragma once

#include "base/result.h"
#include "model/policy.h"

#include <string_view>
#include <vector>

namespace drawbridge {

struct PublishRule {
  Publish publish = Publish::all;
  std::vector<IpPrefix> list;  // of Publish::listed; none inside of another

  bool operator==(PublishRule const&) const = default;
};

/// errors of all  invalid_argument   what is wrong and what to write instead, on one line and
///                                   without key and value

/// `all`, `host`, `none`, or a list of addresses and CIDRs.
Result<PublishRule> parse_publish(std::string_view text);

/// `LOW-HIGH:CONTAINER_PORT[/PROTOCOL]`; TCP unless one is named.
Result<PortPool> parse_port_pool(std::string_view text);

/// An IPv4 address, 0.0.0.0 for all.
Result<IpAddress> parse_host_binding(std::string_view text);

}  // namespace drawbridge
