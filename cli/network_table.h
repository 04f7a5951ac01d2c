// The tables of `drawbridge networks` and `drawbridge endpoints`. Pure.
#pragma once

#include "base/result.h"
#include "plugin/network_listing.h"

#include <string>
#include <vector>

namespace drawbridge {

/// returns  a line of titles and one for each network, by name, then by id
std::string network_table(std::vector<ListedNetwork> networks);

/// returns  a line of titles and one for each endpoint, by container, then by network and id
std::string endpoint_table(std::vector<ListedEndpoint> endpoints);

/// wanted   a network's name, id or beginning of an id
/// errors   not_found   no network is called that
///          conflict    several are
Result<NetworkId> find_network(std::vector<ListedNetwork> const& networks,
                               std::string const& wanted);

}  // namespace drawbridge
