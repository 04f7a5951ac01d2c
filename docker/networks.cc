#include "docker/networks.h"

#include <boost/json.hpp>
#include <fmt/core.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

namespace drawbridge {
namespace json = boost::json;
namespace {

json::object const no_members;
json::array const no_elements;
constexpr std::string_view endpoint_key = "ep-";

/// Reads members of objects; the first thing that is wrong sticks. Absent, null and empty mean the
/// same.
class Reader {
 public:
  std::string text(json::object const& in, std::string_view key);
  json::object const& object(json::object const& in, std::string_view key);
  json::array const& list(json::object const& in, std::string_view key);
  json::object const& as_object(json::value const& value, std::string_view name);
  std::optional<IpAddress> address(json::object const& in, std::string_view key);
  std::optional<IpPrefix> prefix(json::object const& in, std::string_view key);

  void refuse(std::string reason);

  /// returns  `value`, or the first thing that was wrong
  template <class T>
  Result<T> finish(T value) const {
    return error_ ? Result<T>(fail(*error_)) : Result<T>(std::move(value));
  }

 private:
  std::optional<Error> error_;
};

json::value const* find(json::object const& in, std::string_view key) {
  json::value const* const value = in.if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string Reader::text(json::object const& in, std::string_view key) {
  json::value const* const value = find(in, key);
  if (value == nullptr) {
    return {};
  }
  if (!value->is_string()) {
    refuse(fmt::format("\"{}\" is not a text", key));
    return {};
  }
  return std::string(value->as_string());
}

json::object const& Reader::as_object(json::value const& value, std::string_view name) {
  if (!value.is_object()) {
    refuse(fmt::format("\"{}\" is not an object", name));
    return no_members;
  }
  return value.as_object();
}

json::object const& Reader::object(json::object const& in, std::string_view key) {
  json::value const* const value = find(in, key);
  return value == nullptr ? no_members : as_object(*value, key);
}

json::array const& Reader::list(json::object const& in, std::string_view key) {
  json::value const* const value = find(in, key);
  if (value == nullptr) {
    return no_elements;
  }
  if (!value->is_array()) {
    refuse(fmt::format("\"{}\" is not a list", key));
    return no_elements;
  }
  return value->as_array();
}

/// Some engines write the gateway of an IPv6 subnet with its prefix length.
std::optional<IpAddress> Reader::address(json::object const& in, std::string_view key) {
  std::string const value = text(in, key);
  if (value.empty()) {
    return std::nullopt;
  }
  if (value.find('/') != std::string::npos) {
    std::optional<IpPrefix> const with_length = prefix(in, key);
    return with_length ? std::optional(with_length->address) : std::nullopt;
  }
  Result<IpAddress> const result = IpAddress::parse(value);
  if (!result) {
    refuse(fmt::format("\"{}\": {}", key, result.error().message));
    return std::nullopt;
  }
  return *result;
}

std::optional<IpPrefix> Reader::prefix(json::object const& in, std::string_view key) {
  std::string const value = text(in, key);
  if (value.empty()) {
    return std::nullopt;
  }
  Result<IpPrefix> const result = IpPrefix::parse(value);
  if (!result) {
    refuse(fmt::format("\"{}\": {}", key, result.error().message));
    return std::nullopt;
  }
  return *result;
}

void Reader::refuse(std::string reason) {
  if (!error_) {
    error_ = Error{Errc::malformed, std::move(reason)};
  }
}

std::vector<IpAddress> auxiliary_addresses_of(Reader& reader, json::object const& subnet) {
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
std::vector<DockerSubnet> subnets_of(Reader& reader, json::object const& ipam) {
  std::vector<DockerSubnet> subnets;
  for (json::value const& element : reader.list(ipam, "Config")) {
    json::object const& subnet = reader.as_object(element, "Config");
    if (std::optional<IpPrefix> const prefix = reader.prefix(subnet, "Subnet")) {
      subnets.push_back({prefix->network(), reader.address(subnet, "Gateway"),
                         auxiliary_addresses_of(reader, subnet)});
    }
  }
  return subnets;
}

DockerEndpoint endpoint_of(Reader& reader, std::string_view key, json::object const& in) {
  DockerEndpoint endpoint;
  endpoint.id.value = reader.text(in, "EndpointID");
  if (endpoint.id.value.empty() && key.starts_with(endpoint_key)) {
    endpoint.id.value = key.substr(endpoint_key.size());
  }
  endpoint.name = reader.text(in, "Name");
  endpoint.ipv4 = reader.prefix(in, "IPv4Address");
  endpoint.ipv6 = reader.prefix(in, "IPv6Address");
  return endpoint;
}

std::vector<DockerEndpoint> endpoints_of(Reader& reader, json::object const& network) {
  std::vector<DockerEndpoint> endpoints;
  for (json::key_value_pair const& member : reader.object(network, "Containers")) {
    json::object const& endpoint = reader.as_object(member.value(), "Containers");
    endpoints.push_back(endpoint_of(reader, member.key(), endpoint));
  }
  std::sort(endpoints.begin(), endpoints.end(),
            [](DockerEndpoint const& a, DockerEndpoint const& b) { return a.id < b.id; });
  return endpoints;
}

DockerNetwork network_of(Reader& reader, json::object const& in) {
  DockerNetwork network;
  network.id.value = reader.text(in, "Id");
  if (network.id.value.empty()) {
    reader.refuse("a network has no \"Id\"");
  }
  json::object const& ipam = reader.object(in, "IPAM");
  network.name = reader.text(in, "Name");
  network.driver = reader.text(in, "Driver");
  network.ipam_driver = reader.text(ipam, "Driver");
  network.subnets = subnets_of(reader, ipam);
  network.endpoints = endpoints_of(reader, in);
  return network;
}

Result<json::value> parse(std::string_view body) {
  boost::system::error_code error;
  json::value value = json::parse(body, error);
  return error ? Result<json::value>(fail(Errc::malformed, "not JSON: " + error.message()))
               : Result<json::value>(std::move(value));
}

}  // namespace

Result<std::vector<DockerNetwork>> decode_networks(std::string_view body) {
  Result<json::value> const value = parse(body);
  if (!value) {
    return fail(value.error());
  }
  if (!value->is_array()) {
    return fail(Errc::malformed, "not a list of networks");
  }
  Reader reader;
  std::vector<DockerNetwork> networks;
  for (json::value const& element : value->as_array()) {
    networks.push_back(network_of(reader, reader.as_object(element, "networks")));
  }
  return reader.finish(std::move(networks));
}

Result<DockerNetwork> decode_network(std::string_view body) {
  Result<json::value> const value = parse(body);
  if (!value) {
    return fail(value.error());
  }
  Reader reader;
  DockerNetwork network = network_of(reader, reader.as_object(*value, "network"));
  return reader.finish(std::move(network));
}

}  // namespace drawbridge
