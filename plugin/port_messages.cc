#include "plugin/port_messages.h"

#include "plugin/json_reader.h"
#include "plugin/port_brief.h"

#include <fmt/core.h>

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <utility>

namespace drawbridge {
namespace json = boost::json;
namespace {

constexpr int highest_port = std::numeric_limits<std::uint16_t>::max();
constexpr std::string_view port_map_key = "com.docker.network.portmap";
constexpr std::string_view exposed_ports_key = "com.docker.network.endpoint.exposedports";
constexpr std::string_view no_ipv6_key = "com.docker.network.driver.private.no_proxy_6to4";

std::string address_text(std::optional<IpAddress> const& address) {
  return address ? address->to_string() : "";
}

std::optional<IpAddress> address_in(std::optional<IpPrefix> const& prefix) {
  return prefix ? std::optional(prefix->address) : std::nullopt;
}

/// returns  one that has ports
std::uint8_t read_protocol(JsonReader const& in) {
  int const number = in.number("Proto").value_or(0);
  for (std::uint8_t const known : protocols_with_ports) {
    if (number == known) {
      return known;
    }
  }
  in.refuse({Errc::invalid_argument,
             fmt::format("\"Proto\" is {}: known are 6 (tcp), 17 (udp) and 132 (sctp)", number)});
  return 0;
}

PortRange read_host_ports(JsonReader const& in) {
  std::uint16_t const first = read_port(in, "HostPort");
  std::uint16_t const last = read_port(in, "HostPortEnd");
  if (last == 0) {
    return {first, first};
  }
  if (last < first || first == 0) {
    in.refuse({Errc::invalid_argument,
               fmt::format("\"HostPortEnd\" is {}, which does not go with \"HostPort\" {}", last,
                           first)});
  }
  return {first, last};
}

PortRequest read_port_request(JsonReader const& in) {
  PortRequest request;
  request.protocol = read_protocol(in);
  request.host = in.address("HostIP");
  request.host_ports = read_host_ports(in);
  request.container_port = read_port(in, "Port");
  if (request.container_port == 0) {
    in.refuse({Errc::invalid_argument, "\"Port\" is 0, which no container can listen on"});
  }
  return request;
}

/// returns  how far its last port is from its first
unsigned last_offset(PublishedPort const& port) {
  return static_cast<unsigned>(port.host_ports.last - port.host_ports.first);
}

void add_bindings(json::array& bindings, PublishedPort const& port, Endpoint const& endpoint) {
  std::string const target =
      address_text(target_of(port, address_in(endpoint.ipv4), address_in(endpoint.ipv6)));
  std::string const host = address_text(port.host);
  for (unsigned offset = 0; offset <= last_offset(port); ++offset) {
    unsigned const host_port = port.host_ports.first + offset;
    bindings.push_back(json::object{{"Proto", port.protocol},
                                    {"IP", target},
                                    {"Port", port.container_port + offset},
                                    {"HostIP", host},
                                    {"HostPort", host_port},
                                    {"HostPortEnd", host_port}});
  }
}

json::array exposed_ports(std::vector<PublishedPort> const& ports) {
  std::set<std::pair<std::uint8_t, unsigned>> exposed;
  for (PublishedPort const& port : ports) {
    for (unsigned offset = 0; offset <= last_offset(port); ++offset) {
      exposed.emplace(port.protocol, port.container_port + offset);
    }
  }
  json::array list;
  for (auto const& [protocol, port] : exposed) {
    list.push_back(json::object{{"Proto", protocol}, {"Port", port}});
  }
  return list;
}

}  // namespace

std::uint16_t read_port(JsonReader const& in, std::string_view key) {
  int const number = in.number(key).value_or(0);
  if (number < 0 || number > highest_port) {
    in.refuse({Errc::invalid_argument,
               fmt::format("\"{}\" is {}: ports go up to {}", key, number, highest_port)});
    return 0;
  }
  return static_cast<std::uint16_t>(number);
}

bool wants_no_ipv6(JsonReader const& options) {
  return options.flag(no_ipv6_key);
}

std::vector<PortRequest> read_port_requests(JsonReader const& options) {
  std::vector<PortRequest> requests;
  for (JsonReader const& element : options.objects(port_map_key)) {
    requests.push_back(read_port_request(element));
  }
  return requests;
}

std::string encode_endpoint_info(Endpoint const& endpoint) {
  json::array bindings;
  for (PublishedPort const& port : endpoint.ports) {
    add_bindings(bindings, port, endpoint);
  }
  json::object value;
  value[port_map_key] = std::move(bindings);
  value[exposed_ports_key] = exposed_ports(endpoint.ports);
  json::object reply;
  reply["Value"] = std::move(value);
  return json::serialize(reply);
}

}  // namespace drawbridge
