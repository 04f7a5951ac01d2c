#include "cli/network_table.h"

#include "base/text.h"
#include "cli/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <optional>
#include <tuple>
#include <utility>

namespace drawbridge {
namespace {

std::string subnets_cell(NetworkListing const& listing) {
  std::vector<std::string> texts;
  for (Subnet const& subnet : listing.subnets) {
    texts.push_back(subnet.prefix.to_string());
  }
  return joined(texts);
}

std::string gateways_cell(NetworkListing const& listing) {
  std::vector<std::string> texts;
  for (Subnet const& subnet : listing.subnets) {
    if (subnet.gateway) {
      texts.push_back(subnet.gateway->to_string());
    }
  }
  return joined(texts);
}

std::string options_cell(NetworkListing const& listing) {
  std::vector<std::string> texts;
  if (listing.internal) {
    texts.emplace_back("internal");
  }
  for (auto const& [key, value] : listing.options) {
    texts.push_back(fmt::format("{}={}", key, value));
  }
  return fmt::format("{}", fmt::join(texts, " "));
}

std::string shown_name(ListedNetwork const& network) {
  return name_or_id(network.name, network.listing.id.brief());
}

std::string shown_name(ListedEndpoint const& endpoint) {
  return name_or_id(endpoint.listing.container, endpoint.listing.id.brief());
}

std::string shown_network(ListedEndpoint const& endpoint) {
  return name_or_id(endpoint.network_name, endpoint.listing.network.brief());
}

TableRow row_of_network(ListedNetwork const& network) {
  NetworkListing const& listing = network.listing;
  return {shown_name(network),
          std::string(listing.id.brief()),
          subnets_cell(listing),
          gateways_cell(listing),
          listing.bridge,
          fmt::format("{}", listing.endpoints),
          std::string(name_of(listing.isolation)),
          options_cell(listing)};
}

std::string addresses_cell(EndpointListing const& listing) {
  std::vector<std::string> texts;
  for (std::optional<IpPrefix> const& address : {listing.ipv4, listing.ipv6}) {
    if (address) {
      texts.push_back(address->to_string());
    }
  }
  return joined(texts);
}

TableRow row_of_endpoint(ListedEndpoint const& endpoint) {
  EndpointListing const& listing = endpoint.listing;
  return {shown_name(endpoint),
          shown_network(endpoint),
          addresses_cell(listing),
          listing.mac.to_string(),
          listing.link,
          listing.joined ? "joined" : "created",
          fmt::format("{}", listing.ports)};
}

bool network_comes_before(ListedNetwork const& one, ListedNetwork const& other) {
  return std::tuple(shown_name(one), one.listing.id) <
         std::tuple(shown_name(other), other.listing.id);
}

bool endpoint_comes_before(ListedEndpoint const& one, ListedEndpoint const& other) {
  return std::tuple(shown_name(one), shown_network(one), one.listing.id) <
         std::tuple(shown_name(other), shown_network(other), other.listing.id);
}

}  // namespace

std::string network_table(std::vector<ListedNetwork> networks) {
  std::sort(networks.begin(), networks.end(), network_comes_before);
  std::vector<TableRow> rows;
  std::transform(networks.begin(), networks.end(), std::back_inserter(rows), row_of_network);
  return table({"NAME", "ID", "SUBNETS", "GATEWAY", "BRIDGE", "ENDPOINTS", "ISOLATION", "OPTIONS"},
               std::move(rows));
}

std::string endpoint_table(std::vector<ListedEndpoint> endpoints) {
  std::sort(endpoints.begin(), endpoints.end(), endpoint_comes_before);
  std::vector<TableRow> rows;
  std::transform(endpoints.begin(), endpoints.end(), std::back_inserter(rows), row_of_endpoint);
  return table({"CONTAINER", "NETWORK", "ADDRESSES", "MAC", "PORT", "STATE", "PUBLISHED"},
               std::move(rows));
}

/// A name goes before the beginning of an id, as with Docker.
Result<NetworkId> find_network(std::vector<ListedNetwork> const& networks,
                               std::string const& wanted) {
  std::vector<NetworkId> named;
  std::vector<NetworkId> beginning;
  for (ListedNetwork const& network : networks) {
    if (network.name == wanted || network.listing.id.value == wanted) {
      named.push_back(network.listing.id);
    } else if (network.listing.id.value.starts_with(wanted)) {
      beginning.push_back(network.listing.id);
    }
  }
  std::vector<NetworkId> const& found = named.empty() ? beginning : named;
  if (found.empty()) {
    return fail(Errc::not_found,
                fmt::format("no network of drawbridge is called {}: \"drawbridge networks\" lists "
                            "them",
                            in_quotes(wanted)));
  }
  if (found.size() > 1) {
    return fail(Errc::conflict, fmt::format("{} networks are called {}: give an id", found.size(),
                                            in_quotes(wanted)));
  }
  return found.front();
}

}  // namespace drawbridge
