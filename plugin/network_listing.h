// The lists of networks and endpoints between the daemon and the command line: JSON of GET
// /networks and GET /endpoints on the control socket. Pure. docs/operations.md names the members.
#pragma once

#include "base/result.h"
#include "driver/listing.h"

#include <string>
#include <string_view>
#include <vector>

namespace drawbridge {

/// A network with what the driver does not know of it.
struct ListedNetwork {
  NetworkListing listing;
  std::string name;  // empty: not known

  bool operator==(ListedNetwork const&) const = default;
};

struct ListedEndpoint {
  EndpointListing listing;
  std::string network_name;  // empty: not known

  bool operator==(ListedEndpoint const&) const = default;
};

/// returns  "network", "members", "project"
std::string_view name_of(Isolation isolation);

/// returns  JSON: a list of objects
std::string encode_listed_networks(std::vector<ListedNetwork> const& networks);
std::string encode_listed_endpoints(std::vector<ListedEndpoint> const& endpoints);

/// errors  malformed   not what encode_listed_networks() makes; the text says what is wrong
Result<std::vector<ListedNetwork>> decode_listed_networks(std::string_view body);
/// errors  malformed   not what encode_listed_endpoints() makes; the text says what is wrong
Result<std::vector<ListedEndpoint>> decode_listed_endpoints(std::string_view body);

}  // namespace drawbridge
