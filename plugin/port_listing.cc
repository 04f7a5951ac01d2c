#include "plugin/port_listing.h"

#include "plugin/json_list.h"
#include "plugin/port_brief.h"
#include "plugin/port_messages.h"

#include <cstdint>
#include <optional>

namespace drawbridge {
namespace json = boost::json;
namespace {

std::string text_of(std::optional<IpAddress> const& address) {
  return address ? address->to_string() : "";
}

json::array addresses_of(PortListing const& listing) {
  json::array addresses;
  for (std::optional<IpAddress> const& address : {listing.ipv4, listing.ipv6}) {
    if (address) {
      addresses.emplace_back(address->to_string());
    }
  }
  return addresses;
}

json::value reach_of(PortListing const& listing) {
  if (listing.publish != Publish::listed) {
    return json::value(reach_text(listing));
  }
  json::array prefixes;
  for (IpPrefix const& prefix : listing.publish_list) {
    prefixes.emplace_back(prefix.to_string());
  }
  return prefixes;
}

json::object object_of(ListedPort const& port) {
  PortListing const& listing = port.listing;
  return {{"network", listing.network.value},
          {"network_name", port.network_name},
          {"endpoint", listing.endpoint.value},
          {"container", listing.container},
          {"protocol", name_of_protocol(listing.port.protocol)},
          {"host_address", text_of(listing.port.host)},
          {"host_port", listing.port.host_ports.first},
          {"host_port_last", listing.port.host_ports.last},
          {"container_addresses", addresses_of(listing)},
          {"container_port", listing.port.container_port},
          {"reach", reach_of(listing)},
          {"held", listing.trouble.empty()},
          {"trouble", listing.trouble}};
}

std::uint8_t read_protocol_name(JsonReader const& in) {
  std::string const name = in.text("protocol");
  for (std::uint8_t const known : protocols_with_ports) {
    if (name == name_of_protocol(known)) {
      return known;
    }
  }
  in.refuse({Errc::invalid_argument, "\"protocol\" is not one of tcp, udp and sctp"});
  return 0;
}

void read_addresses(JsonReader const& in, PortListing& listing) {
  for (std::string const& text : in.texts("container_addresses")) {
    Result<IpAddress> const address = IpAddress::parse(text);
    if (!address) {
      in.refuse(address.error().within("\"container_addresses\""));
    } else if (address->family == Family::ipv4) {
      listing.ipv4 = *address;
    } else {
      listing.ipv6 = *address;
    }
  }
}

void read_reach_list(JsonReader const& in, PortListing& listing) {
  listing.publish = Publish::listed;
  for (std::string const& text : in.texts("reach")) {
    Result<IpPrefix> const prefix = IpPrefix::parse(text);
    if (prefix) {
      listing.publish_list.push_back(*prefix);
    } else {
      in.refuse(prefix.error().within("\"reach\""));
    }
  }
}

void read_reach(JsonReader const& in, PortListing& listing) {
  json::value const* const reach = in.raw().if_contains("reach");
  if (reach != nullptr && reach->is_array()) {
    read_reach_list(in, listing);
    return;
  }
  std::string const word = in.text("reach");
  for (Publish const each : {Publish::all, Publish::host, Publish::none}) {
    listing.publish = each;
    if (word == reach_text(listing)) {
      return;
    }
  }
  in.refuse({Errc::invalid_argument, "\"reach\" is not all, host, none or a list"});
}

ListedPort read_listed_port(JsonReader const& in) {
  ListedPort port;
  PortListing& listing = port.listing;
  port.network_name = in.text("network_name");
  listing.network.value = in.text("network");
  listing.endpoint.value = in.text("endpoint");
  listing.container = in.text("container");
  listing.port.protocol = read_protocol_name(in);
  listing.port.host = in.address("host_address");
  listing.port.host_ports = {read_port(in, "host_port"), read_port(in, "host_port_last")};
  listing.port.container_port = read_port(in, "container_port");
  listing.trouble = in.text("trouble");
  read_addresses(in, listing);
  read_reach(in, listing);
  return port;
}

}  // namespace

std::string reach_text(PortListing const& port) {
  switch (port.publish) {
    case Publish::all:
      return "all";
    case Publish::host:
      return "host";
    case Publish::none:
      return "none";
    case Publish::listed:
      break;
  }
  std::string text;
  for (IpPrefix const& prefix : port.publish_list) {
    text += (text.empty() ? "" : ",") + prefix.to_string();
  }
  return text;
}

std::string encode_ports(std::vector<ListedPort> const& ports) {
  return encode_list(ports, object_of);
}

Result<std::vector<ListedPort>> decode_ports(std::string_view body) {
  return decode_list(body, "ports", read_listed_port);
}

}  // namespace drawbridge
