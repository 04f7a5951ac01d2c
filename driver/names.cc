#include "driver/names.h"

#include <algorithm>
#include <array>

namespace drawbridge {
namespace {

std::uint32_t fnv1a(std::string_view text) {
  std::uint32_t hash = 2166136261u;
  for (char const c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  }
  return hash;
}

MacAddress mac_of(std::uint32_t tail) {
  MacAddress mac;
  mac.bytes = {0x02,
               0xdb,
               static_cast<std::uint8_t>(tail >> 24),
               static_cast<std::uint8_t>(tail >> 16),
               static_cast<std::uint8_t>(tail >> 8),
               static_cast<std::uint8_t>(tail)};
  return mac;
}

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

}  // namespace

std::string bridge_name(NetworkId const& network) {
  return std::string(bridge_prefix).append(network.brief());
}

std::string host_end_name(EndpointId const& endpoint) {
  return std::string(port_prefix).append(endpoint.brief());
}

std::string container_end_name(EndpointId const& endpoint) {
  return "dc-" + std::string(endpoint.brief());
}

MacAddress mac_for(IpAddress const& address) {
  return address.family == Family::ipv4 ? mac_of(static_cast<std::uint32_t>(address.bits))
                                        : mac_for(address.to_string());
}

MacAddress mac_for(std::string_view id) {
  return mac_of(fnv1a(id));
}

bool is_interface_name(std::string_view name) {
  return !name.empty() && name.size() <= 15 && name != "." && name != ".." &&
         std::all_of(name.begin(), name.end(),
                     [](char c) { return c > ' ' && c < 0x7f && c != '/' && c != ':'; });
}

bool is_object_id(std::string_view id) {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), is_letter_or_digit);
}

bool is_network_id(std::string_view text) {
  constexpr std::size_t shortest = 12;  // what `docker network ls` prints
  constexpr std::size_t longest = 64;
  return text.size() >= shortest && text.size() <= longest &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

MacAddress bridge_mac(Network const& network) {
  for (Subnet const& subnet : network.request.subnets) {
    if (subnet.gateway) {
      return mac_for(*subnet.gateway);
    }
  }
  return mac_for(network.request.id.value);
}

IpAddress link_local_of(MacAddress const& mac) {
  constexpr std::uint8_t universal_bit = 0x02;
  std::array<std::uint8_t, 6> const& b = mac.bytes;
  auto const first = static_cast<std::uint8_t>(b[0] ^ universal_bit);
  AddressBits bits = 0xfe80;
  bits <<= 48;
  for (std::uint8_t const byte :
       std::array<std::uint8_t, 8>{first, b[1], b[2], 0xff, 0xfe, b[3], b[4], b[5]}) {
    bits = bits << 8 | byte;
  }
  return {Family::ipv6, bits};
}

LinkGroup group_of(std::string_view name) {
  constexpr std::uint32_t range = 0x4000'0000;
  return {range | (fnv1a(name) & (range - 1))};
}

}  // namespace drawbridge
