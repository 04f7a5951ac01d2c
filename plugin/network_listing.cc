#include "plugin/network_listing.h"

#include "plugin/json_list.h"

#include <optional>

namespace drawbridge {
namespace json = boost::json;
namespace {

constexpr Isolation isolations[] = {Isolation::network, Isolation::members, Isolation::project};

json::object object_of_subnet(Subnet const& subnet) {
  return {{"prefix", subnet.prefix.to_string()},
          {"gateway", subnet.gateway ? subnet.gateway->to_string() : std::string()}};
}

json::object object_of_network(ListedNetwork const& network) {
  NetworkListing const& listing = network.listing;
  json::array subnets;
  for (Subnet const& subnet : listing.subnets) {
    subnets.push_back(object_of_subnet(subnet));
  }
  json::object options;
  for (auto const& [key, value] : listing.options) {
    options[key] = value;
  }
  return {{"id", listing.id.value},
          {"name", network.name},
          {"subnets", std::move(subnets)},
          {"bridge", listing.bridge},
          {"mtu", listing.mtu_bytes},
          {"internal", listing.internal},
          {"isolation", name_of(listing.isolation)},
          {"options", std::move(options)},
          {"endpoints", listing.endpoints}};
}

json::object object_of_endpoint(ListedEndpoint const& endpoint) {
  EndpointListing const& listing = endpoint.listing;
  json::array addresses;
  for (std::optional<IpPrefix> const& address : {listing.ipv4, listing.ipv6}) {
    if (address) {
      addresses.emplace_back(address->to_string());
    }
  }
  return {{"id", listing.id.value},
          {"container", listing.container},
          {"network", listing.network.value},
          {"network_name", endpoint.network_name},
          {"addresses", std::move(addresses)},
          {"mac", listing.mac.to_string()},
          {"link", listing.link},
          {"joined", listing.joined},
          {"published_ports", listing.ports}};
}

Isolation read_isolation(JsonReader const& in) {
  std::string const word = in.text("isolation");
  for (Isolation const each : isolations) {
    if (word == name_of(each)) {
      return each;
    }
  }
  in.refuse({Errc::invalid_argument, "\"isolation\" is not network, members or project"});
  return Isolation::network;
}

std::vector<Subnet> read_subnets(JsonReader const& in) {
  std::vector<Subnet> subnets;
  for (JsonReader const& element : in.objects("subnets")) {
    subnets.push_back({element.prefix("prefix").value_or(IpPrefix()), element.address("gateway")});
  }
  return subnets;
}

ListedNetwork read_network(JsonReader const& in) {
  ListedNetwork network;
  NetworkListing& listing = network.listing;
  network.name = in.text("name");
  listing.id.value = in.text("id");
  listing.subnets = read_subnets(in);
  listing.bridge = in.text("bridge");
  listing.mtu_bytes = static_cast<std::uint32_t>(in.count("mtu"));
  listing.internal = in.flag("internal");
  listing.isolation = read_isolation(in);
  listing.options = in.text_map("options");
  listing.endpoints = in.count("endpoints");
  return network;
}

void read_addresses(JsonReader const& in, EndpointListing& listing) {
  for (std::string const& text : in.texts("addresses")) {
    Result<IpPrefix> const address = IpPrefix::parse(text);
    if (!address) {
      in.refuse(address.error().within("\"addresses\""));
    } else {
      (address->family() == Family::ipv4 ? listing.ipv4 : listing.ipv6) = *address;
    }
  }
}

ListedEndpoint read_endpoint(JsonReader const& in) {
  ListedEndpoint endpoint;
  EndpointListing& listing = endpoint.listing;
  endpoint.network_name = in.text("network_name");
  listing.network.value = in.text("network");
  listing.id.value = in.text("id");
  listing.container = in.text("container");
  read_addresses(in, listing);
  listing.mac = in.mac("mac").value_or(MacAddress());
  listing.link = in.text("link");
  listing.joined = in.flag("joined");
  listing.ports = in.count("published_ports");
  return endpoint;
}

}  // namespace

std::string_view name_of(Isolation isolation) {
  switch (isolation) {
    case Isolation::members:
      return "members";
    case Isolation::project:
      return "project";
    case Isolation::network:
      break;
  }
  return "network";
}

std::string encode_listed_networks(std::vector<ListedNetwork> const& networks) {
  return encode_list(networks, object_of_network);
}

std::string encode_listed_endpoints(std::vector<ListedEndpoint> const& endpoints) {
  return encode_list(endpoints, object_of_endpoint);
}

Result<std::vector<ListedNetwork>> decode_listed_networks(std::string_view body) {
  return decode_list(body, "networks", read_network);
}

Result<std::vector<ListedEndpoint>> decode_listed_endpoints(std::string_view body) {
  return decode_list(body, "endpoints", read_endpoint);
}

}  // namespace drawbridge
