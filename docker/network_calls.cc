#include "docker/network_calls.h"

#include "docker/reply_reader.h"
#include "http/target.h"

#include <boost/json.hpp>

#include <string_view>
#include <utility>

namespace drawbridge {
namespace json = boost::json;
namespace {

std::string path_of(NetworkId const& network, std::string_view below) {
  return "/networks/" + percent_encoded(network.value) + std::string(below);
}

/// What the engine says of an endpoint that is there already, with 403.
/// source: moby libnetwork/network.go, CreateEndpoint()
bool is_connected_already(Error const& error) {
  return error.code == Errc::conflict &&
         error.message.find("already exists in network") != std::string::npos;
}

/// What the engine says, with 500, of a container that runs ("to network NAME") and of one that
/// does not ("to the network NAME", even where there is no such network).
/// source: moby daemon/container_operations.go, disconnectFromNetwork() and DisconnectFromNetwork()
bool is_not_connected(Error const& error) {
  bool const is_said = error.message.find("is not connected to ") != std::string::npos;
  return error.code == Errc::not_found || is_said;
}

json::object members_of(std::map<std::string, std::string> const& texts) {
  json::object members;
  for (auto const& [key, value] : texts) {
    members[key] = value;
  }
  return members;
}

json::object endpoint_config_of(ConnectOptions const& options) {
  json::object config;
  if (!options.aliases.empty()) {
    config["Aliases"] = json::array(options.aliases.begin(), options.aliases.end());
  }
  if (options.ipv4) {
    config["IPAMConfig"] = {{"IPv4Address", options.ipv4->to_string()}};
  }
  if (options.gateway_priority) {
    config["GwPriority"] = *options.gateway_priority;
  }
  if (!options.driver_options.empty()) {
    config["DriverOpts"] = members_of(options.driver_options);
  }
  return config;
}

json::object subnet_of(DockerSubnetRequest const& request) {
  json::object subnet;
  if (request.subnet) {
    subnet["Subnet"] = request.subnet->to_string();
  }
  if (request.ip_range) {
    subnet["IPRange"] = request.ip_range->to_string();
  }
  if (request.gateway) {
    subnet["Gateway"] = request.gateway->to_string();
  }
  json::object auxiliary;
  for (auto const& [name, address] : request.auxiliary) {
    auxiliary[name] = address.to_string();
  }
  if (!auxiliary.empty()) {
    subnet["AuxiliaryAddresses"] = std::move(auxiliary);
  }
  return subnet;
}

json::object ipam_of(DockerNetworkRequest const& request) {
  json::array subnets;
  for (DockerSubnetRequest const& subnet : request.subnets) {
    subnets.push_back(subnet_of(subnet));
  }
  return {{"Driver", request.ipam_driver},
          {"Options", members_of(request.ipam_options)},
          {"Config", std::move(subnets)}};
}

/// CheckDuplicate: without it engines before 25 make a second network of the name without a word.
std::string body_of(DockerNetworkRequest const& request) {
  return json::serialize(json::object{{"Name", request.name},
                                      {"CheckDuplicate", true},
                                      {"Driver", request.driver},
                                      {"Options", members_of(request.options)},
                                      {"IPAM", ipam_of(request)},
                                      {"Internal", request.internal},
                                      {"EnableIPv6", request.enable_ipv6},
                                      {"Attachable", request.attachable},
                                      {"Labels", members_of(request.labels)}});
}

Result<NetworkId> created_id(std::string_view body) {
  Result<json::value> const value = parse_reply(body);
  if (!value) {
    return fail(value.error());
  }
  ReplyReader reader;
  NetworkId id{reader.text(reader.as_object(*value, "reply"), "Id")};
  if (id.value.empty()) {
    reader.refuse("the new network has no \"Id\"");
  }
  return reader.finish(std::move(id));
}

/// returns  what of `options` the engine understands
Result<ConnectOptions> understood(ApiClient& api, ConnectOptions options) {
  if (options.gateway_priority) {
    Result<int> const minor = api.minor_version();
    if (!minor) {
      return fail(minor.error());
    }
    if (*minor < gateway_priority_minor_version) {
      options.gateway_priority.reset();
    }
  }
  return options;
}

}  // namespace

Result<ApiChange> connect_container(ApiClient& api, NetworkId const& network,
                                    ContainerId const& container, ConnectOptions const& options) {
  Result<ConnectOptions> const known = understood(api, options);
  if (!known) {
    return fail(known.error());
  }
  json::object const body{{"Container", container.value},
                          {"EndpointConfig", endpoint_config_of(*known)}};
  Result<std::string> const done = api.post(path_of(network, "/connect"), json::serialize(body));
  if (!done && is_connected_already(done.error())) {
    return ApiChange::none;
  }
  return done ? Result<ApiChange>(ApiChange::made) : fail(done.error());
}

Result<ApiChange> disconnect_container(ApiClient& api, NetworkId const& network,
                                       ContainerId const& container, Disconnect how) {
  json::object const body{{"Container", container.value}, {"Force", how == Disconnect::forced}};
  Result<std::string> const done = api.post(path_of(network, "/disconnect"), json::serialize(body));
  if (!done && is_not_connected(done.error())) {
    return ApiChange::none;
  }
  return done ? Result<ApiChange>(ApiChange::made) : fail(done.error());
}

Result<NetworkId> create_network(ApiClient& api, DockerNetworkRequest const& request) {
  std::string const path = "/networks/create";
  Result<std::string> const body = api.post(path, body_of(request));
  if (!body) {
    Error error = body.error();
    bool const is_taken =
        error.code == Errc::conflict && error.message.find("already exists") != std::string::npos;
    error.code = is_taken ? Errc::already_exists : error.code;
    return fail(std::move(error));
  }
  Result<NetworkId> id = created_id(*body);
  return id ? id : fail(api.in_call("POST", path, id.error()));
}

Result<ApiChange> delete_network(ApiClient& api, NetworkId const& network) {
  Result<std::string> const done = api.remove(path_of(network, ""));
  if (!done && done.error().code == Errc::not_found) {
    return ApiChange::none;
  }
  return done ? Result<ApiChange>(ApiChange::made) : fail(done.error());
}

}  // namespace drawbridge
