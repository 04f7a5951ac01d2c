#include "docker/networks.h"

#include "docker/reply_reader.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace drawbridge {
namespace json = boost::json;
namespace {

constexpr std::string_view endpoint_key = "ep-";
constexpr std::string_view bridge_driver = "bridge";
constexpr std::size_t max_interface_name = 15;  // source: linux/if.h, IFNAMSIZ with the final zero

std::vector<IpAddress> auxiliary_addresses_of(ReplyReader& reader, json::object const& subnet) {
  json::object const& named = reader.object(subnet, "AuxiliaryAddresses");
  std::vector<IpAddress> addresses;
  for (json::key_value_pair const& member : named) {
    if (std::optional<IpAddress> const address = reader.address(named, member.key())) {
      addresses.push_back(*address);
    }
  }
  return addresses;
}

/// Networks of drivers without addresses list a subnet without a prefix, or none.
std::vector<DockerSubnet> subnets_of(ReplyReader& reader, json::object const& ipam) {
  std::vector<DockerSubnet> subnets;
  for (json::value const& element : reader.list(ipam, "Config")) {
    json::object const& subnet = reader.as_object(element, "Config");
    if (std::optional<IpPrefix> const prefix = reader.prefix(subnet, "Subnet")) {
      subnets.push_back({prefix->network(), reader.address(subnet, "Gateway"),
                         auxiliary_addresses_of(reader, subnet), reader.prefix(subnet, "IPRange")});
    }
  }
  return subnets;
}

DockerEndpoint endpoint_of(ReplyReader& reader, std::string_view key, json::object const& in) {
  DockerEndpoint endpoint;
  endpoint.id.value = reader.text(in, "EndpointID");
  if (endpoint.id.value.empty() && key.starts_with(endpoint_key)) {
    endpoint.id.value = key.substr(endpoint_key.size());
  }
  endpoint.name = reader.text(in, "Name");
  endpoint.ipv4 = reader.prefix(in, "IPv4Address");
  endpoint.ipv6 = reader.prefix(in, "IPv6Address");
  endpoint.mac = reader.mac(in, "MacAddress");
  return endpoint;
}

std::vector<DockerEndpoint> endpoints_of(ReplyReader& reader, json::object const& network) {
  std::vector<DockerEndpoint> endpoints;
  for (json::key_value_pair const& member : reader.object(network, "Containers")) {
    json::object const& endpoint = reader.as_object(member.value(), "Containers");
    endpoints.push_back(endpoint_of(reader, member.key(), endpoint));
  }
  std::sort(endpoints.begin(), endpoints.end(),
            [](DockerEndpoint const& a, DockerEndpoint const& b) { return a.id < b.id; });
  return endpoints;
}

/// source: moby libnetwork/drivers/bridge, parseNetworkOptions(): the option, else "br-" and the
/// first 12 characters of the id
std::string bridge_of(ReplyReader& reader, DockerNetwork const& network, json::object const& in) {
  if (network.driver != bridge_driver) {
    return {};
  }
  std::string const named =
      reader.text(reader.object(in, "Options"), "com.docker.network.bridge.name");
  if (named.size() > max_interface_name) {
    return {};  // nothing can be called so
  }
  return named.empty() ? "br-" + std::string(network.id.brief()) : named;
}

std::map<std::string, std::string> options_of(ReplyReader& reader, json::object const& in) {
  std::map<std::string, std::string> options;
  for (json::key_value_pair const& option : reader.object(in, "Options")) {
    options[option.key()] = reader.as_text(option.value(), option.key());
  }
  return options;
}

DockerNetwork network_of(ReplyReader& reader, json::object const& in) {
  DockerNetwork network;
  network.id.value = reader.text(in, "Id");
  if (network.id.value.empty()) {
    reader.refuse("a network has no \"Id\"");
  }
  json::object const& ipam = reader.object(in, "IPAM");
  network.name = reader.text(in, "Name");
  network.driver = reader.text(in, "Driver");
  network.bridge = bridge_of(reader, network, in);
  network.ipam_driver = reader.text(ipam, "Driver");
  network.subnets = subnets_of(reader, ipam);
  network.endpoints = endpoints_of(reader, in);
  network.internal = reader.flag(in, "Internal");
  network.options = options_of(reader, in);
  network.ipam_options = options_of(reader, ipam);
  network.enable_ipv6 = reader.flag(in, "EnableIPv6");
  network.scope = reader.text(in, "Scope");
  return network;
}

}  // namespace

Result<std::vector<DockerNetwork>> decode_networks(std::string_view body) {
  Result<json::value> const value = parse_reply(body);
  if (!value) {
    return fail(value.error());
  }
  if (!value->is_array()) {
    return fail(Errc::malformed, "not a list of networks");
  }
  ReplyReader reader;
  std::vector<DockerNetwork> networks;
  for (json::value const& element : value->as_array()) {
    networks.push_back(network_of(reader, reader.as_object(element, "networks")));
  }
  return reader.finish(std::move(networks));
}

Result<DockerNetwork> decode_network(std::string_view body) {
  Result<json::value> const value = parse_reply(body);
  if (!value) {
    return fail(value.error());
  }
  ReplyReader reader;
  DockerNetwork network = network_of(reader, reader.as_object(*value, "network"));
  return reader.finish(std::move(network));
}

KnownNetwork known_network(DockerNetwork const& network) {
  KnownNetwork known{network.id, network.name, network.bridge, {}};
  for (DockerSubnet const& subnet : network.subnets) {
    bool const is_any = subnet.prefix.address.bits == 0;
    if (!is_any) {
      known.subnets.push_back(subnet.prefix);
    }
  }
  return known;
}

}  // namespace drawbridge
