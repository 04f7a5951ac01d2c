#include "plugin/network_messages.h"

#include "driver/names.h"
#include "plugin/json_reader.h"
#include "plugin/port_messages.h"

#include <fmt/core.h>

namespace drawbridge {
namespace json = boost::json;
namespace {

// source: docs/options.md "Options of a connection"
constexpr std::string_view own_prefix = "drawbridge.";
constexpr std::string_view gateway_key = "drawbridge.gateway";
constexpr std::string_view no_gateway = "none";

template <class IdType>
IdType read_id(JsonReader const& in, std::string_view key) {
  IdType id{in.text(key)};
  if (!is_object_id(id.value)) {
    in.refuse({Errc::invalid_argument, fmt::format("\"{}\" is not an id", key)});
  }
  return id;
}

EndpointRef read_ref(JsonReader const& in) {
  return {read_id<NetworkId>(in, "NetworkID"), read_id<EndpointId>(in, "EndpointID")};
}

/// One element of IPv4Data or IPv6Data. Nothing for the null IPAM's "0.0.0.0/0".
std::optional<Subnet> read_subnet(JsonReader const& in) {
  std::optional<IpPrefix> const pool = in.prefix("Pool");
  std::optional<IpPrefix> const gateway = in.prefix("Gateway");
  if (!pool || pool->length == 0) {
    return std::nullopt;
  }
  Subnet subnet{pool->network(), std::nullopt};
  if (gateway) {
    subnet.gateway = gateway->address;
  }
  if (gateway && !subnet.prefix.contains(gateway->address)) {
    in.refuse({Errc::invalid_argument,
               fmt::format("gateway {} is outside of {}", gateway->address.to_string(),
                           subnet.prefix.to_string())});
  }
  return subnet;
}

/// What `docker network connect --driver-opt` said is among what the engine says; of that only our
/// own keys are ours to refuse.
void read_endpoint_options(JsonReader const& options, Endpoint& endpoint) {
  for (std::string const& key : options.keys()) {
    if (key.starts_with(own_prefix) && key != gateway_key) {
      options.refuse({Errc::invalid_argument,
                      fmt::format("unknown option \"{}\": a connection knows \"{}\" alone", key,
                                  gateway_key)});
    }
  }
  if (!options.raw().contains(gateway_key)) {
    return;
  }
  std::string const value = options.text(gateway_key);
  if (value != no_gateway) {
    options.refuse({Errc::invalid_argument, fmt::format("option \"{}\": \"{}\" is unknown: use {}",
                                                        gateway_key, value, no_gateway)});
  }
  endpoint.is_default_route = false;
}

}  // namespace

Result<NetworkRequest> decode_create_network(std::string_view body) {
  JsonDocument document(body);
  JsonReader const in = document.root();
  JsonReader const options = in.object("Options");
  NetworkRequest request;
  request.id = read_id<NetworkId>(in, "NetworkID");
  request.internal = options.flag("com.docker.network.internal");
  request.options = options.text_map("com.docker.network.generic");
  for (std::string_view const key : {"IPv4Data", "IPv6Data"}) {
    for (JsonReader const& data : in.objects(key)) {
      std::optional<Subnet> const subnet = read_subnet(data);
      if (subnet) {
        request.subnets.push_back(*subnet);
      }
    }
  }
  return document.finish(std::move(request));
}

Result<NetworkId> decode_network_id(std::string_view body) {
  JsonDocument document(body);
  return document.finish(read_id<NetworkId>(document.root(), "NetworkID"));
}

Result<EndpointRef> decode_endpoint_ref(std::string_view body) {
  JsonDocument document(body);
  return document.finish(read_ref(document.root()));
}

Result<CreateEndpointMessage> decode_create_endpoint(std::string_view body) {
  JsonDocument document(body);
  JsonReader const in = document.root();
  JsonReader const interface = in.object("Interface");
  EndpointRef ref = read_ref(in);
  CreateEndpointMessage message;
  message.endpoint.network = std::move(ref.network);
  message.endpoint.id = std::move(ref.endpoint);
  message.endpoint.ipv4 = interface.prefix("Address");
  message.endpoint.ipv6 = interface.prefix("AddressIPv6");
  message.mac = interface.mac("MacAddress");
  read_endpoint_options(in.object("Options"), message.endpoint);
  return document.finish(std::move(message));
}

Result<JoinMessage> decode_join(std::string_view body) {
  JsonDocument document(body);
  JsonReader const in = document.root();
  return document.finish(JoinMessage{read_ref(in), in.text("SandboxKey")});
}

Result<ProgramMessage> decode_program(std::string_view body) {
  JsonDocument document(body);
  JsonReader const in = document.root();
  EndpointRef ref = read_ref(in);
  JsonReader const options = in.object("Options");
  std::vector<PortRequest> ports = read_port_requests(options);
  return document.finish(ProgramMessage{std::move(ref), std::move(ports), wants_no_ipv6(options)});
}

Result<std::string> echo_allocate_network(std::string_view body) {
  JsonDocument document(body);
  json::object reply;
  reply["Options"] = document.root().object("Options").raw();
  return document.finish(json::serialize(reply));
}

std::string encode_mac(std::optional<MacAddress> mac) {
  json::object interface;
  if (mac) {
    interface["MacAddress"] = mac->to_string();
  }
  json::object reply;
  reply["Interface"] = std::move(interface);
  return json::serialize(reply);
}

std::string encode_join(JoinReply const& reply) {
  json::object name;
  name["SrcName"] = reply.interface_name;
  name["DstPrefix"] = reply.interface_prefix;
  json::object message;
  message["InterfaceName"] = std::move(name);
  message["Gateway"] = reply.gateway_ipv4 ? reply.gateway_ipv4->to_string() : "";
  message["GatewayIPv6"] = reply.gateway_ipv6 ? reply.gateway_ipv6->to_string() : "";
  message["DisableGatewayService"] = reply.no_gateway_service;
  return json::serialize(message);
}

}  // namespace drawbridge
