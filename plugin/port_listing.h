// The list of published ports between the daemon and `drawbridge ports`: JSON of GET /ports on the
// control socket. Pure. docs/operations.md names its members.
#pragma once

#include "base/result.h"
#include "driver/driver.h"

#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// A published port with what the driver does not know of it.
struct ListedPort {
  PortListing listing;
  std::string network_name;  // empty: not known
};

/// returns  who reaches it: "all", "host", "none", or prefixes with commas between
std::string reach_text(PortListing const& port);

/// returns  JSON: a list of objects
std::string encode_ports(std::vector<ListedPort> const& ports);

/// errors  malformed   not what encode_ports() makes; the text says what is wrong
Result<std::vector<ListedPort>> decode_ports(std::string_view body);

}  // namespace drawbridge
